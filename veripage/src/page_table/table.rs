//! Whole tables: made, shared, loaded, walked, taken apart.
use super::config::PageTableConfig;
use super::cursor::{Cursor, CursorMut};
use super::geom::*;
use super::kind::{root_base, KernelPtConfig, PagingFormat, UserPtConfig};
use super::reclaim::reclaim;
use super::table_root::TableRoot;
use super::PageTableError;
use crate::paging::{PageProperty, PagingConstsTrait};
use crate::rcu::RcuGuard;
use crate::tlb::queue::FlushQueue;
use crate::{Paddr, Platform, Vaddr};
use core::ops::Range;
use veripage_hw::flush::Whom;
use veripage_hw::handle::{Handle, Release};

/// A page table of kind `C`.
///
/// Dropping one gives back all of its own nodes, and its share of everything that is mapped. Nobody may
/// be using it then: see [`activate`](Self::activate).
pub struct PageTable<C: PageTableConfig> {
    whole: Handle<Whole<C>>,
}

/// What goes away with a table.
struct Whole<C: PageTableConfig>(TableRoot<C>);

impl<C: PageTableConfig> Release for Whole<C> {
    fn release(self) {
        // SAFETY: the table is the caller's alone: cursors and walks borrow it.
        reclaim(unsafe { self.0.retire().assume_unseen() });
    }
}

impl<C: PageTableConfig> core::fmt::Debug for PageTable<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PageTable({:#x})", self.root_paddr())
    }
}

impl<C: PageTableConfig> PageTable<C> {
    /// A table that maps nothing.
    ///
    /// # Errors
    /// `NoMemory(0)`: no frame for the root.
    pub fn empty() -> Result<Self, PageTableError> {
        match TableRoot::empty() {
            Some(root) => Ok(Self::of(root)),
            None => Err(PageTableError::NoMemory(0)),
        }
    }

    fn of(root: TableRoot<C>) -> Self {
        PageTable {
            whole: Handle::new(Whole(root)),
        }
    }

    /// Physical address of the root node.
    #[inline(always)]
    pub fn root_paddr(&self) -> Paddr {
        self.whole.get().0.paddr()
    }

    /// Loads the table on this CPU, whatever was loaded before.
    ///
    /// # Safety
    /// What the CPU executes and accesses from now on must be mapped as it expects, for as long as
    /// the table is loaded; the table must outlive that, and every translation from it in any TLB. What is
    /// removed from it is let go only when every such CPU has flushed the addresses that it was removed from.
    pub unsafe fn first_activate_unchecked(&self) {
        // SAFETY: the caller promises that the table stays.
        unsafe { C::P::load_root(self.root_paddr()) }
    }

    /// Loads the table on this CPU, unless it is loaded already.
    ///
    /// # Safety
    /// As for [`first_activate_unchecked`](Self::first_activate_unchecked).
    pub unsafe fn activate(&self) {
        if C::P::current_root() != Some(self.root_paddr()) {
            // SAFETY: the caller promises that the table stays.
            unsafe { C::P::load_root(self.root_paddr()) }
        }
    }

