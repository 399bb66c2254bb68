//! The kernel's half of the address space: its page table, and the areas in it.
//!
//! A kernel makes one [`KernelSpace`], keeps it in a static, and takes [`KVirtArea`]s out of it; every
//! user space shares its nodes. Areas and user spaces borrow it, so that it outlives them.
pub mod area;
pub mod area_pool;
pub mod error;
pub mod range_alloc;

pub use area::KVirtArea;
pub use error::KSpaceError;

use crate::page_table::{KernelPtConfig, PageTable, UserPtConfig};
use crate::tlb::deferred::DeferredNodes;
use crate::tlb::{Targets, TlbFlusher};
use crate::{Paddr, Platform, Vaddr};
use area_pool::AreaPool;
use core::ops::Range;

/// Pieces that a kernel's table of areas holds unless told otherwise: at least 511 areas at a time.
pub const DEFAULT_PIECES: usize = 1024;

/// What kernel areas and user spaces need of the kernel: its table, and the lists of nodes that wait
/// for a grace period.
pub(crate) struct KernelTables<P: Platform, F> {
    pub(crate) table: PageTable<KernelPtConfig<P, F>>,
    pub(crate) kernel_nodes: DeferredNodes<KernelPtConfig<P, F>>,
    pub(crate) user_nodes: DeferredNodes<UserPtConfig<P, F>>,
}

/// The kernel's page table and the range of addresses that areas come from. `PIECES` bounds the
/// number of areas: see [`range_alloc`].
pub struct KernelSpace<P: Platform, F, const PIECES: usize = DEFAULT_PIECES> {
    tables: KernelTables<P, F>,
    areas: AreaPool<PIECES>,
}
