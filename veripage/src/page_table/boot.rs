//! The table that a machine starts with: base pages only, one CPU, no locks, no metadata.
//!
//! It serves until the frames' slots exist and the kernel's own table can be made, and nobody but its owner
//! may look at it. It touches frames that it took from the platform itself, and nothing else.
use super::entry_word::Ad;
use super::geom::index_of;
use super::kind::PagingFormat;
use super::PageTableError;
use crate::paging::{
    sign_extend, PageProperty, PageTableEntryTrait, PagingConstsTrait, PagingLevel,
};
use crate::{Paddr, Platform, Vaddr, PAGE_SIZE};
use core::marker::PhantomData;
use veripage_hw::page::{pte_load, pte_store, zero_page};

/// A boot page table of format `F`.
#[derive(Debug)]
pub struct BootPageTable<P: Platform, F: PagingFormat> {
    root: Paddr,
    kind: PhantomData<(P, F)>,
}

impl<P: Platform, F: PagingFormat> BootPageTable<P, F> {
    /// A table that maps nothing.
    ///
    /// # Errors
    /// `NoMemory(0)`: no frame for the root.
    pub fn new() -> Result<Self, PageTableError> {
        let root = node::<P, F>().ok_or(PageTableError::NoMemory(0))?;
        Ok(BootPageTable {
            root,
            kind: PhantomData,
        })
    }

    /// Physical address of the root.
    pub fn root_paddr(&self) -> Paddr {
        self.root
    }

    /// Maps the base page at `va` to the frame at `pa`.
    ///
    /// # Errors
    /// `InvalidVaddr` (not canonical), `UnalignedVaddr`, `InvalidPaddr`, `UnsupportedProperty`, `AlreadyMapped`,
    /// `NoMemory`. No page translates to anything else than before.
    pub fn map_base_page(
        &mut self,
        va: Vaddr,
        pa: Paddr,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        if !F::Entry::fits_page(pa, 1) {
            return Err(PageTableError::InvalidPaddr(pa));
        }
        let (node, i, e) = self.walk(va, true)?;
        if e.is_present() {
            return Err(PageTableError::AlreadyMapped(va));
        }
        if !F::Entry::supports(1, prop) {
            return Err(PageTableError::UnsupportedProperty(va));
        }
        put::<P, F>(node, i, F::Entry::new_page(pa, 1, prop));
        Ok(())
    }

    /// Changes the property of the base page at `va` by `op`.
    ///
    /// # Errors
    /// `InvalidVaddr`, `UnalignedVaddr`, `NotMapped`, `UnsupportedProperty`; nothing has changed.
    pub fn protect_base_page(
        &mut self,
        va: Vaddr,
        op: impl FnOnce(&mut PageProperty),
    ) -> Result<(), PageTableError> {
        let (node, i, e) = self.walk(va, false)?;
        if !e.is_present() {
            return Err(PageTableError::NotMapped(va));
        }
        let mut prop = e.prop(1);
        op(&mut prop);
        if !F::Entry::supports(1, prop) {
            return Err(PageTableError::UnsupportedProperty(va));
        }
        put::<P, F>(node, i, e.set_prop(1, prop));
        Ok(())
    }

    /// What the base page at `va` is mapped to.
    ///
    /// # Errors
    /// `InvalidVaddr`, `UnalignedVaddr`, `NotMapped`.
    pub fn query(&self, va: Vaddr) -> Result<(Paddr, PageProperty), PageTableError> {
        let (_, _, e) = self.walk(va, false)?;
        if !e.is_present() {
            return Err(PageTableError::NotMapped(va));
        }
        Ok((e.paddr(1), e.prop(1)))
    }

    /// The last node, index and entry on the way to `va`; with `create`, missing nodes are made.
    fn walk(&self, va: Vaddr, create: bool) -> Result<(Paddr, usize, F::Entry), PageTableError> {
        if sign_extend::<F::Consts>(va) != va {
            return Err(PageTableError::InvalidVaddr(va));
        }
        if va % PAGE_SIZE != 0 {
            return Err(PageTableError::UnalignedVaddr(va));
        }
        let mut pa = self.root;
        let mut level = F::Consts::NR_LEVELS;
        loop {
            let i = index_of(va / PAGE_SIZE, level);
            let e = get::<P, F>(pa, i);
            if level == 1 {
                return Ok((pa, i, e));
            }
            pa = if e.is_present() {
                e.paddr(level)
            } else if create {
                let child = node::<P, F>().ok_or(PageTableError::NoMemory(va))?;
                put::<P, F>(pa, i, F::Entry::new_pt(child));
                child
            } else {
                return Err(PageTableError::NotMapped(va));
            };
            level -= 1;
        }
    }
}

impl<P: Platform, F: PagingFormat> Drop for BootPageTable<P, F> {
    /// Gives the nodes back. No CPU may use the table any more.
    fn drop(&mut self) {
        give::<P, F>(self.root, F::Consts::NR_LEVELS);
    }
}

/// A frame of zeroes for a node.
fn node<P: Platform, F: PagingFormat>() -> Option<Paddr> {
    let pa = P::alloc_frames(1, PAGE_SIZE)?;
    if !F::Entry::fits_table(pa) {
        P::dealloc_frames(pa, 1);
        return None;
    }
    // SAFETY: the machine just handed the frame out.
    unsafe { zero_page::<P>(pa) };
    Some(pa)
}

fn get<P: Platform, F: PagingFormat>(pa: Paddr, i: usize) -> F::Entry {
    // SAFETY: callers name nodes of their own table, and entries below 512.
    let w = unsafe { pte_load::<P, Ad<F::Entry>>(pa, i) };
    F::Entry::from_usize(w as usize)
}

fn put<P: Platform, F: PagingFormat>(pa: Paddr, i: usize, e: F::Entry) {
    // SAFETY: as in `get`.
    unsafe { pte_store::<P>(pa, i, e.as_usize() as u64) };
}

/// Gives the level-`level` node at `pa` and all below it back.
fn give<P: Platform, F: PagingFormat>(pa: Paddr, level: PagingLevel) {
    if level > 1 {
        for i in 0..512 {
            let e = get::<P, F>(pa, i);
            if e.is_present() {
                give::<P, F>(e.paddr(level), level - 1);
            }
        }
    }
    P::dealloc_frames(pa, 1);
}
