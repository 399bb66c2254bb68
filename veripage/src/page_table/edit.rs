//! Changes at a position: map, split, take, protect.
//!
//! Each function here is a few steps of [`Path`], and does nothing that they do not do. The loops over
//! the words of one node are in [`runs`](super::runs).
use super::geom::*;
#[cfg(verus_only)]
use super::identity::{fmt, lemma_count_update};
#[cfg(verus_only)]
use super::model::*;
use super::node;
#[cfg(verus_only)]
use super::path::spec::*;
use super::path::Path;
use super::retired::Retired;
use super::runs::ChangeProp;
#[cfg(verus_only)]
use super::shares::{backed, lemma_backed_view, take_shares, Shares};
use super::word::*;
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageFlags, PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

/// A mapping found in the table: one page of the size of `level`.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leaf {
    pub(crate) pa: Paddr,
    pub(crate) level: PagingLevel,
    pub(crate) prop: PageProperty,
}

/// What [`Path::take_next`] found.
#[verus_verify]
pub(crate) enum Found {
    /// A page, which began at the given page number.
    Leaf(usize, Leaf),
    /// A child table: the first page that it covered, how many it covered, and how many were mapped.
    Table(usize, usize, usize),
}

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

    /// What the current page is mapped to.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&Owner<P, E>>
        requires old(self).inv(*own), old(self).page < old(self).end,
        ensures
            final(self).inv(*own), final(self).same_bounds(old(self)), final(self).page == old(self).page,
            match ret {
                Some(f) => maps_page(own.view(), final(self).v(), f) && f.level == final(self).level,
                None => !own.view().dom().contains(final(self).v()),
            },
    )]
    pub(crate) fn query(&mut self) -> Option<Leaf> {
        proof_with!(Tracked(own));
        let w = self.descend();
        proof! { here::<P, E>(self, *own); }
        if word_present::<E>(w) {
            Some(self.leaf(w))
        } else {
            None
        }
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
                Err(_) => true,
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
                Err(_) => final(own).view() == old(own).view() && final(self).page == old(self).page,
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
                Err(_) => true,
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
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
    )]
    pub(crate) fn cut_ends(&mut self, to: usize) -> Result<(), PageTableError> {
        let from = self.page;
        if from == to {
            return Ok(());
        }
        proof_with!(Tracked(&*own));
        self.jump(to - 1);
        proof_with!(Tracked(&mut *own));
        let last = self.cut(from, to);
        proof_with!(Tracked(&*own));
        self.jump(from);
        last?;
        proof_with!(Tracked(&mut *own));
        self.cut(from, to)
    }

    /// Splits the page that maps the current one until it lies in `[from, to)`.
    ///
    /// # Errors
    /// See [`split`](Self::split).
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), from <= old(self).page < to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
    )]
    fn cut(&mut self, from: usize, to: usize) -> Result<(), PageTableError> {
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), from <= self.page < to <= self.end,
                self.page == old(self).page, own.view() == old(own).view(),
            decreases self.level,
        ))]
        loop {
            proof_with!(Tracked(&*own));
            let w = self.descend();
            let base = first_of(self.page, self.level);
            proof! { slot_bounds(self.level as int, self.v()); }
            if !word_present::<E>(w) || (from <= base && self.next(NR_PAGES) <= to) {
                return Ok(());
            }
            if self.level == 1 {
                return Ok(());
            }
            proof_with!(Tracked(&mut *own));
            self.split(w)?;
        }
    }

    /// Removes the leaf at the current position, whole, and returns it.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, is_leaf::<E>(self.level as int, self.word(*old(own))),
            first(self.level as int, self.v()) == self.v(),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)), ret.level == self.level,
            run_in(old(own).view(), self.v(), span(ret.level as int), ret.pa as int, ret.prop.spec_sans_ad()),
            final(own).view() == old(own).view().remove_keys(pages(self.v(), span(ret.level as int))),
    )]
    pub(crate) fn take_leaf(&self) -> Leaf {
        proof! { leaf_here::<P, E>(self, *own); }
        proof_with!(Tracked(&mut *own));
        let w = self.clear();
        self.leaf(w)
    }

    /// Gives the leaf, read as `w`, at the current position another property, beside the flags that the MMU has
    /// set since it was read.
    ///
    /// # Errors
    /// `UnsupportedProperty`; nothing has changed.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, self.reads(*old(own), w), is_leaf::<E>(self.level as int, w),
            first(self.level as int, self.v()) == self.v(),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)),
            ret is Err ==> *final(own) == *old(own),
            ret is Ok ==> final(own).view() == old(own).view().union_prefer_right(
                run(self.v(), span(self.level as int), pte_pa::<E>(self.level as int, w), prop.spec_sans_ad())),
            run_in(old(own).view(), self.v(), span(self.level as int), pte_pa::<E>(self.level as int, w), page_prop::<E>(self.level as int, w)),
    )]
    pub(crate) fn set_prop(&self, w: u64, prop: PageProperty) -> Result<(), PageTableError> {
        proof! { leaf_here::<P, E>(self, *own); }
        if !E::supports(self.level, prop) {
            return Err(PageTableError::UnsupportedProperty(self.va()));
        }
        proof_with!(Tracked(&mut *own));
        self.put_prop(w, prop);
        Ok(())
    }

    /// Sets the accessed and dirty flags of the page that maps the current one, if there is one, as the MMU
    /// does for a write.
    #[verus_spec(
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page < old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
    )]
    pub(crate) fn mark_written(&mut self) {
        proof_with!(Tracked(&*own));
        let w = self.descend();
        let was = word_prop::<E>(w, self.level);
        let flags = was.flags.union(PageFlags::ACCESSED).union(PageFlags::DIRTY);
        let prop = PageProperty { flags, ..was };
        if !word_present::<E>(w) || !E::supports(self.level, prop) {
            return;
        }
        proof_decl! {
            let ghost view = own.view();
        }
        proof! {
            leaf_here::<P, E>(self, *own);
            let f = was.flags.bits;
            assert((f | 8 | 16) & 0xe7 == f & 0xe7) by (bit_vector);
        }
        proof_with!(Tracked(&mut *own));
        self.put_prop(w, prop);
        proof! { assert(own.view() =~= view); }
    }

    /// Gives the leaf, read as `w`, at the current position another property, and keeps the flags that the
    /// MMU has set since it was read.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, self.reads(*old(own), w), is_leaf::<E>(self.level as int, w),
            E::spec_supports(self.level as int, prop),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)),
            final(own).view() == old(own).view().union_prefer_right(run(
                first(self.level as int, self.v()), span(self.level as int), pte_pa::<E>(self.level as int, w), prop.spec_sans_ad())),
    )]
    fn put_prop(&self, w: u64, prop: PageProperty) {
        proof! { here::<P, E>(self, *own); }
        proof_decl! {
            let ghost own0 = *own;
            let tracked p = own.nodes.tracked_borrow_mut(key(self.level as int, self.v()));
            let ghost words = p@.words;
        }
        let (pa, i) = (self.node(), index_of(self.page, self.level));
        proof! {
            E::base_is_last(w);
        }
        proof_with!(Tracked(&mut *p));
        node::set_leaf_prop::<P, E>(pa, self.level, i, E::from_usize(w as usize), prop);
        proof! {
            lemma_count_update(fmt::<E>(), words, i as int, p@.words[i as int], 512);
            p.lemma_state();
            lemma_stored::<P, E>(self, own0, *own, p@.words[i as int]);
        }
    }

    /// Removes the next page or covered table in `[page, to)` and moves past it, or moves to `to`. Nodes
    /// go to `out`, with the shares of what they map.
    ///
    /// # Errors
    /// See [`split`](Self::split); nothing has been removed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
        requires old(self).inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            backed::<P, E>(*final(pool), *final(own)),
            old(self).page <= final(self).page <= to,
            match ret {
                Ok(Some(Found::Leaf(at, f))) => {
                    &&& old(self).page <= at && final(self).page == at + span(f.level as int) && old(own).unmapped(old(self).v(), at as int)
                    &&& run_in(old(own).view(), at as int, span(f.level as int), f.pa as int, f.prop.spec_sans_ad())
                    &&& final(own).view() == old(own).view().remove_keys(pages(at as int, span(f.level as int)))
                },
                Ok(Some(Found::Table(at, size, n))) => {
                    &&& old(self).page <= at && final(self).page == at + size && old(own).unmapped(old(self).v(), at as int) && n <= size
                    &&& final(own).view() == old(own).view().remove_keys(pages(at as int, size as int))
                },
                Ok(None) => final(own).view() == old(own).view() && final(self).page == to && old(own).unmapped(old(self).v(), to as int),
                Err(_) => final(own).view() == old(own).view(),
            },
    )]
    pub(crate) fn take_next(
        &mut self,
        to: usize,
        out: &mut Retired<P, E>,
    ) -> Result<Option<Found>, PageTableError> {
        proof_decl! {
            let ghost own0 = *own;
        }
        proof_with!(Tracked(&*own));
        self.lift(to);
        proof_with!(Tracked(&mut *own));
        let found = self.seek(to, true);
        proof! { lemma_backed_view::<P, E>(*pool, own0, *own); }
        let Some(w) = found? else {
            return Ok(None);
        };
        let at = self.page;
        let size = span_of(self.level);
        proof_decl! {
            let ghost own1 = *own;
        }
        proof! {
            let (l, v) = (self.level as int, self.v());
            assert forall|x: int| slot(l, x) == self.cur_slot() implies #[trigger] own.mine.contains(x) by { slot_iff(l, x, slot(l, v)); }
        }
        let found = if word_table::<E>(w, self.level) {
            proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
            let n = self.take_table(out);
            Found::Table(at, size, n)
        } else {
            proof_with!(Tracked(&mut *own));
            let leaf = self.take_leaf();
            proof! { take_shares::<P, E>(pool, own1, *own, pages(self.v(), span(leaf.level as int))); }
            Found::Leaf(at, leaf)
        };
        proof_decl! {
            let ghost own2 = *own;
        }
        proof_with!(Tracked(&mut *own));
        self.prune(out);
        proof! { lemma_backed_view::<P, E>(*pool, own2, *own); }
        proof_with!(Tracked(&*own));
        self.jump(at + size);
        Ok(Some(found))
    }

    /// Gives the next page in `[page, to)` the property that `op` makes of its own and moves past it, or moves to
    /// `to`; returns where it starts and what it was.
    ///
    /// # Errors
    /// See [`split`](Self::split) and [`set_prop`](Self::set_prop); nothing has changed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            old(self).page <= final(self).page <= to,
            match ret {
                Ok(Some((at, f))) => {
                    &&& old(self).page <= at && final(self).page == at + span(f.level as int) && old(own).unmapped(old(self).v(), at as int)
                    &&& run_in(old(own).view(), at as int, span(f.level as int), f.pa as int, f.prop.spec_sans_ad())
                    &&& exists|q: PageProperty| final(own).view() == old(own).view().union_prefer_right(
                        #[trigger] run(at as int, span(f.level as int), f.pa as int, q))
                },
                Ok(None) => final(own).view() == old(own).view() && final(self).page == to && old(own).unmapped(old(self).v(), to as int),
                Err(_) => final(own).view() == old(own).view(),
            },
    )]
    pub(crate) fn protect_next<S: ChangeProp>(
        &mut self,
        to: usize,
        op: &mut S,
    ) -> Result<Option<(usize, Leaf)>, PageTableError> {
        proof_with!(Tracked(&mut *own));
        let found = self.seek(to, false)?;
        let Some(w) = found else {
            return Ok(None);
        };
        let leaf = self.leaf(w);
        let prop = op.change(leaf.prop);
        proof_with!(Tracked(&mut *own));
        self.set_prop(w, prop)?;
        let at = self.page;
        proof_with!(Tracked(&*own));
        self.jump(at + span_of(leaf.level));
        Ok(Some((at, leaf)))
    }
}
