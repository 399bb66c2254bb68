//! User spaces: the user half of the addresses, seen by the CPUs that have it active.
//!
//! A [`VmSpace`] is used through cursors, by any number of CPUs at once; cursors over ranges that do not
//! overlap go on side by side. A CPU that activates a space joins the space's CPU set before it loads
//! the root, and whoever removes a mapping reads the set after the entry is cleared: see
//! `veripage_hw::cpu_set` for why nobody is missed.
mod cursor;
mod user_io;

pub use cursor::{is_user_prop, Cursor, CursorMut, Flusher};
pub use user_io::{UserAccessError, UserReader, UserWriter};

use crate::kspace::{KernelSpace, KernelTables};
use crate::page_table::{PageTable, PageTableError, PagingFormat, UserPtConfig};
use crate::paging::PageProperty;
use crate::rcu::RcuGuard;
use crate::tlb::TlbFlusher;
use crate::{CpuSet, FlushOp, Paddr, Platform, Vaddr};
use core::ops::Range;
use veripage_hw::cpu_set::AtomicCpuSet;
use veripage_hw::flush::Whom;

/// An address space of user programs. The kernel's half is the kernel's own: what it maps is seen here.
///
/// Dropping one makes the CPUs that have it loaded load the kernel's table, and gives back every node
/// and every share of a frame.
/// ```
/// use veripage::frame::{boot, FrameAllocOptions};
/// use veripage::kspace::KernelSpace;
/// use veripage::paging::{CachePolicy, PageFlags, PageProperty, X86_64};
/// use veripage::rcu::RcuGuard;
/// use veripage::vm_space::VmSpace;
/// use veripage_sim::{Access, Config, Machine, Sim};
///
/// type P = Sim<1>;
/// let machine = Machine::<1>::boot(Config::default())?;
/// // SAFETY: once, before anybody uses frames.
/// unsafe { boot::<P>(0..usize::MAX) };
/// let areas = 0xffff_c000_0000_0000..0xffff_c000_1000_0000;
/// let kernel = KernelSpace::<P, X86_64>::new(areas)?;
/// let space = VmSpace::new(&kernel)?;
/// space.activate();
///
/// let frame = FrameAllocOptions::new().alloc_frame().unwrap();
/// let pa = frame.start_paddr();
/// let mut guard = RcuGuard::enter();
/// let mut cursor = space.cursor_mut(&mut guard, &(0x40_0000..0x60_0000))?;
/// let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
/// cursor.map(frame, prop).map_err(|(e, _)| e)?;
/// drop(cursor);
///
/// assert_eq!(machine.access(0x40_0123, Access::Write, true), Ok(pa + 0x123));
/// space.writer(0x40_0000, 8)?.write_val(&7u64)?;
/// assert_eq!(space.reader(0x40_0000, 8)?.read_val::<u64>()?, 7);
///
/// let mut cursor = space.cursor_mut(&mut guard, &(0x40_0000..0x60_0000))?;
/// assert_eq!(cursor.unmap(0x1000)?, 1);
/// drop(cursor); // every CPU has flushed the page, and its frame is free again
/// assert!(machine.access(0x40_0123, Access::Read, true).is_err());
/// assert!(!machine.is_allocated(pa));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct VmSpace<'k, P: Platform, F: PagingFormat> {
    kernel: &'k KernelTables<P, F>,
    table: PageTable<UserPtConfig<P, F>>,
    cpus: AtomicCpuSet,
}

impl<'k, P: Platform, F: PagingFormat> VmSpace<'k, P, F> {
    /// A space in which nothing of the user half is mapped.
    ///
    /// # Errors
    /// `NoMemory(0)`: no frame for the root.
    pub fn new<const PIECES: usize>(
        kernel: &'k KernelSpace<P, F, PIECES>,
    ) -> Result<Self, PageTableError> {
        let kernel = kernel.tables();
        Ok(VmSpace {
            kernel,
            // SAFETY: the space borrows the kernel's table.
            table: unsafe { kernel.table.create_user_page_table()? },
            cpus: AtomicCpuSet::new(),
        })
    }

