//! Cursors that change things.
#[cfg(verus_only)]
use super::super::identity::loose;
use super::super::item;
#[cfg(verus_only)]
use super::super::item::spec::*;
#[cfg(verus_only)]
use super::super::kind::table_of;
#[cfg(verus_only)]
use super::super::node::RootPerm;
use super::super::protect::{ChangeOnce, ChangeProp};
#[cfg(verus_only)]
use super::super::shares::*;
use super::super::{PageTableConfig, PageTableError};
#[cfg(verus_only)]
use super::spec::*;
use super::Cursor;
use crate::paging::{PageProperty, PagingLevel};
use crate::rcu::RcuGuard;
use crate::{Paddr, Vaddr};
use core::ops::{Deref, DerefMut, Range};
use vstd::prelude::*;

/// A cursor that changes things. It can do what a [`Cursor`] can.
#[verus_verify(reject_recursive_types(C))]
pub struct CursorMut<'a, C: PageTableConfig>(pub(in super::super) Cursor<'a, C>);

#[verus_verify]
impl<'a, C: PageTableConfig> CursorMut<'a, C> {
    /// Locks `range` of the table at `root`.
    #[inline(always)]
    #[verus_spec(r =>
        with Tracked(t): Tracked<&RootPerm<C::E>>, Ghost(pins): Ghost<Map<int, int>>
        requires
            t.wf::<C::P>(), t.paddr() == root, t.table() == table_of::<C>(pins), C::TOP_LEVEL_CAN_UNMAP ==> loose(t.table()),
        ensures opened::<C>(*range, match r { Ok(o) => Ok(o.at()), Err(e) => Err(e) }), r matches Ok(o) ==> o.wf(),
    )]
    pub(in super::super) fn open(
        root: Paddr,
        guard: &'a mut RcuGuard<C::P>,
        range: &Range<Vaddr>,
    ) -> Result<Self, PageTableError> {
        proof_with!(Tracked(t), Ghost(pins));
        let cursor = Cursor::open(root, guard, range)?;
        Ok(CursorMut(cursor))
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
    #[verus_spec(r => requires old(self).wf(), ensures final(self).wf(), mapped_item::<C>(old(self).at(), final(self).at(), C::raw(item), r))]
    pub fn map(&mut self, item: C::Item) -> Result<(), PageTableError> {
        if C::item_level(&item) == 0 {
            // The raw form would forget how large it is.
            self.0.open.not_at_end()?;
            return Err(PageTableError::UnsupportedProperty(self.0.open.va()));
        }
        let (pa, level, prop, _shares) = C::item_into_raw(item);
        proof_decl! {
            let tracked mut give = _shares.get();
        }
        proof_with!(Tracked(&mut give));
        let mapped = self.0.open.map_page(pa, level, prop);
        if mapped.is_err() {
            // SAFETY: no entry holds the item. It is dropped here.
            let _item =
                unsafe { C::item_from_raw(pa, level, prop, verus_exec_expr!(Tracked(give))) };
        }
        mapped
    }

    /// Maps the next `len` bytes to the memory from `pa` on, which nobody owns, with pages of at most the
    /// size of level `largest` (0 counts as 1), and moves past them.
    ///
    /// # Errors
    /// As for [`map`](Self::map). On `AlreadyMapped` and `NoMemory` everything before the new position is
    /// mapped, and no page from there on has changed; on other errors nothing has.
    #[verus_spec(r => requires old(self).wf(), ensures final(self).wf(), mapped_run::<C>(old(self).at(), final(self).at(), pa, len, marked(prop, false), r))]
    pub fn map_range(
        &mut self,
        pa: Paddr,
        len: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        proof! { lemma_marked(prop, false); }
        proof_decl! {
            let tracked mut none: Shares<C::P> = Map::tracked_empty();
        }
        let prop = item::untracked(prop);
        // SAFETY: the memory is not owned, so nothing is given away.
        unsafe {
            proof_with!(Tracked(&mut none));
            self.map_frames(pa, len, prop, largest)
        }
    }

    /// As [`map_range`](Self::map_range), for any property: a tracked one moves the shares of all frames
    /// that it maps into the table, those before the new position if it fails.
    ///
    /// # Safety
    /// The caller owns a share of each of these frames, of the kind that `prop` tells, and forgets those
    /// that are mapped.
    #[verus_spec(r =>
        with Tracked(give): Tracked<&mut Shares<C::P>>
        requires old(self).wf(), run_held::<C::P>(*old(give), 0, len as int / 4096, pa as int, prop),
        ensures
            final(self).wf(), mapped_run::<C>(old(self).at(), final(self).at(), pa, len, prop, r),
            run_held::<C::P>(*final(give), final(self).at().page - old(self).at().page, len as int / 4096, pa as int, prop),
    )]
    pub unsafe fn map_frames(
        &mut self,
        pa: Paddr,
        len: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        proof_with!(Tracked(give));
        self.0.open.map_run(pa, len, prop, largest)
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
    #[verus_spec(r =>
        with Ghost(rel): Ghost<Rel>
        requires old(self).wf(), makes(op, rel),
        ensures final(self).wf(), changed_next(old(self).at(), final(self).at(), len, rel, r),
    )]
    pub fn protect_next(
        &mut self,
        len: usize,
        op: impl FnOnce(&mut PageProperty),
    ) -> Result<Option<Range<Vaddr>>, PageTableError> {
        proof_with!(rel: Ghost(rel));
        let op = Changes { op };
        proof_with!(Ghost(rel));
        self.0.open.protect_next(len, op)
    }

    /// Changes the property of every page of the next `len` bytes by `op` and moves past them; returns how
    /// many base pages are mapped there. As for [`protect_next`](Self::protect_next), no flag that the MMU sets
    /// meanwhile is lost.
    ///
    /// # Errors
    /// As for [`protect_next`](Self::protect_next). If a page cannot be split, nothing has changed; if a
    /// property is not supported, the pages before the new position have.
    #[verus_spec(r =>
        with Ghost(rel): Ghost<Rel>
        requires old(self).wf(), makes(op, rel),
        ensures final(self).wf(), changed_all(old(self).at(), final(self).at(), len, rel, r),
    )]
    pub fn protect(
        &mut self,
        len: usize,
        op: impl FnMut(&mut PageProperty),
    ) -> Result<usize, PageTableError> {
        proof_with!(rel: Ghost(rel));
        let mut op = Changes { op };
        proof_with!(Ghost(rel));
        self.0.open.protect(len, &mut op)
    }

    /// Sets the accessed and dirty flags of what the current page is mapped to, if anything, as the MMU does
    /// for a write: of a whole huge page if it is part of one.
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).at() == old(self).at(),
            match r { Ok(()) => stuck(old(self).at()) is None, Err(e) => stuck(old(self).at()) == Some(e) },
    )]
    pub fn mark_written(&mut self) -> Result<(), PageTableError> {
        self.0.open.mark_written()
    }

    /// Splits the huge page at the current address into 512 smaller ones, if there is one.
    ///
    /// # Errors
    /// `InvalidVaddr` at the end; `NoMemory`, `UnsupportedProperty` as for [`take_next`](Self::take_next).
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).at() == old(self).at(),
            match r {
                Ok(_) => stuck(old(self).at()) is None,
                Err(e) => stuck(old(self).at()) == Some(e) || stuck(old(self).at()) is None && (e is NoMemory || e is UnsupportedProperty),
            },
    )]
    pub fn split(&mut self) -> Result<bool, PageTableError> {
        self.0.open.split()
    }
}