    /// A cursor at the start of `range` that looks. An end of 0 stands for 2^64.
    ///
    /// # Errors
    /// - `UnalignedVaddr`: an end of the range is not a multiple of 4096;
    /// - `InvalidVaddrRange`: the range is empty, reversed, or not inside the table's addresses;
    /// - `NoMemory`: no frame for a node that covers the range. Nodes allocated before stay, empty.
    #[inline(always)]
    pub fn cursor<'a>(
        &'a self,
        guard: &'a mut RcuGuard<C::P>,
        range: &Range<Vaddr>,
    ) -> Result<Cursor<'a, C>, PageTableError> {
        Cursor::open(self.root_paddr(), guard, range)
    }

    /// A cursor at the start of `range` that changes things; otherwise as [`cursor`](Self::cursor).
    ///
    /// One guard serves one cursor at a time, since two on one CPU could wait for each other:
    /// ```compile_fail,E0499
    /// # use veripage::{page_table::PageTableError, rcu::RcuGuard};
    /// # use veripage::{page_table::{KernelPtConfig, PageTable, PagingFormat}, Platform};
    /// fn two<P: Platform, F: PagingFormat>(
    ///     table: &PageTable<KernelPtConfig<P, F>>,
    ///     guard: &mut RcuGuard<P>,
    /// ) -> Result<usize, PageTableError> {
    ///     let a = table.cursor_mut(guard, &(0..0x1000))?;
    ///     let b = table.cursor_mut(guard, &(0x1000..0x2000))?; // `a` still has it
    ///     Ok(a.virt_addr() + b.virt_addr())
    /// }
    /// ```
    ///
    /// # Errors
    /// As for [`cursor`](Self::cursor).
    #[inline(always)]
    pub fn cursor_mut<'a>(
        &'a self,
        guard: &'a mut RcuGuard<C::P>,
        range: &Range<Vaddr>,
    ) -> Result<CursorMut<'a, C>, PageTableError> {
        CursorMut::open(self.root_paddr(), guard, range)
    }

    /// What an MMU with this table would translate `va` to, at some moment during the call: the physical
    /// address and the page's property. Takes no lock.
    ///
    /// # Errors
    /// `InvalidVaddr`: the address is not canonical.
    #[inline(always)]
    pub fn page_walk(
        &self,
        guard: &RcuGuard<C::P>,
        va: Vaddr,
    ) -> Result<Option<(Paddr, PageProperty)>, PageTableError> {
        self.whole.get().0.page_walk(guard, va)
    }
}

impl<P: Platform, F: PagingFormat> PageTable<KernelPtConfig<P, F>> {
    /// A kernel table: nothing is mapped, and every root entry of the kernel half has its node, for good.
    ///
    /// # Errors
    /// `NoMemory(va)`: no frame for the node at `va`; nothing is kept.
    pub fn new_kernel_page_table() -> Result<Self, PageTableError> {
        match TableRoot::new_kernel() {
            Ok(root) => Ok(Self::of(root)),
            Err(None) => Err(PageTableError::NoMemory(0)),
            Err(Some(i)) => {
                let page = root_base::<KernelPtConfig<P, F>>() + i * span_of(F::Consts::NR_LEVELS);
                Err(PageTableError::NoMemory(page * 4096))
            }
        }
    }

    /// Changes the property of every page that is mapped in `range` by `op`, and makes every CPU forget what it
    /// knew of the range; returns how many base pages are mapped there. A huge page that sticks out is split.
    ///
    /// # Errors
    /// As for [`cursor`](Self::cursor) and [`CursorMut::protect`]. Where pages have changed all the same, they are flushed.
    pub fn protect_flush_tlb(
        &self,
        guard: &mut RcuGuard<P>,
        range: &Range<Vaddr>,
        op: impl FnMut(&mut PageProperty),
    ) -> Result<usize, PageTableError> {
        let mut cursor = self.cursor_mut(guard, range)?;
        let pages = cursor.protect(range.end.wrapping_sub(range.start), op);
        drop(cursor);
        let mut queue = FlushQueue::new(Whom::All);
        queue.issue(range.clone());
        queue.sync::<P>();
        pages
    }

    /// A user table whose kernel half is this table's own nodes: what the kernel maps later is seen in it.
    ///
    /// # Safety
    /// The kernel table is not dropped before it.
    ///
    /// # Errors
    /// `NoMemory(0)`: no frame for the root.
    pub unsafe fn create_user_page_table(
        &self,
    ) -> Result<PageTable<UserPtConfig<P, F>>, PageTableError> {
        match self.whole.get().0.new_user() {
            Some(root) => Ok(PageTable::of(root)),
            None => Err(PageTableError::NoMemory(0)),
        }
    }
}
