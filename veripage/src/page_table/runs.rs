//! Mapping runs of pages, a node at a time: the inner loop runs over the words of one node, with no step up
//! or down between pages.
use super::geom::*;
#[cfg(verus_only)]
use super::identity::{fmt, lemma_count_bound, lemma_count_update, present_count};
#[cfg(verus_only)]
use super::model::*;
use super::node;
#[cfg(verus_only)]
use super::node::{put_word, NodePerm, NodeState};
#[cfg(verus_only)]
use super::path::spec::*;
use super::path::Path;
use super::word::*;
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{is_aligned, PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Words from the current one on to the end of the node or to `to`, whichever comes first.
    #[inline(always)]
    #[verus_spec(ret =>
        requires 1 <= self.level <= 5, self.page < to <= NR_PAGES,
        ensures
            self.cur_slot() % 512 + ret <= 512, self.page + base(self.level as int, ret as int) <= to,
            self.fits_in(to as int) ==> ret >= 1,
    )]
    pub(crate) fn room(&self, to: usize) -> usize {
        let n = slot_of(to - self.page, self.level);
        let rest = 512 - index_of(self.page, self.level);
        proof! {
            lemma_room(self.level as int, to - self.page);
            slot_bounds(self.level as int, to - self.page);
            base_mono(self.level as int, rest as int, n as int);
        }
        if n < rest {
            n
        } else {
            rest
        }
    }

    /// Level of the largest page up to `largest` that may map the current page to `pa`.
    #[inline(always)]
    #[verus_spec(ret =>
        requires
            1 <= self.top <= 5, self.page < to <= NR_PAGES, aligned(1, pa as int), E::spec_supports(1, prop),
        ensures
            1 <= ret <= self.top, first(ret as int, self.v()) == self.v(), self.page + span(ret as int) <= to,
            aligned(ret as int, pa as int), E::spec_supports(ret as int, prop),
    )]
    fn size_for(
        &self,
        pa: Paddr,
        to: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> PagingLevel {
        let mut level = if largest < self.top {
            largest
        } else {
            self.top
        };
        #[cfg_attr(verus_only, verus_spec(
            invariant level <= self.top <= 5, self.page < to <= NR_PAGES,
            decreases level,
        ))]
        while level > 1 {
            let size = span_of(level);
            let fits = first_of(self.page, level) == self.page && size <= to - self.page;
            if fits && is_aligned(pa, level) && E::supports(level, prop) {
                return level;
            }
            level -= 1;
        }
        proof! { slot_bounds(1, self.v()); }
        1
    }

    /// Writes up to `n` leaves from the current word on, stops at a present one; returns how many it wrote.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, first(self.level as int, self.v()) == self.v(),
            self.cur_slot() % 512 + n <= 512, aligned(self.level as int, pa as int), E::spec_supports(self.level as int, prop),
            pa + base(self.level as int, n as int) * 4096 <= E::PADDR_END,
        ensures
            ret <= n, self.inv(*final(own)), old(own).same_shape(*final(own)),
            old(own).view().dom().disjoint(pages(self.v(), base(self.level as int, ret as int))),
            final(own).view() == old(own).view().union_prefer_right(
                run(self.v(), base(self.level as int, ret as int), pa as int, prop.spec_sans_ad())),
            ret == 0 ==> self.word(*final(own)) == self.word(*old(own)),
            ret < n ==> present::<E>(entry_at(final(own).nodes, self.level as int, self.v(), ret as int)),
    )]
    fn fill(&self, pa: Paddr, n: usize, prop: PageProperty) -> usize {
        let (node, level) = (self.node(), self.level);
        let start = index_of(self.page, level);
        proof! { here::<P, E>(self, *own); }
        proof_decl! {
            let ghost own0 = *own;
            let ghost (l, v0) = (self.level as int, self.v());
            let ghost k0 = key(l, v0);
            let tracked mut p = own.nodes.tracked_remove(k0);
            let ghost p0 = p@;
        }
        let mut k: usize = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                1 <= level <= 5, l == level, k <= n, start + n <= 512, p.inv(), p@.paddr == node, p0.level == l,
                p@ == (NodeState { words: p@.words, ..p0 }), p0.words.len() == 512, p@.words.len() == 512,
                aligned(l, pa as int), E::spec_supports(l, prop), pa + base(l, n as int) * 4096 <= E::PADDR_END,
                present_count(fmt::<E>(), p@.words, 512) == present_count(fmt::<E>(), p0.words, 512) + k,
                filled::<E>(p0.words, p@.words, l, start as int, k as int, pa as int, prop),
            ensures
                k < n ==> present::<E>(p@.words[start + k]),
            decreases n - k,
        ))]
        while k < n {
            proof_with!(Tracked(&p));
            let e = node::load::<P, E>(node, start + k);
            proof! { lemma_like::<E>(l, p@.words[start + k], e.bits()); }
            if e.is_present() {
                break;
            }
            proof! {
                aligned_add(l, pa as int, k as int);
                base_mono(l, k as int, n as int);
                base_add(l, k as int, n - k);
            }
            let leaf = E::new_page(pa + pages_of(k, level) * 4096, level, prop);
            proof! {
                lemma_count_update(fmt::<E>(), p@.words, start + k, leaf.bits(), 512);
            }
            proof_with!(Tracked(&mut p));
            node::store::<P, E>(node, start + k, leaf);
            k += 1;
        }
        proof_with!(Tracked(&p));
        let count = node::count::<P, E>(node);
        proof! { lemma_count_bound(fmt::<E>(), p@.words, 512); }
        proof_with!(Tracked(&mut p));
        node::set_count::<P, E>(node, count + k);
        proof! {
            p.lemma_state();
            own.nodes.tracked_insert(k0, p);
            assert(own.nodes =~= own0.nodes.insert(k0, own.nodes[k0]));
            assert(own.same_shape(own0));
            filled_rewritten::<P, E>(own0, *own, l, v0, k as int, pa as int, prop);
            lemma_rewritten(self, own0, *own, k as int);
            view_filled::<P, E>(own0, *own, l, v0, k as int, pa as int, prop.spec_sans_ad());
            if k == 0 {
                assert(own.nodes[k0]@.words[start as int] == p0.words[start as int]);
            }
        }
        k
    }

    /// Maps the pages `[page, to)` to the run of frames from `pa` on, with pages of at most the size of
    /// `largest`, and moves past them.
    ///
    /// # Errors
    /// `AlreadyMapped`, `NoMemory`: everything before the new position is mapped, nothing from there on has
    /// changed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            old(self).inv(*old(own)), old(self).page <= to <= old(self).end, aligned(1, pa as int), E::spec_supports(1, prop),
            pa + (to - old(self).page) * 4096 <= E::PADDR_END,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            old(self).page <= final(self).page <= to,
            old(own).view().dom().disjoint(pages(old(self).v(), final(self).v() - old(self).v())),
            final(own).view() == old(own).view().union_prefer_right(
                run(old(self).v(), final(self).v() - old(self).v(), pa as int, prop.spec_sans_ad())),
            match ret {
                Ok(()) => final(self).page == to,
                Err(e) => final(self).page < to && met(e, old(own).view(), final(self).v()),
            },
    )]
    pub(crate) fn map_run(
        &mut self,
        pa: Paddr,
        to: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        let from = self.page;
        proof_decl! {
            let ghost (view0, q) = (own.view(), prop.spec_sans_ad());
        }
        proof! { assert(own.view() =~= view0.union_prefer_right(run(from as int, 0, pa as int, q))); }
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), from <= self.page <= to <= self.end, from == old(self).page,
                aligned(1, pa as int), E::spec_supports(1, prop), pa + (to - from) * 4096 <= E::PADDR_END, q == prop.spec_sans_ad(),
                view0.dom().disjoint(pages(from as int, self.v() - from)),
                own.view() == view0.union_prefer_right(run(from as int, self.v() - from, pa as int, q)),
                view0 == old(own).view(),
            decreases to - self.page,
        ))]
        while self.page < to {
            let at = pa + (self.page - from) * 4096;
            proof_decl! {
                let ghost (v, view) = (self.v(), own.view());
            }
            proof_with!(Tracked(&mut *own));
            let mapped = self.map_words(at, to, prop, largest);
            proof! { runs_join(view0, view, own.view(), from as int, v, self.v(), pa as int, q); }
            mapped?;
        }
        Ok(())
    }

    /// Maps as many of the pages `[page, to)` as one node takes with pages of one size, and moves past them.
    ///
    /// # Errors
    /// As for [`map_run`](Self::map_run); nothing is mapped.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            old(self).inv(*old(own)), old(self).page < to <= old(self).end, aligned(1, pa as int), E::spec_supports(1, prop),
            pa + (to - old(self).page) * 4096 <= E::PADDR_END,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            old(self).page <= final(self).page <= to,
            old(own).view().dom().disjoint(pages(old(self).v(), final(self).v() - old(self).v())),
            final(own).view() == old(own).view().union_prefer_right(
                run(old(self).v(), final(self).v() - old(self).v(), pa as int, prop.spec_sans_ad())),
            match ret {
                Ok(()) => old(self).page < final(self).page,
                Err(e) => final(self).page == old(self).page && met(e, old(own).view(), final(self).v()),
            },
    )]
    fn map_words(
        &mut self,
        pa: Paddr,
        to: usize,
        prop: PageProperty,
        largest: PagingLevel,
    ) -> Result<(), PageTableError> {
        proof_decl! {
            let ghost (v, view) = (self.v(), own.view());
        }
        proof! { assert(view =~= view.union_prefer_right(run(v, 0, pa as int, prop.spec_sans_ad()))); }
        let mut level = self.size_for(pa, to, prop, largest);
        proof_with!(Tracked(&mut *own));
        let mut w = self.reach(level)?;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), self.page == v, v < to <= self.end,
                1 <= level <= self.top <= 5, self.level == level, first(level as int, v) == v, v + span(level as int) <= to, aligned(level as int, pa as int),
                E::spec_supports(level as int, prop), own.view() == view, self.reads(*own, w),
            decreases level,
        ))]
        while word_table::<E>(w, level) {
            proof! {
                aligned_lower(level as int, pa as int, v);
                E::supports_lower(level as int, prop);
            }
            level -= 1;
            proof_with!(Tracked(&*own));
            self.push(w);
            proof_with!(Tracked(&*own));
            let below = self.load();
            w = below;
        }
        let n = self.room(to);
        proof! { base_add(level as int, n as int, 0); base_add(level as int, 0, 0); }
        proof_with!(Tracked(&mut *own));
        let k = self.fill(pa, n, prop);
        proof! {
            base_add(level as int, 0, k as int);
            base_mono(level as int, k as int, n as int);
        }
        if k == 0 {
            proof! {
                here::<P, E>(self, *own);
                assert(entry_at(own.nodes, level as int, v, 0) == self.word(*own));
                assert(own.view().dom().contains(v));
            }
            return Err(PageTableError::AlreadyMapped(self.va()));
        }
        let next = self.page + pages_of(k, level);
        proof_with!(Tracked(&*own));
        self.jump(next);
        Ok(())
    }
}

