//! What a cursor does, over a position, the nodes of its range, and the shares that their pages hold.
use super::super::geom::*;
#[cfg(verus_only)]
use super::super::identity::loose;
#[cfg(verus_only)]
use super::super::item::spec::*;
use super::super::kind::{keep_level, page_range};
#[cfg(verus_only)]
use super::super::kind::{lemma_range_in_table, lemma_table_ok, table_of};
#[cfg(verus_only)]
use super::super::leaf::{keep_shares, put_shares};
use super::super::leaf::{Found, TakeLeaf};
#[cfg(verus_only)]
use super::super::model::*;
#[cfg(verus_only)]
use super::super::node::RootPerm;
#[cfg(verus_only)]
use super::super::path::spec::*;
use super::super::path::Path;
#[cfg(verus_only)]
use super::super::protect::change_of;
use super::super::protect::{ChangeOnce, ChangeProp};
use super::super::range;
#[cfg(verus_only)]
use super::super::range::lemma_within;
use super::super::retired::Retired;
#[cfg(verus_only)]
use super::super::shares::*;
use super::super::word::*;
use super::super::{PageTableConfig, PageTableError};
#[cfg(verus_only)]
use super::spec::*;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{
    is_aligned, PageProperty, PageTableEntryTrait, PagingConstsTrait, PagingLevel,
};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform, Vaddr};
use core::ops::Range;
use vstd::prelude::*;

/// A range of a table that is locked, and a position in it.
#[verus_verify(reject_recursive_types(C))]
pub(crate) struct Opened<C: PageTableConfig> {
    pub(super) path: Path<C::P, C::E>,
    /// The locked nodes.
    #[cfg(verus_keep_ghost_body)]
    pub(super) own: Tracked<Owner<C::P, C::E>>,
    /// What their pages hold.
    #[cfg(verus_keep_ghost_body)]
    pub(super) shares: Tracked<Shares<C::P>>,
}

/// First page and number of pages of an entry, and what it maps.
pub(super) type Seen = (usize, usize, Option<(Paddr, PagingLevel, PageProperty)>);

