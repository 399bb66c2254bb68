//! Cursors: exclusive over a range of a table while they live.
//!
//! Opening one locks the lowest node that covers the range, and every node below it that overlaps the
//! range (`lock_range`). From then on nobody else reads or writes these words, but
//! for the MMU and lock-free readers. Dropping one unlocks them. Cursors over other ranges do not wait,
//! unless the node that covers one of them covers both.
//!
//! A range that is exactly one entry's pages is covered by that entry's node, so that a huge page of
//! just that size can be mapped.
use super::config::{PageTableConfig, Shares};
use super::geom::*;
use super::item;
use super::kind::{keep_level, page_range, TableKind};
use super::leaf::{Found, Leaf, TakeLeaf};
use super::path::Path;
use super::protect::{ChangeOnce, ChangeProp};
use super::range::{lock_pages, unlock_pages};
use super::retired::Retired;
use super::{PageTableError, Pending};
use crate::paging::{
    is_aligned, PageProperty, PageTableEntryTrait, PagingConstsTrait, PagingLevel,
};
use crate::rcu::RcuGuard;
use crate::{Paddr, Vaddr};
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut, Range};
use vstd::prelude::*;

/// Nodes that have left a table.
pub type RetiredOf<C> = Retired<<C as TableKind>::P, <C as TableKind>::E>;

/// Takes what a range operation removes, piece by piece, while the cursor holds its locks. Each knows the
/// addresses that it was taken from ([`Pending::range`]).
pub trait Sink<C: PageTableConfig> {
    /// A page that was mapped.
    fn page(&mut self, item: Pending<C::Item>);

    /// Nodes that were detached from somewhere in the range, with the pages that they still name.
    fn nodes(&mut self, nodes: Pending<RetiredOf<C>>);
}

/// What [`CursorMut::take_next`] took.
#[must_use = "what it holds is leaked unless it goes through the TLB flusher"]
pub enum Taken<C: PageTableConfig> {
    /// One page.
    Page {
        /// Its first address.
        va: Vaddr,
        /// Its bytes.
        len: usize,
        /// What was mapped.
        item: Pending<C::Item>,
    },
    /// A whole table of the range, detached at once; the pages that it mapped are still in its nodes.
    Table {
        /// First address that it covered.
        va: Vaddr,
        /// Bytes that it covered.
        len: usize,
        /// How many base pages were mapped in it.
        pages: usize,
    },
}

/// A cursor that looks.
pub struct Cursor<'a, C: PageTableConfig> {
    path: Path<C::P, C::E>,
    held: PhantomData<&'a mut RcuGuard<C::P>>,
}

/// A cursor that changes things. It can do what a [`Cursor`] can.
pub struct CursorMut<'a, C: PageTableConfig>(Cursor<'a, C>);

impl<'a, C: PageTableConfig> Cursor<'a, C> {
    /// Locks `range` of the table at `root`.
    pub(super) fn open(
        root: Paddr,
        guard: &'a mut RcuGuard<C::P>,
        range: &Range<Vaddr>,
    ) -> Result<Self, PageTableError> {
        let (start, end) = page_range::<C>(range)?;
        let node = lock_pages::<C::P, C::E, C::C>(guard, root, start, end)
            .map_err(|_| PageTableError::NoMemory(range.start))?;
        let path = Path::new(node.paddr, node.level, start, end, keep_level::<C>());
        Ok(Cursor {
            path,
            held: PhantomData,
        })
    }

    /// The address that the cursor is at; past the last page of all it is 0.
    pub fn virt_addr(&self) -> Vaddr {
        self.path.page.wrapping_mul(4096)
    }

    /// The range that the cursor owns; an end of 0 stands for 2^64.
    pub fn range(&self) -> Range<Vaddr> {
        bytes_of(self.path.start, self.path.end)
    }

    /// What the current page is mapped to: the full range of the page, which may be a huge one and stick
    /// out of the cursor's range, and a clone of its item. If nothing is mapped, the range is the largest
    /// one around the address that one absent entry covers.
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    pub fn query(&mut self) -> Result<(Range<Vaddr>, Option<C::Item>), PageTableError> {
        self.not_at_end()?;
        let found = self.path.query();
        let base = first_of(self.path.page, self.path.level);
        let range = bytes_of(base, base + span_of(self.path.level));
        let item = found.map(|leaf| {
            // SAFETY: the entry holds the item, and the cursor's lock keeps it there.
            unsafe {
                C::item_clone_raw(
                    leaf.pa,
                    leaf.level,
                    leaf.prop,
                    Tracked::assume_new(),
                    Ghost::assume_new(),
                )
            }
        });
        Ok((range, item))
    }

