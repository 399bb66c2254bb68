//! The flag words of Linux' memory calls, as bits with their names in logs.
//!
//! Numbers are those of x86-64 Linux. A bit without a name is kept, not dropped.

/// Declares a word of flags, with the names under which logs show them.
macro_rules! flag_word {
    ($(#[$doc:meta])* $name:ident, $prefix:literal {
        $($(#[$item:meta])* $flag:ident = $value:expr,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(
            /// The word as Linux takes it.
            pub u64,
        );

        impl $name {
            $($(#[$item])* pub const $flag: Self = Self($value);)*

            /// Every bit of `other` is set here.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The value of one name, with or without the prefix that `strace` prints and `perf` omits.
            pub(super) fn named(name: &str) -> Option<u64> {
                let bare = name.strip_prefix($prefix).unwrap_or(name);
                $(if bare == stringify!($flag).trim_start_matches('_') {
                    return Some($value);
                })*
                None
            }
        }
    };
}

flag_word! {
    /// Access that a mapping permits (`PROT_*`); the empty word is `PROT_NONE`.
    Prot, "PROT_" {
        /// No access.
        NONE = 0,
        /// Loads.
        READ = 1,
        /// Stores.
        WRITE = 2,
        /// Instruction fetches.
        EXEC = 4,
        /// `mprotect`: extend to the start of the stack that grows down.
        GROWSDOWN = 0x0100_0000,
        /// `mprotect`: extend to the end of an area that grows up.
        GROWSUP = 0x0200_0000,
    }
}

impl Prot {
    /// Only what `/proc/PID/maps` shows: read, write, exec.
    #[must_use]
    pub const fn rwx(self) -> Self {
        Self(self.0 & 7)
    }
}

flag_word! {
    /// Flags of `mmap` (`MAP_*`).
    MapFlags, "MAP_" {
        /// No flag.
        FILE = 0,
        /// Stores reach the file and every other mapper.
        SHARED = 1,
        /// Stores go to a private copy.
        PRIVATE = 2,
        /// `SHARED`, and unknown flags are refused.
        SHARED_VALIDATE = 3,
        /// The kernel may drop pages under pressure.
        DROPPABLE = 8,
        /// Replace whatever is mapped at the address.
        FIXED = 0x10,
        /// No file behind it: zeroes.
        ANONYMOUS = 0x20,
        /// Below 2 GiB.
        _32BIT = 0x40,
        /// Grows down on a fault just below.
        GROWSDOWN = 0x100,
        /// Ignored by Linux.
        DENYWRITE = 0x800,
        /// Ignored by Linux.
        EXECUTABLE = 0x1000,
        /// Pages stay resident.
        LOCKED = 0x2000,
        /// No swap reserved.
        NORESERVE = 0x4000,
        /// Fault everything in at once.
        POPULATE = 0x8000,
        /// Together with `POPULATE`: do not read ahead.
        NONBLOCK = 0x1_0000,
        /// Fit for a stack; ignored.
        STACK = 0x2_0000,
        /// Explicit huge pages.
        HUGETLB = 0x4_0000,
        /// Synchronous faults for DAX files.
        SYNC = 0x8_0000,
        /// As `FIXED`, but fails instead of replacing.
        FIXED_NOREPLACE = 0x10_0000,
        /// Do not clear (no-MMU kernels only).
        UNINITIALIZED = 0x400_0000,
    }
}

impl MapFlags {
    /// Shared with other mappers (`MAP_SHARED` or `MAP_SHARED_VALIDATE`).
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.0 & 1 != 0
    }
}

flag_word! {
    /// Flags of `mremap` (`MREMAP_*`).
    RemapFlags, "MREMAP_" {
        /// The mapping may get another address.
        MAYMOVE = 1,
        /// It must get the address that is given; what is there is replaced.
        FIXED = 2,
        /// The old range stays mapped, empty.
        DONTUNMAP = 4,
    }
}

flag_word! {
    /// Flags of `clone`, `clone3`, `fork` (none) and `vfork` (`CLONE_*`); the exit signal is left out.
    CloneFlags, "CLONE_" {
        /// Parent and child share one address space.
        VM = 0x100,
        /// Same current directory and root.
        FS = 0x200,
        /// Same descriptor table.
        FILES = 0x400,
        /// Same signal handlers.
        SIGHAND = 0x800,
        /// The parent gets a descriptor for the child.
        PIDFD = 0x1000,
        /// The tracer follows.
        PTRACE = 0x2000,
        /// The parent sleeps until the child executes or exits.
        VFORK = 0x4000,
        /// The child gets the caller's parent.
        PARENT = 0x8000,
        /// A thread of the caller's process.
        THREAD = 0x1_0000,
        /// New mount namespace.
        NEWNS = 0x2_0000,
        /// Shared semaphore undo list.
        SYSVSEM = 0x4_0000,
        /// A thread pointer is given.
        SETTLS = 0x8_0000,
        /// The child's id is stored in the parent.
        PARENT_SETTID = 0x10_0000,
        /// The child's id word is cleared when it ends.
        CHILD_CLEARTID = 0x20_0000,
        /// Ignored by Linux.
        DETACHED = 0x40_0000,
        /// The tracer cannot be forced on the child.
        UNTRACED = 0x80_0000,
        /// The child's id is stored in the child.
        CHILD_SETTID = 0x100_0000,
        /// New cgroup namespace.
        NEWCGROUP = 0x200_0000,
        /// New host-name namespace.
        NEWUTS = 0x400_0000,
        /// New IPC namespace.
        NEWIPC = 0x800_0000,
        /// New user namespace.
        NEWUSER = 0x1000_0000,
        /// New process-id namespace.
        NEWPID = 0x2000_0000,
        /// New network namespace.
        NEWNET = 0x4000_0000,
        /// Shared I/O context.
        IO = 0x8000_0000,
        /// Handlers reset to default (`clone3` only).
        CLEAR_SIGHAND = 0x1_0000_0000,
        /// Placed in a given cgroup (`clone3` only).
        INTO_CGROUP = 0x2_0000_0000,
    }
}