/// Changes properties by a closure, and keeps the kind of what is mapped.
#[verus_verify]
pub(super) struct Changes<F> {
    pub(super) op: F,
    #[cfg(verus_keep_ghost_body)]
    pub(super) rel: Ghost<Rel>,
}

verus! {

impl<F: FnOnce(&mut PageProperty)> ChangeOnce for Changes<F> {
    open(super) spec fn makes(self, from: PageProperty, to: PageProperty) -> bool { turned(self.rel@, from, to) }

    #[verifier::prophetic]
    open(super) spec fn ready(self) -> bool { makes(self.op, self.rel@) }

    #[inline(always)]
    fn once(self, prop: PageProperty) -> PageProperty {
        proof { lemma_marked(prop, true); }
        let mut now = item::tracked(prop);
        (self.op)(&mut now);
        proof { lemma_marked(now, counted(prop)); }
        item::of_kind(now, prop)
    }
}

impl<F: FnMut(&mut PageProperty)> ChangeProp for Changes<F> {
    #[inline(always)]
    fn change(&mut self, prop: PageProperty) -> PageProperty {
        proof { lemma_marked(prop, true); }
        let mut now = item::tracked(prop);
        (self.op)(&mut now);
        proof { lemma_marked(now, counted(prop)); }
        item::of_kind(now, prop)
    }
}

} // verus!

impl<'a, C: PageTableConfig> Deref for CursorMut<'a, C> {
    type Target = Cursor<'a, C>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<C: PageTableConfig> DerefMut for CursorMut<'_, C> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