    /// Address, level and property of what the current page is mapped to, without a share of it.
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    #[inline(always)]
    pub fn peek(&mut self) -> Result<Option<(Paddr, PagingLevel, PageProperty)>, PageTableError> {
        self.not_at_end()?;
        Ok(self
            .path
            .query()
            .map(|leaf| (leaf.pa, leaf.level, leaf.prop)))
    }

    /// Moves to the first mapped page of the next `len` bytes and returns its address, or moves to their
    /// end.
    ///
    /// # Errors
    /// `UnalignedVaddr(len)`: not a multiple of 4096. `InvalidVaddrRange`: past the cursor's range.
    /// `InvalidVaddr`: the cursor is at its end.
    pub fn find_next(&mut self, len: usize) -> Result<Option<Vaddr>, PageTableError> {
        let to = self.end_of(len)?;
        Ok(self.path.find(to, false).map(|_| self.virt_addr()))
    }

    /// Moves to `va`, which may be the end of the range.
    ///
    /// # Errors
    /// `UnalignedVaddr`, `InvalidVaddr` if it is outside the range.
    #[inline(always)]
    pub fn jump(&mut self, va: Vaddr) -> Result<(), PageTableError> {
        if va % 4096 != 0 {
            return Err(PageTableError::UnalignedVaddr(va));
        }
        let page = if va == 0 && self.path.end == NR_PAGES && self.path.start > 0 {
            NR_PAGES
        } else {
            va / 4096
        };
        if page < self.path.start || page > self.path.end {
            return Err(PageTableError::InvalidVaddr(va));
        }
        self.path.jump(page);
        Ok(())
    }

    #[inline(always)]
    fn not_at_end(&self) -> Result<(), PageTableError> {
        if self.path.page == self.path.end {
            return Err(PageTableError::InvalidVaddr(self.virt_addr()));
        }
        Ok(())
    }

    /// Page number `len` bytes on.
    #[inline(always)]
    fn end_of(&self, len: usize) -> Result<usize, PageTableError> {
        self.not_at_end()?;
        if len % 4096 != 0 {
            return Err(PageTableError::UnalignedVaddr(len));
        }
        let (n, page) = (len / 4096, self.path.page);
        if n > self.path.end - page {
            let va = self.virt_addr();
            return Err(PageTableError::InvalidVaddrRange(va, va.wrapping_add(len)));
        }
        Ok(page + n)
    }
}

impl<C: PageTableConfig> Drop for Cursor<'_, C> {
    fn drop(&mut self) {
        let p = &self.path;
        unlock_pages::<C::P, C::E>(p.nodes[p.top as usize - 1], p.top, p.start, p.end);
    }
}

impl<'a, C: PageTableConfig> CursorMut<'a, C> {
    /// Locks `range` of the table at `root`.
    pub(super) fn open(
        root: Paddr,
        guard: &'a mut RcuGuard<C::P>,
        range: &Range<Vaddr>,
    ) -> Result<Self, PageTableError> {
        Ok(CursorMut(Cursor::open(root, guard, range)?))
    }

    /// Maps the item at the current address and moves past it. Where an empty table stands in the place of
    /// a huge page, the table's entries map its parts.
    ///
    /// # Errors
    /// The item is dropped, and no page translates to anything else than before.
    /// - `InvalidVaddr`: the cursor is at its end;
    /// - `InvalidVaddrRange`: the page sticks out of the cursor's range;
    /// - `UnalignedVaddr`: the current address is not a multiple of the item's size;
    /// - `InvalidPaddr`: the item's frame is not, or the format cannot express it;
    /// - `UnsupportedProperty`: the format cannot express the property, or has no such page size;
    /// - `AlreadyMapped(va)`: the page at `va` is mapped;
    /// - `NoMemory`: no frame for a node. Nodes allocated before stay, empty.
    #[inline(always)]
    pub fn map(&mut self, item: C::Item) -> Result<(), PageTableError> {
        if C::item_level(&item) == 0 {
            // The raw form would forget how large it is.
            self.not_at_end()?;
            return Err(PageTableError::UnsupportedProperty(self.virt_addr()));
        }
        let (pa, level, prop, _) = C::item_into_raw(item);
        let mapped = match self.check_page(pa, level, prop) {
            Ok(()) => self.path.map(pa, level, prop),
            Err(e) => Err(e),
        };
        if mapped.is_err() {
            // SAFETY: no entry holds the item.
            drop(unsafe { C::item_from_raw(pa, level, prop, Tracked::assume_new()) });
        }
        mapped
    }