#[verus_verify]
impl<C: PageTableConfig> Opened<C> {
    /// Locks the addresses `pages` of the table at `root`.
    #[inline(always)]
    #[verus_spec(r =>
        with Tracked(t): Tracked<&RootPerm<C::E>>, Ghost(pins): Ghost<Map<int, int>>
        requires
            t.wf::<C::P>(), t.paddr() == root, t.table() == table_of::<C>(pins), C::TOP_LEVEL_CAN_UNMAP ==> loose(t.table()),
        ensures opened::<C>(*pages, match r { Ok(o) => Ok(o.at()), Err(e) => Err(e) }), r matches Ok(o) ==> o.inv(),
    )]
    pub(super) fn open(
        root: Paddr,
        guard: &mut RcuGuard<C::P>,
        pages: &Range<Vaddr>,
    ) -> Result<Self, PageTableError> {
        let (start, end) = page_range::<C>(pages)?;
        proof! {
            lemma_range_in_table::<C>(pins, pages.start, pages.end);
            lemma_table_ok::<C>(pins);
        }
        proof_decl! {
            let tracked out: Option<(Owner<C::P, C::E>, Shares<C::P>)>;
        }
        proof_with!(Tracked(t) => Tracked(out));
        let locked = range::lock_pages::<C::P, C::E, C::C>(guard, root, start, end);
        let Ok(node) = locked else {
            return Err(PageTableError::NoMemory(pages.start));
        };
        proof_decl! {
            let tracked (own, shares) = out.tracked_unwrap();
        }
        proof_with!(Tracked(&own));
        let path = Path::new(node.paddr, node.level, start, end, keep_level::<C>());
        proof_with!(own: Tracked(own), shares: Tracked(shares));
        let o = Opened { path };
        Ok(o)
    }

    /// Unlocks it: what it has is what unlocking asks for. A cursor that is dropped does the same.
    #[cfg(verus_only)]
    #[verus_spec(requires self.inv())]
    pub(super) fn close(self) {
        let path = self.path;
        proof_with!(self.own, self.shares);
        unlock(&path);
    }

    /// The current address.
    #[inline(always)]
    #[verus_spec(r => requires self.inv(), ensures r == self.at().va())]
    pub(super) fn va(&self) -> Vaddr {
        bytes_of(self.path.page)
    }

    #[inline(always)]
    #[verus_spec(r =>
        requires self.inv(),
        ensures match r { Ok(()) => stuck(self.at()) is None, Err(e) => stuck(self.at()) == Some(e) },
    )]
    pub(super) fn not_at_end(&self) -> Result<(), PageTableError> {
        if self.path.page == self.path.end {
            return Err(PageTableError::InvalidVaddr(self.va()));
        }
        Ok(())
    }

    /// Page number `len` bytes on.
    #[inline(always)]
    #[verus_spec(r =>
        requires self.inv(),
        ensures match r {
            Ok(to) => beyond(self.at(), len) is None && to == self.path.page + len / 4096 && to <= self.path.end,
            Err(e) => beyond(self.at(), len) == Some(e),
        },
    )]
    pub(super) fn end_of(&self, len: usize) -> Result<usize, PageTableError> {
        self.not_at_end()?;
        if len % 4096 != 0 {
            return Err(PageTableError::UnalignedVaddr(len));
        }
        let (n, page) = (len / 4096, self.path.page);
        if n > self.path.end - page {
            let va = self.va();
            return Err(PageTableError::InvalidVaddrRange(va, va.wrapping_add(len)));
        }
        Ok(page + n)
    }

    /// What the current page is mapped to, with the first page and the number of pages of the entry that says so.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).inv(),
        ensures
            final(self).inv(), final(self).at() == old(self).at(),
            match r {
                Ok((base, n, found)) => stuck(old(self).at()) is None && looked(old(self).at(), base as int, n as int, found)
                    && base + n <= NR_PAGES
                    && (found matches Some(raw) ==> lent(final(self).shares@, base as int, raw)),
                Err(e) => stuck(old(self).at()) == Some(e),
            },
    )]
    pub(super) fn look(&mut self) -> Result<Seen, PageTableError> {
        self.not_at_end()?;
        proof_with!(Tracked(self.own.borrow()));
        let w = self.path.descend();
        let level = self.path.level;
        let base = first_of(self.path.page, level);
        let n = span_of(level);
        proof! { lemma_looked(self, w); }
        if word_present::<C::E>(w) {
            let leaf = self.path.leaf(w);
            Ok((base, n, Some((leaf.pa, leaf.level, leaf.prop))))
        } else {
            Ok((base, n, None))
        }
    }

    /// Moves to the first mapped page of the next `len` bytes, or to their end.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).inv(),
        ensures final(self).inv(), found(old(self).at(), final(self).at(), len, r),
    )]
    pub(super) fn find_next(&mut self, len: usize) -> Result<Option<Vaddr>, PageTableError> {
        let to = self.end_of(len)?;
        proof_with!(Tracked(self.own.borrow()));
        let met = self.path.find(to, false);
        if met.is_none() {
            return Ok(None);
        }
        proof! { lemma_leaf_maps(self, met->Some_0); }
        Ok(Some(self.va()))
    }

    /// Moves to `va`, which may be the end of the range.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).inv(),
        ensures final(self).inv(), jumped(old(self).at(), final(self).at(), va, r),
    )]
    pub(super) fn jump(&mut self, va: Vaddr) -> Result<(), PageTableError> {
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
        proof_with!(Tracked(self.own.borrow()));
        self.path.jump(page);
        Ok(())
    }

    /// Can one page of this kind be mapped at the current address?
    #[inline(always)]
    #[verus_spec(r =>
        requires self.inv(),
        ensures match r {
            Ok(()) => unfit::<C>(self.at(), (pa, level, prop)) is None,
            Err(e) => unfit::<C>(self.at(), (pa, level, prop)) == Some(e),
        },
    )]
    pub(super) fn check_page(
        &self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        self.not_at_end()?;
        proof! { C::C::lemma_consts(); }
        let va = self.va();
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

    /// Maps one page at the current address and moves past it; its shares stay here if an entry holds them,
    /// else with the caller.
    #[inline(always)]
    #[verus_spec(r =>
        with Tracked(give): Tracked<&mut Shares<C::P>>
        requires old(self).inv(), level != 0 ==> held_by(*old(give), 0, (pa, level, prop)),
        ensures
            final(self).inv(), mapped_item::<C>(old(self).at(), final(self).at(), (pa, level, prop), r),
            r is Err ==> *final(give) == *old(give),
    )]
    pub(super) fn map_page(
        &mut self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        proof_decl! {
            let ghost (own0, v0) = (self.own@, self.path.v());
        }
        self.check_page(pa, level, prop)?;
        proof! { lemma_fits::<C>(self.at(), (pa, level, prop)); }
        proof_with!(Tracked(self.own.borrow_mut()));
        let r = self.path.map(pa, level, prop);
        proof! {
            if r is Ok {
                counted_sans_ad(prop);
                let tracked given = give.tracked_remove_keys(give.dom());
                assert(given =~= *old(give));
                let tracked add = moved(given, 0, v0, (pa, level, prop));
                put_shares(self.shares.borrow_mut(), add, own0, self.own@, v0, span(level as int), pa as int, prop.spec_sans_ad());
            } else {
                lemma_backed_view(self.shares@, own0, self.own@);
            }
        }
        r
    }

    /// Maps the next `len` bytes to the frames from `pa` on and moves past them, as far as it gets; the shares of
    /// the frames that are not mapped stay with the caller.
    #[inline(always)]
    #[verus_spec(r =>
        with Tracked(give): Tracked<&mut Shares<C::P>>
        requires old(self).inv(), run_held::<C::P>(*old(give), 0, len as int / 4096, pa as int, prop),
        ensures
            final(self).inv(), mapped_run::<C>(old(self).at(), final(self).at(), pa, len, prop, r),
            run_held::<C::P>(*final(give), final(self).at().page - old(self).at().page, len as int / 4096, pa as int, prop),
    )]
    pub(super) fn map_run(
        &mut self,
        pa: Paddr,
        len: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        proof_decl! {
            let ghost (own0, v0) = (self.own@, self.path.v());
        }
        let to = self.check_run(pa, len, prop)?;
        if len == 0 {
            proof! { assert(self.at().map.union_prefer_right(run(v0, 0, pa as int, prop.spec_sans_ad())) =~= self.at().map); }
            return Ok(());
        }
        proof! { lemma_run_fits::<C>(self.at(), pa, len, prop); }
        let largest = if largest == 0 { 1 } else { largest };
        proof_with!(Tracked(self.own.borrow_mut()));
        let r = self.path.map_run(pa, to, prop, largest);
        proof! {
            let (n, k) = (len as int / 4096, self.path.v() - v0);
            counted_sans_ad(prop);
            let tracked add = take_first(&mut *give, n, k, v0, pa as int, prop);
            put_shares(self.shares.borrow_mut(), add, own0, self.own@, v0, k, pa as int, prop.spec_sans_ad());
        }
        r
    }

    /// Can a run of frames be mapped at the current address? Gives the page where it would end.
    #[inline(always)]
    #[verus_spec(r =>
        requires self.inv(),
        ensures match r {
            Ok(to) => unfit_run::<C>(self.at(), pa, len, prop) is None && to == self.path.page + len / 4096 && to <= self.path.end,
            Err(e) => unfit_run::<C>(self.at(), pa, len, prop) == Some(e),
        },
    )]
    fn check_run(
        &self,
        pa: Paddr,
        len: usize,
        prop: PageProperty,
    ) -> Result<usize, PageTableError> {
        let to = self.end_of(len)?;
        if len > 0 {
            let fits = match pa.checked_add(len - 4096) {
                Some(last) => C::E::fits_page(pa, 1) && C::E::fits_page(last, 1),
                None => false,
            };
            if !fits {
                return Err(PageTableError::InvalidPaddr(pa));
            }
        }
        if !C::E::supports(1, prop) {
            return Err(PageTableError::UnsupportedProperty(self.va()));
        }
        Ok(to)
    }

    /// Changes the property of the next mapped page of the next `len` bytes, and moves past it.
    #[inline(always)]
    #[verus_spec(r =>
        with Ghost(rel): Ghost<Rel>
        requires old(self).inv(), op.ready(), forall|p: PageProperty, q: PageProperty| #[trigger] op.makes(p, q) ==> turned(rel, p, q),
        ensures final(self).inv(), changed_next(old(self).at(), final(self).at(), len, rel, r),
    )]
    pub(super) fn protect_next<S: ChangeOnce>(
        &mut self,
        len: usize,
        op: S,
    ) -> Result<Option<Range<Vaddr>>, PageTableError> {
        proof_decl! {
            let ghost own0 = self.own@;
        }
        let to = self.end_of(len)?;
        proof_with!(Tracked(self.own.borrow_mut()));
        let done = self.path.protect_next(to, op);
        match done {
            Ok(Some((at, leaf))) => {
                let n = span_of(leaf.level);
                proof! { lemma_one_changed(self, own0, old(self).at(), at as int, n as int, leaf, op, rel); }
                Ok(Some(bytes_of(at)..bytes_of(at + n)))
            }
            Ok(None) => {
                proof! { lemma_backed_view(self.shares@, own0, self.own@); }
                Ok(None)
            }
            Err(e) => {
                proof! { lemma_backed_view(self.shares@, own0, self.own@); }
                Err(e)
            }
        }
    }

    /// Changes the property of every page of the next `len` bytes and moves past them; returns how many there are.
    #[inline(always)]
    #[verus_spec(r =>
        with Ghost(rel): Ghost<Rel>
        requires old(self).inv(), old(op).ready(), forall|p: PageProperty, q: PageProperty| #[trigger] old(op).makes(p, q) ==> turned(rel, p, q),
        ensures final(self).inv(), changed_all(old(self).at(), final(self).at(), len, rel, r),
    )]
    pub(super) fn protect<S: ChangeProp>(
        &mut self,
        len: usize,
        op: &mut S,
    ) -> Result<usize, PageTableError> {
        proof_decl! {
            let ghost (own0, v0, ok) = (self.own@, self.path.v(), change_of(*op));
        }
        let to = self.end_of(len)?;
        proof_with!(Tracked(self.own.borrow_mut()));
        let r = self.path.protect(to, op);
        proof! {
            let n = self.path.v() - v0;
            keep_shares(self.shares@, own0, self.own@, v0, n, ok);
            reproped_wider(own0.view(), self.own@.view(), v0, n, ok, change_by(rel));
        }
        r
    }

    /// Takes out the next page, or the next table that lies in the next `len` bytes, and moves past it; nodes go to
    /// `nodes`.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).inv(),
        ensures final(self).inv(), took(old(self).at(), final(self).at(), len, r),
    )]
    pub(super) fn take_next(
        &mut self,
        len: usize,
        nodes: &mut Retired<C::P, C::E>,
    ) -> Result<Option<Found<C::P>>, PageTableError> {
        let to = self.end_of(len)?;
        proof_with!(
            Tracked(self.own.borrow_mut()),
            Tracked(self.shares.borrow_mut())
        );
        self.path.take_next(to, nodes)
    }

    /// Unmaps the next `len` bytes and moves past them; returns how many base pages there were. Pages go to `sink`
    /// with what they held, nodes to `nodes`.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).inv(),
        ensures final(self).inv(), unmapped(old(self).at(), final(self).at(), len, r),
    )]
    pub(super) fn unmap<S: TakeLeaf<C::P>>(
        &mut self,
        len: usize,
        nodes: &mut Retired<C::P, C::E>,
        sink: &mut S,
    ) -> Result<usize, PageTableError> {
        let to = self.end_of(len)?;
        proof_with!(
            Tracked(self.own.borrow_mut()),
            Tracked(self.shares.borrow_mut())
        );
        self.path.unmap(to, nodes, sink)
    }

    /// Sets the flags of a write in what maps the current page.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).inv(),
        ensures
            final(self).inv(), final(self).at() == old(self).at(),
            match r { Ok(()) => stuck(old(self).at()) is None, Err(e) => stuck(old(self).at()) == Some(e) },
    )]
    pub(super) fn mark_written(&mut self) -> Result<(), PageTableError> {
        proof_decl! {
            let ghost own0 = self.own@;
        }
        self.not_at_end()?;
        proof_with!(Tracked(self.own.borrow_mut()));
        self.path.mark_written();
        proof! { lemma_backed_view(self.shares@, own0, self.own@); }
        Ok(())
    }

    /// Splits the huge page at the current address, if there is one.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).inv(),
        ensures
            final(self).inv(), final(self).at() == old(self).at(),
            match r {
                Ok(_) => stuck(old(self).at()) is None,
                Err(e) => stuck(old(self).at()) == Some(e) || stuck(old(self).at()) is None && (e is NoMemory || e is UnsupportedProperty),
            },
    )]
    pub(super) fn split(&mut self) -> Result<bool, PageTableError> {
        proof_decl! {
            let ghost own0 = self.own@;
        }
        self.not_at_end()?;
        proof_with!(Tracked(self.own.borrow()));
        let w = self.path.descend();
        if self.path.level == 1 || !word_present::<C::E>(w) {
            return Ok(false);
        }
        proof_with!(Tracked(self.own.borrow_mut()));
        let done = self.path.split(w);
        proof! { lemma_backed_view(self.shares@, own0, self.own@); }
        match done {
            Ok(()) => Ok(true),
            Err(e) => Err(e),
        }
    }
}

