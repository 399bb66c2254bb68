//! What a log says happened, call by call, in the order in which it took effect.

use super::{CloneFlags, MapFlags, Prot, RemapFlags};

/// One thing that happened, and where the log says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Line in the log, from 1. A call in two halves has the line of the second half, where it took
    /// effect, but for `exit` and `exit_group`, which never return. Lines ascend, except that a
    /// [`EventKind::Clone`] whose child is heard first stands before the child, with its own later line.
    pub line: u64,
    /// The task (Linux' thread id). 0 for the first task of a log that does not name it.
    pub pid: u32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. Addresses and lengths are in bytes and exactly as logged: lengths need not be
/// multiples of a page, and a hostile log may hold any number, so add with care.
///
/// Only successful calls appear under their own name. `result` is what Linux answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// `mmap`: `[result, result + len)` is now this mapping.
    Mmap {
        /// Address asked for; 0 for anywhere.
        addr: u64,
        /// Length in bytes, not rounded.
        len: u64,
        /// Permitted access.
        prot: Prot,
        /// Kind of mapping.
        flags: MapFlags,
        /// The file, or none if the mapping is anonymous.
        fd: Option<i32>,
        /// Offset in the file in bytes.
        offset: u64,
        /// Where it is.
        result: u64,
    },
    /// `munmap`: nothing is mapped there any more.
    Munmap {
        /// First byte.
        addr: u64,
        /// Length in bytes, not rounded.
        len: u64,
    },
    /// `mprotect`, and `pkey_mprotect` (its key is not modelled): the range permits `prot`.
    Mprotect {
        /// First byte.
        addr: u64,
        /// Length in bytes, not rounded.
        len: u64,
        /// Permitted access, perhaps with `GROWSDOWN`.
        prot: Prot,
    },
    /// `brk`: the heap now ends at `result`. A refusal shows as `result != addr`; `addr` 0 only asks.
    Brk {
        /// End asked for; 0 to ask where it is.
        addr: u64,
        /// The end as it is now; not rounded to a page.
        result: u64,
    },
    /// `mremap`: the mapping of `[addr, addr + old_len)` is now `[result, result + new_len)`.
    Mremap {
        /// First byte of the old range.
        addr: u64,
        /// Old length in bytes; 0 copies a shared mapping.
        old_len: u64,
        /// New length in bytes.
        new_len: u64,
        /// Whether it may or must move.
        flags: RemapFlags,
        /// Address asked for, with `FIXED` or `DONTUNMAP`; otherwise 0.
        new_addr: u64,
        /// Where it is now.
        result: u64,
    },
    /// `madvise`, for the advice that a model of pages knows or may pass over.
    Madvise {
        /// First byte.
        addr: u64,
        /// Length in bytes, not rounded.
        len: u64,
        /// What the program says about the range.
        advice: Advice,
    },
    /// `clone`, `clone3`, `fork` or `vfork`: the task `child` begins. It comes before every event of
    /// `child`, also where the log has the parent's return later (as with `vfork`, always).
    Clone {
        /// `VM` set: the child shares the caller's space; clear: it has a copy.
        flags: CloneFlags,
        /// The new task.
        child: u32,
    },
    /// The log hears this task for the first time, no call in it started it, and it is not the log's
    /// first task: what its space holds so far is unknown. Comes before the task's own events.
    Attached,
    /// `execve`, `execveat`: the space is replaced by the image of another program. The image itself is
    /// not in a log: see [`Snapshot`](super::Snapshot).
    Execve,
    /// `exit`: this task ends, on entry to the call.
    Exit,
    /// `exit_group`: this task's process ends, with all its threads, on entry to the call.
    ExitGroup,
    /// `+++ exited`, `+++ killed`: the task is gone. Follows `Exit` and `ExitGroup`, and comes alone
    /// for the other threads of a process that ended and for a task that a signal killed.
    Gone,
    /// `+++ superseded by execve in pid N`: the leader's program is replaced because its thread `by`
    /// executes one; `by` takes over this task's id, and an [`EventKind::Execve`] of this task follows.
    Superseded {
        /// The thread that called `execve`.
        by: u32,
    },
    /// A page fault that Linux served.
    Fault {
        /// The faulting address.
        addr: u64,
        /// What was tried, if the log says.
        access: Option<Access>,
        /// The kernel touched the address on the program's behalf.
        kernel: bool,
    },
    /// A page fault of which the log has no address, only an offset in a file's mapping.
    UnplacedFault,
    /// A call that Linux refused. It changed nothing.
    Failed {
        /// Name of the call.
        name: String,
        /// Name of the error, such as `EINVAL`.
        errno: String,
    },
    /// A call of the memory class that changes neither extent, permissions nor content of any mapping,
    /// as a reader of the space sees them; see [`IGNORED`](super::IGNORED) for the reasons.
    Ignored {
        /// Name of the call.
        name: String,
    },
    /// Something that did or may have changed the space and is not modelled. The replay has to count it.
    Unsupported {
        /// Name of the call, with a reason in parentheses where the name does not tell.
        name: String,
    },
}

/// What an access tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An instruction fetch.
    Exec,
}

/// Advice to `madvise`, as far as it has an effect on a model of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// `MADV_DONTNEED`, `MADV_DONTNEED_LOCKED`: the pages are dropped now; the next touch finds zeroes
    /// or the file.
    DontNeed,
    /// `MADV_FREE`: the pages of an anonymous mapping may be dropped at any time until they are stored to.
    Free,
    /// `MADV_REMOVE`: a hole is punched in the shared object: every mapper finds zeroes.
    Remove,
    /// `MADV_DONTFORK`: children do not get the range.
    DontFork,
    /// `MADV_DOFORK`: undoes `DontFork`.
    DoFork,
    /// `MADV_WIPEONFORK`: children find zeroes.
    WipeOnFork,
    /// `MADV_KEEPONFORK`: undoes `WipeOnFork`.
    KeepOnFork,
    /// Speed only (sequential, will need, huge pages, populate, cold, ...): the number, as in Linux.
    Hint(u32),
}