    /// Maps the next `len` bytes to the memory from `pa` on, which nobody owns, with pages of at most the
    /// size of level `largest` (0 counts as 1), and moves past them.
    ///
    /// # Errors
    /// As for [`map`](Self::map). On `AlreadyMapped` and `NoMemory` everything before the new position is
    /// mapped, and no page from there on has changed; on other errors nothing has.
    pub fn map_range(
        &mut self,
        pa: Paddr,
        len: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        // SAFETY: the memory is not owned, so nothing is given away.
        unsafe { self.map_frames(pa, len, item::untracked(prop), largest) }
    }

    /// As [`map_range`](Self::map_range), for any property: a tracked one moves the shares of all frames
    /// that it maps into the table, those before the new position if it fails.
    ///
    /// # Safety
    /// The caller owns a share of each of these frames, of the kind that `prop` tells, and forgets those
    /// that are mapped.
    pub unsafe fn map_frames(
        &mut self,
        pa: Paddr,
        len: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        let to = self.end_of(len)?;
        let last = pa.checked_add(len).and_then(|end| end.checked_sub(4096));
        if len > 0
            && (!C::E::fits_page(pa, 1) || !last.is_some_and(|last| C::E::fits_page(last, 1)))
        {
            return Err(PageTableError::InvalidPaddr(pa));
        }
        if !C::E::supports(1, prop) {
            return Err(PageTableError::UnsupportedProperty(self.virt_addr()));
        }
        self.path
            .map_run(pa, to, prop, if largest == 0 { 1 } else { largest })
    }

    /// Takes out the next mapping of the next `len` bytes and moves past it: one page, or a whole table
    /// that lies in them. A huge page that sticks out is split first. If there is none, moves to their end.
    /// Nodes that leave the table go to `sink`.
    ///
    /// # Errors
    /// As for [`find_next`](Cursor::find_next); `NoMemory` and `UnsupportedProperty` if a page cannot be
    /// split: then no page has changed.
    pub fn take_next(
        &mut self,
        len: usize,
        sink: &mut impl Sink<C>,
    ) -> Result<Option<Taken<C>>, PageTableError> {
        let to = self.end_of(len)?;
        let from = self.path.page;
        let mut nodes = Retired::new();
        let found = self.path.take_next(to, &mut nodes);
        if !nodes.is_empty() {
            sink.nodes(Pending::new(nodes, bytes_of(from, self.path.page)));
        }
        Ok(found?.map(|found| match found {
            Found::Leaf(page, leaf, shares) => Taken::Page {
                va: page * 4096,
                len: span_of(leaf.level) * 4096,
                item: taken::<C>(page, leaf, shares),
            },
            Found::Table(page, size, pages) => Taken::Table {
                va: page * 4096,
                len: size * 4096,
                pages,
            },
        }))
    }

    /// Unmaps every page of the next `len` bytes and moves past them; returns how many base pages were
    /// mapped. Needs no memory, unless a huge page sticks out.
    ///
    /// # Errors
    /// As for [`take_next`](Self::take_next): then nothing is unmapped.
    pub fn unmap(&mut self, len: usize, sink: &mut impl Sink<C>) -> Result<usize, PageTableError> {
        let to = self.end_of(len)?;
        let from = self.path.page;
        let mut nodes = Retired::new();
        let n = self
            .path
            .unmap(to, &mut nodes, &mut Pages::<C, _>(sink, PhantomData));
        if !nodes.is_empty() {
            sink.nodes(Pending::new(nodes, bytes_of(from, self.path.page)));
        }
        n
    }

    /// Changes the property of the next page that is mapped in the next `len` bytes by `op` and moves past
    /// it; returns its range. A huge page that sticks out is split first. If there is none, moves to the end.
    ///
    /// The page stays mapped all the while. Accessed and dirty flags that the MMU sets after `op` was given the
    /// property are set in the new one as well, whatever `op` makes of those that it saw.
    ///
    /// # Errors
    /// As for [`take_next`](Self::take_next); `UnsupportedProperty` if the format cannot express what `op`
    /// made of the property.
    pub fn protect_next(
        &mut self,
        len: usize,
        op: impl FnOnce(&mut PageProperty),
    ) -> Result<Option<Range<Vaddr>>, PageTableError> {
        let to = self.end_of(len)?;
        let found = self.path.protect_next(to, Changes(op))?;
        Ok(found.map(|(page, leaf)| bytes_of(page, page + span_of(leaf.level))))
    }