#[cfg(verus_only)]
verus! {

/// Why page `v` could not be mapped: it is, or there was no memory.
pub(crate) open spec fn met(e: PageTableError, view: Map<int, Tr>, v: int) -> bool {
    match e {
        PageTableError::AlreadyMapped(va) => va == v * 4096 && view.dom().contains(v),
        _ => e is NoMemory && !view.dom().contains(v),
    }
}

/// Two runs that meet.
proof fn runs_join(a: Map<int, Tr>, b: Map<int, Tr>, c: Map<int, Tr>, v0: int, v1: int, v2: int, pa: int, q: PageProperty)
    requires
        v0 <= v1 <= v2, a.dom().disjoint(pages(v0, v1 - v0)), b == a.union_prefer_right(run(v0, v1 - v0, pa, q)),
        b.dom().disjoint(pages(v1, v2 - v1)), c == b.union_prefer_right(run(v1, v2 - v1, pa + (v1 - v0) * 4096, q)),
    ensures
        a.dom().disjoint(pages(v0, v2 - v0)), c == a.union_prefer_right(run(v0, v2 - v0, pa, q)),
        !b.dom().contains(v2) ==> !a.dom().contains(v2), b.dom().contains(v2) && v1 == v2 ==> a.dom().contains(v2),
{
    assert(c =~= a.union_prefer_right(run(v0, v2 - v0, pa, q)));
    assert forall|x: int| #[trigger] pages(v0, v2 - v0).contains(x) implies !a.dom().contains(x) by {
        if x >= v1 {
            assert(pages(v1, v2 - v1).contains(x));
            assert(!b.dom().contains(x));
        } else {
            assert(pages(v0, v1 - v0).contains(x));
        }
    }
    assert(run(v0, v1 - v0, pa, q).dom().contains(v1) == false);
}

} // verus!
