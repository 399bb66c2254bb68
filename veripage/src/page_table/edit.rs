//! Finding and mapping at a position: down to the word that decides, on to the next mapped page, ends cut off.
//!
//! Each function here is a few steps of [`Path`], and does nothing that they do not do.
use super::geom::*;
use super::leaf::Leaf;
#[cfg(verus_only)]
use super::leaves::*;
#[cfg(verus_only)]
use super::model::*;
#[cfg(verus_only)]
use super::path::spec::*;
use super::path::Path;
use super::word::*;
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Descends to the word that decides the translation of the current page.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&Owner<P, E>>
        requires old(self).inv(*own), old(self).page < old(self).end,
        ensures
            final(self).inv(*own), final(self).same_bounds(old(self)),
            final(self).page == old(self).page, final(self).level <= old(self).level,
            final(self).reads(*own, ret), !is_table::<E>(final(self).level as int, ret),
            own.at(final(self).v()) == meaning::<E>(final(self).level as int, ret, final(self).v()),
    )]
    pub(crate) fn descend(&mut self) -> u64 {
        proof_with!(Tracked(own));
        let mut w = self.load();
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.page < self.end, self.same_bounds(old(self)),
                self.page == old(self).page, self.level <= old(self).level, self.reads(*own, w),
            decreases self.level,
        ))]
        while word_table::<E>(w, self.level) {
            proof_with!(Tracked(own));
            self.push(w);
            proof_with!(Tracked(own));
            let next = self.load();
            w = next;
        }
        proof! { here::<P, E>(self, *own); }
        w
    }

    /// The leaf `w` at the current level.
    #[inline(always)]
    #[verus_spec(ret =>
        ensures
            ret.level == self.level, ret.pa == pte_pa::<E>(self.level as int, w),
            ret.prop == E::spec_prop(self.level as int, w), ret.prop.spec_sans_ad() == page_prop::<E>(self.level as int, w),
    )]
    pub(crate) fn leaf(&self, w: u64) -> Leaf {
        Leaf {
            pa: word_paddr::<E>(w, self.level),
            level: self.level,
            prop: word_prop::<E>(w, self.level),
        }
    }

    /// Goes to the current page's slot of level `level`, or as far down as tables lead, allocating nodes
    /// on the way; returns the word there.
    ///
    /// # Errors
    /// `AlreadyMapped`: a larger page is in the way. `NoMemory`: no frame for a node. Neither changes
    /// what any page translates to.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page < old(self).end, 1 <= level <= old(self).top,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
            match ret {
                Ok(w) => final(self).level == level && final(self).reads(*final(own), w),
                Err(PageTableError::AlreadyMapped(va)) => va == final(self).page * 4096 && old(own).view().dom().contains(final(self).v()),
                Err(e) => e is NoMemory && !old(own).view().dom().contains(final(self).v()),
            },
    )]
    pub(crate) fn reach(&mut self, level: PagingLevel) -> Result<u64, PageTableError> {
        proof_with!(Tracked(&*own));
        self.climb(level);
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.page < self.end, self.same_bounds(old(self)), old(own).same_shape(*own),
                self.page == old(self).page, self.level >= level, 1 <= level,
                own.view() == old(own).view(),
            decreases self.level,
        ))]
        while self.level > level {
            proof_with!(Tracked(&*own));
            let w = self.load();
            proof! { here::<P, E>(self, *own); }
            if !word_present::<E>(w) {
                proof_with!(Tracked(&mut *own));
                self.grow()?;
            } else if word_leaf::<E>(w, self.level) {
                return Err(PageTableError::AlreadyMapped(self.va()));
            } else {
                proof_with!(Tracked(&*own));
                self.push(w);
            }
        }
        proof_with!(Tracked(&*own));
        let w = self.load();
        Ok(w)
    }

    /// Maps the page of size `level` at the current address to the frame `pa` and moves past it, if nothing
    /// is in the way; returns whether so. Else the position is the page's slot.
    ///
    /// # Errors
    /// See [`reach`](Self::reach); nothing is mapped.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            old(self).inv(*old(own)), 1 <= level <= old(self).top, leaf_ok::<E>(level as int, pa as int, prop),
            first(level as int, old(self).v()) == old(self).v(),
            old(self).v() + span(level as int) <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            match ret {
                Ok(None) => {
                    &&& old(own).view().dom().disjoint(pages(old(self).v(), span(level as int)))
                    &&& final(own).view() == old(own).view().union_prefer_right(
                        run(old(self).v(), span(level as int), pa as int, prop.spec_sans_ad()))
                    &&& final(self).v() == old(self).v() + span(level as int)
                },
                Ok(Some(w)) => {
                    &&& final(own).view() == old(own).view() && final(self).page == old(self).page
                    &&& final(self).level == level && final(self).reads(*final(own), w) && present::<E>(w)
                },
                Err(e) => {
                    &&& final(own).view() == old(own).view() && final(self).page == old(self).page
                    &&& e is NoMemory || e == PageTableError::AlreadyMapped((final(self).page * 4096) as usize) && old(own).view().dom().contains(final(self).v())
                },
            },
    )]
    pub(crate) fn map_free(
        &mut self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
    ) -> Result<Option<u64>, PageTableError> {
        proof! { slot_bounds(level as int, self.v()); }
        proof_with!(Tracked(&mut *own));
        let w = self.reach(level)?;
        if word_present::<E>(w) {
            return Ok(Some(w));
        }
        proof! {
            let (l, v) = (level as int, self.v());
            here::<P, E>(self, *own);
            assert forall|x: int| pages(v, span(l)).contains(x) implies !own.view().dom().contains(x) by {
                slot_iff(l, x, slot(l, v));
                at_word::<P, E>(*own, l, v, x);
            }
        }
        let leaf = leaf_word::<E>(pa, level, prop);
        proof_with!(Tracked(&mut *own));
        self.store(w, leaf);
        let next = self.page + span_of(level);
        proof_with!(Tracked(&*own));
        self.jump(next);
        Ok(None)
    }

    /// Moves to the first mapped page in `[page, to)` and returns its word, or moves to `to`. With
    /// `tables`, stops at a table whose slot lies in that range, too.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&Owner<P, E>>
        requires old(self).inv(*own), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*own), final(self).same_bounds(old(self)),
            old(self).page <= final(self).page <= to,
            final(self).page == old(self).page ==> final(self).level <= old(self).level || final(self).page == to,
            own.unmapped(old(self).v(), final(self).v()),
            match ret {
                Some(w) => {
                    &&& final(self).page < to && final(self).reads(*own, w) && present::<E>(w)
                    &&& is_table::<E>(final(self).level as int, w) ==> tables && final(self).fits_in(to as int) && final(self).level < final(self).keep
                },
                None => final(self).page == to,
            },
    )]
    pub(crate) fn find(&mut self, to: usize, tables: bool) -> Option<u64> {
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(self).page <= self.page <= to <= self.end,
                self.page == old(self).page ==> self.level <= old(self).level || self.page == to,
                own.unmapped(old(self).v(), self.v()),
            decreases to - self.page, self.level,
        ))]
        while self.page < to {
            proof_with!(Tracked(own));
            let w = self.load();
            proof! { here::<P, E>(self, *own); }
            if word_table::<E>(w, self.level) {
                if tables && self.level < self.keep && self.fits(to) {
                    return Some(w);
                }
                proof_with!(Tracked(own));
                self.push(w);
            } else if word_present::<E>(w) {
                return Some(w);
            } else {
                let next = self.next(to);
                proof! {
                    let (l, v) = (self.level as int, self.v());
                    assert forall|x: int| v <= x < next implies !#[trigger] own.view().dom().contains(x) by {
                        assert(slot(l, x) == self.cur_slot());
                        at_word::<P, E>(*own, l, v, x);
                    }
                }
                proof_with!(Tracked(own));
                self.jump(next);
            }
        }
        None
    }

    /// As [`find`](Self::find), and splits pages that stick out of the range.
    ///
    /// # Errors
    /// See [`split`](Self::split); what pages translate to has not changed.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            old(self).page <= final(self).page <= to, final(own).view() == old(own).view(),
            final(own).unmapped(old(self).v(), final(self).v()),
            match ret {
                Ok(Some(w)) => {
                    &&& final(self).page < to && final(self).reads(*final(own), w) && present::<E>(w)
                    &&& final(self).fits_in(to as int)
                    &&& is_table::<E>(final(self).level as int, w) ==> tables && final(self).level < final(self).keep
                },
                Ok(None) => final(self).page == to,
                Err(e) => e is NoMemory || e is UnsupportedProperty,
            },
    )]
    pub(crate) fn seek(&mut self, to: usize, tables: bool) -> Result<Option<u64>, PageTableError> {
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own),
                old(self).page <= self.page <= to <= self.end,
                own.view() == old(own).view(), own.unmapped(old(self).v(), self.v()),
            decreases to - self.page, self.level,
        ))]
        loop {
            proof_with!(Tracked(&*own));
            let found = self.find(to, tables);
            let Some(w) = found else {
                return Ok(None);
            };
            if self.fits(to) {
                return Ok(Some(w));
            }
            proof! { slot_bounds(self.level as int, self.v()); }
            proof_with!(Tracked(&mut *own));
            self.split(w)?;
        }
    }

    /// Splits the pages that stick out of `[page, to)` at either end, and stays here.
    ///
    /// # Errors
    /// See [`split`](Self::split); what pages translate to has not changed.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
            match ret {
                Ok(()) => neat(final(own).nodes, final(self).v(), to as int),
                Err(e) => e is NoMemory || e is UnsupportedProperty,
            },
    )]
    pub(crate) fn cut_ends(&mut self, to: usize) -> Result<(), PageTableError> {
        let from = self.page;
        if from == to {
            return Ok(());
        }
        proof_with!(Tracked(&mut *own));
        self.cut(from, to)?;
        if self.next(to) == to {
            proof! { one_slot::<P, E>(self, *own, from as int, to as int); }
            return Ok(());
        }
        proof_decl! {
            let ghost cut = own.nodes;
        }
        proof_with!(Tracked(&*own));
        self.jump(to - 1);
        proof_with!(Tracked(&mut *own));
        let last = self.cut(from, to);
        proof_with!(Tracked(&*own));
        self.jump(from);
        proof! {
            inside_finer::<P, E>(cut, own.nodes, from as int, from as int, to as int);
            if last is Ok { neat_ends::<P, E>(own.nodes, from as int, to as int); }
        }
        last
    }

    /// Splits the page that maps the current one until it lies in `[from, to)`.
    ///
    /// # Errors
    /// See [`split`](Self::split).
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), from <= old(self).page < to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(), finer(old(own).nodes, final(own).nodes),
            match ret {
                Ok(()) => !is_table::<E>(final(self).level as int, final(self).word(*final(own))) && inside(final(own).nodes, final(self).v(), from as int, to as int),
                Err(e) => e is NoMemory || e is UnsupportedProperty,
            },
    )]
    fn cut(&mut self, from: usize, to: usize) -> Result<(), PageTableError> {
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), from <= self.page < to <= self.end,
                self.page == old(self).page, own.view() == old(own).view(), finer(old(own).nodes, own.nodes),
            decreases self.level,
        ))]
        loop {
            proof_decl! {
                let ghost nodes = own.nodes;
            }
            proof_with!(Tracked(&*own));
            let w = self.descend();
            let base = first_of(self.page, self.level);
            proof! {
                slot_bounds(self.level as int, self.v());
                slot_limit(self.level as int, self.v());
                here::<P, E>(self, *own);
            }
            if !word_present::<E>(w)
                || self.level == 1
                || (from <= base && self.next(NR_PAGES) <= to)
            {
                proof! { only_leaf::<P, E>(self, *own, from as int, to as int); }
                return Ok(());
            }
            proof_with!(Tracked(&mut *own));
            self.split(w)?;
            proof! { finer_trans::<P, E>(old(own).nodes, nodes, own.nodes); }
        }
    }
}
