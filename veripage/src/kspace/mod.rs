//! The kernel's half of the address space: its page table, and the areas in it.
//!
//! A kernel makes one [`KernelSpace`], keeps it in a static, and takes [`KVirtArea`]s out of it; every
//! user space shares its nodes. Areas and user spaces borrow it, so that it outlives them.
#[cfg(not(verus_only))]
mod area;
mod area_pool;
#[cfg(not(verus_only))]
mod error;
pub mod range_alloc;
#[cfg(not(verus_only))]
mod space;
#[doc(hidden)] // a client for the checker and the tests
pub mod tour;

#[cfg(not(verus_only))]
pub use area::KVirtArea;
#[cfg(not(verus_only))]
pub use error::KSpaceError;
#[cfg(not(verus_only))]
pub(crate) use space::KernelTables;
#[cfg(not(verus_only))]
pub use space::{KernelSpace, DEFAULT_PIECES};
