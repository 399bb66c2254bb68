//! `/proc/PID/maps` snapshots that accompany a log.

use super::Prot;

/// When a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// At the return of a successful `execve`: what it mapped, before the program's first instruction.
    Start,
    /// At the entry to `exit_group`.
    End,
}

/// The map of one space at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was taken.
    pub when: When,
    /// The task whose event it belongs to; 0 in a file without headers: the log's first task.
    pub pid: u32,
    /// [`Event::line`](super::Event::line) of its `Execve` (start) or `ExitGroup` (end); 0 in a file
    /// without headers: the first such event.
    pub line: u64,
    /// The mappings, ascending and disjoint.
    pub regions: Vec<Region>,
}

/// One line of `/proc/PID/maps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte, a multiple of 4096.
    pub start: u64,
    /// First byte behind it, a multiple of 4096.
    pub end: u64,
    /// Permitted access.
    pub prot: Prot,
    /// `s` in the fourth column: shared, not private.
    pub shared: bool,
    /// Offset in the file in bytes.
    pub offset: u64,
    /// What is mapped.
    pub kind: RegionKind,
}

/// What a region maps, from the last column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegionKind {
    /// Nothing named: zeroes.
    Anon,
    /// A file, or anything else with a path (a deleted file, a shared memory object).
    File,
    /// `[heap]`, moved by `brk`.
    Heap,
    /// `[stack]`, which grows down on faults.
    Stack,
    /// `[vdso]`: code that the kernel maps.
    Vdso,
    /// `[vvar]` and its kin: data that the kernel maps.
    Vvar,
    /// `[vsyscall]`: a page of the kernel half that every process shows; not part of the space.
    Vsyscall,
}
