//! The kernel's page table, and the pool of addresses that areas come from.
use super::area_pool::AreaPool;
use super::KSpaceError;
use crate::page_table::{KernelPtConfig, PageTable, PagingFormat, TableKind};
use crate::paging::is_valid_range;
use crate::rcu::RcuGuard;
use crate::tlb::deferred::DeferredNodes;
use crate::tlb::TlbFlusher;
use crate::{Paddr, Platform, Vaddr};
use core::mem::ManuallyDrop;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};
use veripage_hw::flush::Whom;

/// Pieces that a kernel's table of areas holds unless told otherwise: at least 511 areas at a time.
pub const DEFAULT_PIECES: usize = 1024;

/// What kernel areas and user spaces need of the kernel: its table, and the nodes that wait for a
/// grace period.
pub(crate) struct KernelTables<P: Platform, F: PagingFormat> {
    pub(crate) table: ManuallyDrop<PageTable<KernelPtConfig<P, F>>>,
    /// A CPU may have the table loaded since it left a user space.
    pub(crate) loaded: AtomicBool,
    pub(crate) kernel_nodes: DeferredNodes<P, F::Entry>,
    pub(crate) user_nodes: DeferredNodes<P, F::Entry>,
}

/// The kernel's page table and the range of addresses that areas come from. `PIECES` bounds the
/// number of areas: see [`range_alloc`](super::range_alloc).
///
/// Dropping one never waits: nodes that a read section may still look at are leaked then (see
/// [`drain`](Self::drain)). If a user space was ever active, CPUs may have the kernel's table loaded, and then the
/// drop leaks the table: see [`destroy`](Self::destroy).
pub struct KernelSpace<P: Platform, F: PagingFormat, const PIECES: usize = DEFAULT_PIECES> {
    tables: KernelTables<P, F>,
    pub(super) areas: AreaPool<PIECES>,
}

impl<P: Platform, F: PagingFormat, const PIECES: usize> KernelSpace<P, F, PIECES> {
    /// A kernel table that maps nothing, with `range` for areas: whole pages of the kernel half, and
    /// not its last one.
    ///
    /// # Errors
    /// `NotKernel` or `Range(BadRange)` if the range is none; `Table(NoMemory)`.
    pub fn new(range: Range<Vaddr>) -> Result<Self, KSpaceError> {
        let areas = AreaPool::new(range.clone())?;
        let top = KernelPtConfig::<P, F>::TOP_LEVEL_INDEX_RANGE;
        if !is_valid_range::<F::Consts>(&top, &range) {
            return Err(KSpaceError::NotKernel(range.start, range.end));
        }
        let tables = KernelTables {
            table: ManuallyDrop::new(PageTable::new_kernel_page_table()?),
            loaded: AtomicBool::new(false),
            kernel_nodes: DeferredNodes::new(),
            user_nodes: DeferredNodes::new(),
        };
        Ok(KernelSpace { tables, areas })
    }

    /// The kernel's page table: for what is mapped at fixed addresses.
    ///
    /// # Safety
    /// The range that areas come from is left alone, and what is mapped at addresses that safe code
    /// accesses stays memory of the kind that it takes it for. What is removed goes through a
    /// [`flusher`](Self::flusher) of this space, as its [`Sink`](crate::page_table::Sink), with the addresses
    /// that it was removed from.
    pub unsafe fn page_table(&self) -> &PageTable<KernelPtConfig<P, F>> {
        &self.tables.table
    }

    /// Physical address of the kernel table's root.
    pub fn root_paddr(&self) -> Paddr {
        self.tables.table.root_paddr()
    }

    /// A flusher for what is unmapped from the kernel's page table: it asks every CPU.
    pub fn flusher(&self) -> TlbFlusher<'_, KernelPtConfig<P, F>> {
        self.tables.flusher()
    }

    /// Frees the nodes, of kernel and user tables, whose grace period is over. Flushers do so, too,
    /// whenever they sync; this is for a kernel that is idle. Never waits. Returns whether nodes are
    /// left.
    pub fn reclaim(&self) -> bool {
        self.tables.poll()
    }

    /// Frees every node that waits for a grace period. Ends the read section, and then waits: no cursor of that
    /// section is left. The current CPU must not be in another one, since it would wait for itself.
    /// ```compile_fail,E0505
    /// # use veripage::{kspace::KernelSpace, page_table::PageTableError, page_table::PagingFormat};
    /// # use veripage::{rcu::RcuGuard, vm_space::VmSpace, Platform};
    /// fn unmap<P: Platform, F: PagingFormat>(
    ///     kernel: &KernelSpace<P, F>,
    ///     space: &VmSpace<'_, P, F>,
    ///     mut guard: RcuGuard<P>,
    /// ) -> Result<usize, PageTableError> {
    ///     let mut cursor = space.cursor_mut(&mut guard, &(0..0x1000))?;
    ///     kernel.drain(guard); // the cursor still has it
    ///     cursor.unmap(0x1000)
    /// }
    /// ```
    pub fn drain(&self, guard: RcuGuard<P>) {
        guard.wait_for(|| !self.reclaim());
    }

    /// Gives back every node of the kernel's table, also if CPUs may have had it loaded, and every node that
    /// waits, as [`drain`](Self::drain) does.
    ///
    /// # Safety
    /// No CPU has the table loaded, or accesses memory through it from now on.
    pub unsafe fn destroy(mut self, guard: RcuGuard<P>) {
        *self.tables.loaded.get_mut() = false;
        self.drain(guard);
    }

    pub(crate) fn tables(&self) -> &KernelTables<P, F> {
        &self.tables
    }
}

impl<P: Platform, F: PagingFormat> KernelTables<P, F> {
    pub(crate) fn flusher(&self) -> TlbFlusher<'_, KernelPtConfig<P, F>> {
        TlbFlusher::new(Whom::All, &self.kernel_nodes)
    }

    /// See [`KernelSpace::reclaim`].
    fn poll(&self) -> bool {
        let kernel = self.kernel_nodes.poll();
        self.user_nodes.poll() || kernel
    }

    /// To be called before a user space is loaded: when its CPUs leave it, they load the kernel's table.
    pub(crate) fn keep(&self) {
        if !self.loaded.load(Ordering::Relaxed) {
            self.loaded.store(true, Ordering::Relaxed);
        }
    }
}

impl<P: Platform, F: PagingFormat> Drop for KernelTables<P, F> {
    fn drop(&mut self) {
        // Outside of read sections that is all: the first frees what waited, the second what collected meanwhile.
        if self.poll() {
            self.poll();
        }
        if !*self.loaded.get_mut() {
            // SAFETY: nobody uses it after this, and nobody has loaded it, says the flag: except by
            // `PageTable::activate`, whose caller answers for that.
            unsafe { ManuallyDrop::drop(&mut self.table) }
        }
    }
}
