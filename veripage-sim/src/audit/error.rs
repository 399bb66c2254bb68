//! The rules that an audit checks: each variant is one that was broken, with where.
use super::Entry;
use std::ops::Range;
use veripage_hw::{Paddr, Vaddr};

/// The first slot, entry, area or CPU that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the messages say what the fields are
pub enum AuditError {
    // Nodes.
    /// A table's root or an entry's child is not an allocated frame of RAM.
    #[error("node {node:#x} (linked by {link}) is no allocated frame of RAM")]
    NodeNotAllocated { node: Paddr, link: Link },
    /// A linked frame is not marked live.
    #[error("node {node:#x} (linked by {link}) is not live: its slot says {live}")]
    NodeNotLive { node: Paddr, link: Link, live: u8 },
    /// A node's lock is taken although nobody works on its table.
    #[error("node {node:#x} is locked")]
    NodeLocked { node: Paddr },
    /// A node's slot names another table.
    #[error(
        "node {node:#x} (linked by {link}) of table {root:#x} says that its root is {says:#x}"
    )]
    WrongRoot {
        node: Paddr,
        link: Link,
        root: Paddr,
        says: Paddr,
    },
    /// A node's slot names another level.
    #[error("node {node:#x} (linked by {link}) is at level {level}, its slot says {says}")]
    WrongLevel {
        node: Paddr,
        link: Link,
        level: u8,
        says: u64,
    },
    /// A node's slot names another position.
    #[error("node {node:#x} (linked by {link}) starts at page {base:#x}, its slot says {says:#x}")]
    WrongBase {
        node: Paddr,
        link: Link,
        base: u64,
        says: u64,
    },
    /// A node is linked twice.
    #[error("node {node:#x} is linked by {first} and by {second}")]
    LinkedTwice {
        node: Paddr,
        first: Link,
        second: Link,
    },
    /// A node's slot miscounts its entries.
    #[error("node {node:#x} has {present} present entries, its slot says {says}")]
    WrongCount {
        node: Paddr,
        present: u64,
        says: u64,
    },
    /// A live node that no table leads to.
    #[error("node {node:#x} is live, but no table leads to it")]
    Unreachable { node: Paddr },
    /// A node that is not all its table's, or that somebody else has a handle on.
    #[error("node {node:#x} does not belong to its table alone: its count is {count:#x}")]
    NodeNotUnique { node: Paddr, count: u32 },

    // Entries.
    /// A leaf at a level that the format has no pages of.
    #[error("{entry}: a leaf at level {level}")]
    LeafTooHigh { entry: Entry, level: u8 },
    /// A leaf whose address is not a multiple of its page size.
    #[error("{entry}: a level-{level} leaf to {pa:#x}, which is not aligned to its size")]
    LeafMisaligned { entry: Entry, level: u8, pa: Paddr },
    /// A tracked leaf that leaves RAM.
    #[error("{entry}: a tracked leaf to {pa:#x}, which is no RAM")]
    LeafNotRam { entry: Entry, pa: Paddr },
    /// A tracked leaf to a free frame.
    #[error("{entry}: a tracked leaf to {pa:#x}, which is a free frame")]
    LeafToFree { entry: Entry, pa: Paddr },
    /// A leaf to a page-table node.
    #[error("{entry}: a leaf to {pa:#x}, which is a page-table node")]
    LeafToNode { entry: Entry, pa: Paddr },
    /// A user root's kernel half differs from the kernel's root.
    #[error("{entry}: a user root says {says:#x}, the kernel's root {kernel:#x}")]
    NotTheKernels {
        entry: Entry,
        says: u64,
        kernel: u64,
    },
    /// An entry outside the half that the table manages.
    #[error("{entry}: present, but not in the table's half")]
    Foreign { entry: Entry },

    // Frames.
    /// A free frame whose slot is not unused.
    #[error("frame {pa:#x} is free, its slot is not unused: count {count:#x}, lock {lock}, live {live}, type {ty:#x}")]
    FreeInUse {
        pa: Paddr,
        count: u32,
        lock: u8,
        live: u8,
        ty: u64,
    },
    /// The count of a frame is not the number of its shares.
    #[error("frame {pa:#x} has count {count:#x}, but {handles} handles + {mapped} mappings + {covers} covers")]
    Law {
        pa: Paddr,
        count: u32,
        handles: u32,
        mapped: u32,
        covers: u32,
    },
    /// A frame that is not a node is locked.
    #[error("frame {pa:#x} is locked")]
    FrameLocked { pa: Paddr },
    /// A unique frame of which the census does not know.
    #[error("frame {pa:#x} is unique, but nobody has it")]
    UniqueUnknown { pa: Paddr },
    /// A unique handle in the census on a frame that is not unique.
    #[error("frame {pa:#x} has a unique owner, but its count is {count:#x}")]
    NotUnique { pa: Paddr, count: u32 },
    /// An allocated frame that nobody accounts for.
    #[error("frame {pa:#x} is allocated, but nobody has it: no node, no shares (its count is {count:#x})")]
    Unaccounted { pa: Paddr, count: u32 },
    /// Fewer dead nodes than are waiting for a grace period.
    #[error("{expected} dead nodes wait for a grace period, but {found} are there")]
    DeadNodes { expected: usize, found: usize },

    // Areas, spaces, CPUs.
    /// An area that is empty, unaligned or outside the dynamic range.
    #[error("area {:#x}..{:#x} is empty, unaligned, or outside the dynamic range", .0.start, .0.end)]
    BadArea(Range<Vaddr>),
    /// Two areas overlap.
    #[error("areas {:#x}..{:#x} and {:#x}..{:#x} overlap", .0.start, .0.end, .1.start, .1.end)]
    AreasOverlap(Range<Vaddr>, Range<Vaddr>),
    /// A mapping in the dynamic range that no area owns.
    #[error("{entry}: maps {va:#x} in the dynamic range, which no area owns")]
    NoArea { entry: Entry, va: Vaddr },
    /// A CPU runs on a table that was not given.
    #[error("CPU {cpu} has root {root:#x}, which is no known table")]
    UnknownRoot { cpu: usize, root: Paddr },
    /// A CPU runs on a space whose CPU set does not name it.
    #[error("CPU {cpu} has root {root:#x}, whose space does not know of it")]
    NotInCpuSet { cpu: usize, root: Paddr },
    /// A translation in a TLB that the tables do not give.
    #[error("CPU {cpu} still translates {va:#x} to {pa:#x}, which its table does not say")]
    Stale { cpu: usize, va: Vaddr, pa: Paddr },
}

/// What links a node: an entry, or the table's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is the root.
    Root,
    /// An entry of another node.
    Entry(Entry),
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => write!(f, "its table"),
            Self::Entry(e) => write!(f, "{e}"),
        }
    }
}