/// Unlocks the nodes of a position: where a cursor ends.
#[inline(always)]
#[verus_spec(
    with Tracked(own): Tracked<Owner<P, E>>, Tracked(shares): Tracked<Shares<P>>
    requires
        path.inv(own), path.start < path.end, own.site.from == path.start, own.site.to == path.end,
        backed::<P, E>(shares, own),
)]
pub(super) fn unlock<P: Platform, E: PageTableEntryTrait>(path: &Path<P, E>) {
    proof! { lemma_within(own); }
    proof_with!(Tracked(own), Tracked(shares));
    range::unlock_pages::<P, E>(
        path.nodes[path.top as usize - 1],
        path.top,
        path.start,
        path.end,
    );
}

/// First address of a page; 2^64 is 0.
#[inline(always)]
#[verus_spec(r => requires page <= NR_PAGES, ensures r == va_of(page as int))]
pub(super) fn bytes_of(page: usize) -> Vaddr {
    proof! {
        let x = page * 4096;
        assert(x < 0x1_0000_0000_0000_0000 ==> x % 0x1_0000_0000_0000_0000 == x);
        assert(x == 0x1_0000_0000_0000_0000 ==> x % 0x1_0000_0000_0000_0000 == 0);
    }
    page.wrapping_mul(4096)
}