    /// A cursor at the start of `range` that looks.
    ///
    /// # Errors
    /// - `UnalignedVaddr`: an end of the range is not a multiple of 4096;
    /// - `InvalidVaddrRange`: the range is empty, reversed, or not inside the user half;
    /// - `NoMemory`: no frame for a node that covers the range.
    pub fn cursor<'a>(
        &'a self,
        guard: &'a mut RcuGuard<P>,
        range: &Range<Vaddr>,
    ) -> Result<Cursor<'a, P, F>, PageTableError> {
        self.table.cursor(guard, range)
    }

    /// A cursor at the start of `range` that changes things. When it is dropped, every CPU that may have
    /// the space loaded has flushed what it removed.
    ///
    /// # Errors
    /// As for [`cursor`](Self::cursor).
    pub fn cursor_mut<'a>(
        &'a self,
        guard: &'a mut RcuGuard<P>,
        range: &Range<Vaddr>,
    ) -> Result<CursorMut<'a, P, F>, PageTableError> {
        let inner = self.table.cursor_mut(guard, range)?;
        Ok(CursorMut::new(inner, self.flusher()))
    }

    /// Makes this the space of the current CPU.
    pub fn activate(&self) {
        let _stay_on_this_cpu = RcuGuard::<P>::enter();
        if self.is_active() {
            return;
        }
        self.kernel.keep();
        // The set first, the root after it: see `veripage_hw::cpu_set`.
        self.cpus.join::<P>();
        // SAFETY: the kernel half is the kernel's, so that the kernel goes on running. The table stays:
        // `drop` makes every CPU of the set leave it before it goes away.
        unsafe { self.table.activate() }
    }

    /// Makes this the space of the current CPU, which leaves `previous`: that one's removals need not be
    /// flushed here any more. (After [`activate`](Self::activate) they are, which costs time only.)
    pub fn activate_from(&self, previous: &VmSpace<'_, P, F>) {
        let _stay_on_this_cpu = RcuGuard::<P>::enter();
        self.activate();
        if !core::ptr::addr_eq(self, previous) {
            previous.cpus.leave::<P>();
        }
    }

    /// If this is the space of the current CPU, makes it load the kernel's own table.
    pub fn deactivate(&self) {
        let _stay_on_this_cpu = RcuGuard::<P>::enter();
        if self.is_active() {
            // SAFETY: the kernel half of that table is this one's, so that the kernel goes on running, and the kernel's table outlives every user space.
            unsafe { self.kernel.table.activate() }
        }
        self.cpus.leave::<P>();
    }

    /// Is this the space of the current CPU?
    pub fn is_active(&self) -> bool {
        P::current_root() == Some(self.root_paddr())
    }

    /// A reader of the `len` bytes of user memory at `va`.
    ///
    /// # Errors
    /// `NotActive`: this is not the current CPU's space; `NotUser`: not all bytes are in the user half.
    pub fn reader(
        &self,
        va: Vaddr,
        len: usize,
    ) -> Result<UserReader<'_, 'k, P, F>, UserAccessError> {
        UserReader::new(self, va, len)
    }

    /// A writer of the `len` bytes of user memory at `va`.
    ///
    /// # Errors
    /// As for [`reader`](Self::reader).
    pub fn writer(
        &self,
        va: Vaddr,
        len: usize,
    ) -> Result<UserWriter<'_, 'k, P, F>, UserAccessError> {
        UserWriter::new(self, va, len)
    }

    /// Physical address of the root of the space's table.
    pub fn root_paddr(&self) -> Paddr {
        self.table.root_paddr()
    }

    /// What an MMU with this space would translate `va` to, at some moment during the call: the physical
    /// address and the page's property. Takes no lock.
    ///
    /// # Errors
    /// `InvalidVaddr`: the address is not canonical.
    #[inline]
    pub fn page_walk(
        &self,
        guard: &RcuGuard<P>,
        va: Vaddr,
    ) -> Result<Option<(Paddr, PageProperty)>, PageTableError> {
        self.table.page_walk(guard, va)
    }

    /// The CPUs that may have the space loaded.
    pub fn cpus(&self) -> CpuSet {
        self.cpus.load()
    }

    fn flusher(&self) -> TlbFlusher<'_, UserPtConfig<P, F>> {
        TlbFlusher::new(Whom::Of(&self.cpus), &self.kernel.user_nodes)
    }
}

impl<P: Platform, F: PagingFormat> Drop for VmSpace<'_, P, F> {
    /// Nobody can activate the space any more, so the CPUs of the set are all that can have it loaded.
    /// When they have left and flushed, the table drops what it maps: no translation of it is left.
    fn drop(&mut self) {
        let cpus = self.cpus.targets();
        if cpus != CpuSet(0) {
            let leave = FlushOp::LeaveRoot(self.root_paddr(), self.kernel.table.root_paddr());
            P::flush_wait(P::flush(cpus, &leave));
        }
        self.kernel.user_nodes.poll();
    }
}
