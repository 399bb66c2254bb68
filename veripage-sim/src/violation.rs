//! What the machine reports: things that a correct memory manager never lets happen.
use veripage_hw::{Paddr, Vaddr};

/// One broken rule, with the addresses and the duty that was missed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame was freed while a TLB held a translation to it.
    #[error("frame {pa:#x} freed while CPU {cpu} may still translate {va:#x} to it: wait for the flush of that address before the frame is given back")]
    FreedWhileTranslated {
        /// The frame.
        pa: Paddr,
        /// The CPU whose TLB has the translation.
        cpu: usize,
        /// First address of the translation.
        va: Vaddr,
    },
    /// A table node was freed while a TLB held a translation that was read through it.
    #[error("node {pa:#x} freed while CPU {cpu} may still walk through it to {va:#x}: wait for the flush of its addresses before the node is given back")]
    FreedNodeInUse {
        /// The node.
        pa: Paddr,
        /// The CPU whose TLB has the translation.
        cpu: usize,
        /// First address of the translation.
        va: Vaddr,
    },
    /// A frame was freed while it was the root of a CPU.
    #[error("frame {pa:#x} freed while it is the page-table root of CPU {cpu}: load another root there first")]
    FreedRoot {
        /// The frame.
        pa: Paddr,
        /// The CPU.
        cpu: usize,
    },
    /// An access went through a translation to a frame that was freed after the TLB learned it.
    #[error("CPU {cpu} reached frame {pa:#x} at {va:#x} through a stale translation; the frame was freed {} since: its flush is missing", if *.reused { "and reused" } else { "" })]
    StaleAccess {
        /// The CPU.
        cpu: usize,
        /// The address used.
        va: Vaddr,
        /// The frame reached.
        pa: Paddr,
        /// Has the frame an owner again?
        reused: bool,
    },
    /// The MMU walked through a frame that is free or not RAM.
    #[error("CPU {cpu} walked {va:#x} through {node:#x} at level {level}, which is no allocated frame: an entry or root still points to it")]
    WalkThroughFreed {
        /// The CPU.
        cpu: usize,
        /// The address walked.
        va: Vaddr,
        /// The frame that was read as a node.
        node: Paddr,
        /// Its level.
        level: u8,
    },
    /// A mapping led to RAM that nobody has allocated.
    #[error("CPU {cpu} translated {va:#x} to free frame {pa:#x}: the entry outlived the frame")]
    MappedFree {
        /// The CPU.
        cpu: usize,
        /// The address used.
        va: Vaddr,
        /// The frame reached.
        pa: Paddr,
    },
    /// A free frame was written.
    #[error("free frame {pa:#x} was written: at offset {offset:#x} stands {found:#x}")]
    WroteFree {
        /// The frame.
        pa: Paddr,
        /// Byte offset of the first wrong word.
        offset: usize,
        /// What stands there.
        found: u64,
    },
    /// A frame was freed that was free.
    #[error("frame {pa:#x} freed twice, or never allocated")]
    DoubleFree {
        /// The frame.
        pa: Paddr,
    },
    /// Something was freed that is not RAM, or not a frame.
    #[error("{pa:#x} freed, which is no frame of RAM")]
    FreedNotRam {
        /// The address.
        pa: Paddr,
    },
    /// A CPU loaded a root that is no allocated frame.
    #[error("CPU {cpu} loaded root {root:#x}, which is no allocated frame")]
    BadRoot {
        /// The CPU.
        cpu: usize,
        /// The root.
        root: Paddr,
    },
    /// An RCU section was left that was not entered.
    #[error("CPU {cpu} left an RCU section that it had not entered")]
    RcuUnbalanced {
        /// The CPU.
        cpu: usize,
    },
    /// The machine was shut down while the frame had an owner.
    #[error("frame {pa:#x} lost: still allocated at shutdown")]
    LostFrame {
        /// The frame.
        pa: Paddr,
    },
}