    /// Changes the property of every page of the next `len` bytes by `op` and moves past them; returns how
    /// many base pages are mapped there. As for [`protect_next`](Self::protect_next), no flag that the MMU sets
    /// meanwhile is lost.
    ///
    /// # Errors
    /// As for [`protect_next`](Self::protect_next). If a page cannot be split, nothing has changed; if a
    /// property is not supported, the pages before the new position have.
    pub fn protect(
        &mut self,
        len: usize,
        op: impl FnMut(&mut PageProperty),
    ) -> Result<usize, PageTableError> {
        let to = self.end_of(len)?;
        self.path.protect(to, &mut Changes(op))
    }

    /// Sets the accessed and dirty flags of what the current page is mapped to, if anything, as the MMU does
    /// for a write: of a whole huge page if it is part of one.
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    pub fn mark_written(&mut self) -> Result<(), PageTableError> {
        self.not_at_end()?;
        self.path.mark_written();
        Ok(())
    }

    /// Splits the huge page at the current address into 512 smaller ones, if there is one.
    ///
    /// # Errors
    /// `InvalidVaddr` at the end; `NoMemory`, `UnsupportedProperty` as for [`take_next`](Self::take_next).
    pub fn split(&mut self) -> Result<bool, PageTableError> {
        self.not_at_end()?;
        let w = self.path.descend();
        if self.path.level == 1 || !super::word::word_present::<C::E>(w) {
            return Ok(false);
        }
        self.path.split(w)?;
        Ok(true)
    }

    /// Can one page of this kind be mapped at the current address?
    #[inline(always)]
    fn check_page(
        &self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        self.not_at_end()?;
        let va = self.virt_addr();
        if level == 0 || level > C::C::HIGHEST_TRANSLATION_LEVEL || !C::E::supports(level, prop) {
            return Err(PageTableError::UnsupportedProperty(va));
        }
        if !is_aligned(va, level) {
            return Err(PageTableError::UnalignedVaddr(va));
        }
        if !C::E::fits_page(pa, level) {
            return Err(PageTableError::InvalidPaddr(pa));
        }
        if span_of(level) > self.path.end - self.path.page || level > self.path.top {
            let len = span_of(level) * 4096;
            return Err(PageTableError::InvalidVaddrRange(va, va.wrapping_add(len)));
        }
        Ok(())
    }
}

impl<'a, C: PageTableConfig> Deref for CursorMut<'a, C> {
    type Target = Cursor<'a, C>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<C: PageTableConfig> DerefMut for CursorMut<'_, C> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Hands the leaves that a range operation clears to a sink, as items.
struct Pages<'s, C, S>(&'s mut S, PhantomData<C>);

impl<C: PageTableConfig, S: Sink<C>> TakeLeaf<C::P> for Pages<'_, C, S> {
    #[inline(always)]
    fn leaf(&mut self, page: usize, leaf: Leaf, shares: Tracked<Shares<C::P>>) {
        self.0.page(taken::<C>(page, leaf, shares));
    }
}

/// Changes properties by a closure, and keeps the kind of what is mapped.
struct Changes<F>(F);

impl<F: FnOnce(&mut PageProperty)> ChangeOnce for Changes<F> {
    #[inline(always)]
    fn once(self, prop: PageProperty) -> PageProperty {
        change(prop, self.0)
    }
}

impl<F: FnMut(&mut PageProperty)> ChangeProp for Changes<F> {
    #[inline(always)]
    fn change(&mut self, prop: PageProperty) -> PageProperty {
        change(prop, &mut self.0)
    }
}

/// What `op` makes of an entry's property, but for the flag that tells what is mapped, which it does not see.
#[inline(always)]
fn change(prop: PageProperty, op: impl FnOnce(&mut PageProperty)) -> PageProperty {
    let mut changed = item::tracked(prop);
    op(&mut changed);
    item::of_kind(changed, prop)
}

/// The addresses of the pages `[start, end)`; an end of 0 stands for 2^64.
#[inline(always)]
fn bytes_of(start: usize, end: usize) -> Range<Vaddr> {
    start * 4096..end.wrapping_mul(4096)
}

/// The item of a leaf that was cleared, whose first page was `page`.
#[inline(always)]
fn taken<C: PageTableConfig>(
    page: usize,
    leaf: Leaf,
    shares: Tracked<Shares<C::P>>,
) -> Pending<C::Item> {
    // SAFETY: the entry held the item and was cleared under the cursor's lock.
    let item = unsafe { C::item_from_raw(leaf.pa, leaf.level, leaf.prop, shares) };
    Pending::new(item, bytes_of(page, page + span_of(leaf.level)))
}
