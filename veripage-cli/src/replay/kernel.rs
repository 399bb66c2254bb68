//! The core as the replay instantiates it: on which machine, with which kernel half, and why an
//! operation of it cannot be done.
use super::region::RangeError;
use veripage::frame::{AllocError, GetFrameError, IoError};
use veripage::kspace::{KSpaceError, KernelSpace};
use veripage::page_table::PageTableError;
use veripage::paging::X86_64;
use veripage::Paddr;
use veripage_sim::Sim;

/// Number of the machine. Replays in one process take turns on it.
pub const MACHINE: usize = 0;

/// The machine, as the core sees it.
pub type P = Sim<MACHINE>;

/// The kernel half.
pub type Kernel = KernelSpace<P, X86_64>;

/// Why an operation could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No frame was left.
    #[error("out of simulated memory")]
    NoMemory,
    /// The numbers of a call are not ones that Linux would have accepted.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// The page tables refused what they must not refuse.
    #[error("page tables: {0}")]
    Table(PageTableError),
    /// A frame is not in the state that it must be in.
    #[error("frame: {0:?}")]
    Frame(GetFrameError),
    /// What is mapped is not what was mapped.
    #[error("a page at {0:#x} that nobody mapped")]
    Foreign(usize),
    /// The memory of a frame cannot be read or written.
    #[error("frame {0:#x}: {1:?}")]
    Io(Paddr, IoError),
    /// The kernel half cannot be made.
    #[error("kernel half: {0}")]
    Kernel(KSpaceError),
}

impl From<PageTableError> for Trouble {
    fn from(e: PageTableError) -> Trouble {
        match e {
            PageTableError::NoMemory(_) => Trouble::NoMemory,
            e => Trouble::Table(e),
        }
    }
}

impl From<AllocError> for Trouble {
    fn from(e: AllocError) -> Trouble {
        match e {
            AllocError::NoMemory | AllocError::InvalidArgs => Trouble::NoMemory,
            AllocError::Frame(e) => Trouble::Frame(e),
        }
    }
}

impl From<KSpaceError> for Trouble {
    fn from(e: KSpaceError) -> Trouble {
        match e {
            KSpaceError::Table(e) => e.into(),
            e => Trouble::Kernel(e),
        }
    }
}
