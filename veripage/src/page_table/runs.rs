//! Range operations, a node at a time: the inner loops run over the words of one node, with no step up
//! or down between pages.
use super::edit::Leaf;
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
use super::retired::Retired;
#[cfg(verus_only)]
use super::shares::{backed, lemma_backed_view, take_shares, Shares};
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
    fn room(&self, to: usize) -> usize {
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
                Err(PageTableError::AlreadyMapped(va)) => va == final(self).page * 4096 && final(self).page < to
                    && old(own).view().dom().contains(final(self).v()),
                Err(_) => true,
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
            let ghost (v0, view0, q) = (self.v(), own.view(), prop.spec_sans_ad());
        }
        proof! {
            assert(own.view() =~= view0.union_prefer_right(run(v0, 0, pa as int, q)));
        }
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), from <= self.page <= to <= self.end, v0 == from, from == old(self).page,
                aligned(1, pa as int), E::spec_supports(1, prop), pa + (to - from) * 4096 <= E::PADDR_END, q == prop.spec_sans_ad(),
                view0.dom().disjoint(pages(v0, self.v() - v0)),
                own.view() == view0.union_prefer_right(run(v0, self.v() - v0, pa as int, q)),
                view0 == old(own).view(),
            decreases to - self.page,
        ))]
        while self.page < to {
            proof_decl! {
                let ghost (v, view1) = (self.v(), own.view());
            }
            let at = pa + (self.page - from) * 4096;
            let mut level = self.size_for(at, to, prop, largest);
            proof_with!(Tracked(&mut *own));
            let mut w = self.reach(level)?;
            #[cfg_attr(verus_only, verus_spec(
                invariant
                    self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), self.page == v, v < to <= self.end,
                    1 <= level <= self.top <= 5, self.level == level, first(level as int, v) == v, v + span(level as int) <= to, aligned(level as int, at as int),
                    E::spec_supports(level as int, prop), own.view() == view1, self.reads(*own, w),
                decreases level,
            ))]
            while word_table::<E>(w, level) {
                proof! {
                    aligned_lower(level as int, at as int, v);
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
            let k = self.fill(at, n, prop);
            let done = pages_of(k, level);
            proof! {
                base_add(level as int, 0, k as int);
                base_mono(level as int, k as int, n as int);
                assert(own.view() =~= view0.union_prefer_right(run(v0, v + done - v0, pa as int, q)));
                assert forall|x: int| #[trigger] pages(v0, v + done - v0).contains(x) implies !view0.dom().contains(x) by {
                    if x >= v {
                        assert(pages(v, done as int).contains(x));
                        assert(!view1.dom().contains(x));
                    } else {
                        assert(pages(v0, v - v0).contains(x));
                    }
                }
            }
            if k == 0 {
                proof! {
                    here::<P, E>(self, *own);
                    assert(entry_at(own.nodes, level as int, v, 0) == self.word(*own));
                    assert(own.view().dom().contains(v));
                }
                return Err(PageTableError::AlreadyMapped(self.va()));
            }
            let next = self.page + done;
            proof_with!(Tracked(&*own));
            self.jump(next);
        }
        Ok(())
    }

    /// Clears the leaves among the `n` words from the current one on, up to the first table, and gives each
    /// to `sink`, with every flag that the MMU ever set in it; returns how many words it passed, and how
    /// many leaves they were.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, first(self.level as int, self.v()) == self.v(),
            1 <= n, self.cur_slot() % 512 + n <= 512, !is_table::<E>(self.level as int, self.word(*old(own))),
        ensures
            1 <= ret.0 <= n, ret.1 <= ret.0, self.inv(*final(own)), old(own).same_shape(*final(own)),
            final(own).view() == old(own).view().remove_keys(pages(self.v(), base(self.level as int, ret.0 as int))),
    )]
    fn clear_words<S: TakeLeaf>(&self, n: usize, sink: &mut S) -> (usize, usize) {
        let (node, level) = (self.node(), self.level);
        let start = index_of(self.page, level);
        proof! { here::<P, E>(self, *own); E::zero_absent(); }
        proof_decl! {
            let ghost own0 = *own;
            let ghost (l, v0) = (self.level as int, self.v());
            let ghost k0 = key(l, v0);
            let tracked mut p = own.nodes.tracked_remove(k0);
            let ghost p0 = p@;
        }
        let mut k: usize = 0;
        let mut gone: usize = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                1 <= level <= 5, l == level, k <= n, start + n <= 512, p.inv(), p@.paddr == node, p0.level == l, gone <= k,
                p@ == (NodeState { words: p@.words, ..p0 }), p0.words.len() == 512, p@.words.len() == 512, !present::<E>(0),
                present_count(fmt::<E>(), p@.words, 512) == present_count(fmt::<E>(), p0.words, 512) - gone,
                cleared::<E>(p0.words, p@.words, l, start as int, k as int), self.page + 512 * 68719476736 <= usize::MAX,
                !is_table::<E>(l, p0.words[start as int]), 1 <= n,
            ensures k >= 1,
            decreases n - k,
        ))]
        while k < n {
            proof_with!(Tracked(&p));
            let e = node::load::<P, E>(node, start + k);
            proof! { lemma_like::<E>(l, p@.words[start + k], e.bits()); }
            proof_decl! {
                let ghost words = p@.words;
            }
            if e.is_present() {
                if level > 1 && !e.is_last(level) {
                    proof! { if k == 0 { assert(p@.words[start as int] == p0.words[start as int]); } }
                    break;
                }
                proof! {
                    lemma_count_update(fmt::<E>(), p@.words, start + k, 0, 512);
                    assert(!is_table::<E>(l, p@.words[start + k]));
                    assert(p@.words[start + k] == p0.words[start + k]);
                }
                proof_with!(Tracked(&mut p));
                let was = node::swap::<P, E>(node, start + k, E::new_absent());
                let leaf = Leaf {
                    pa: was.paddr(level),
                    level,
                    prop: was.prop(level),
                };
                sink.leaf(self.page + pages_of(k, level), leaf);
                gone += 1;
            }
            proof! { cleared_step::<E>(p0.words, words, p@.words, l, start as int, k as int); }
            k += 1;
        }
        proof_with!(Tracked(&p));
        let count = node::count::<P, E>(node);
        proof! { lemma_count_bound(fmt::<E>(), p@.words, 512); }
        proof_with!(Tracked(&mut p));
        node::set_count::<P, E>(node, count - gone);
        proof! {
            p.lemma_state();
            own.nodes.tracked_insert(k0, p);
            assert(own.nodes =~= own0.nodes.insert(k0, own.nodes[k0]));
            assert(own.same_shape(own0));
            cleared_rewritten::<P, E>(own0, *own, l, v0, k as int);
            lemma_rewritten(self, own0, *own, k as int);
            view_cleared::<P, E>(own0, *own, l, v0, k as int);
        }
        (k, gone)
    }

    /// Unmaps every page in `[page, to)` and moves there; returns how many there were. Each page that is
    /// not below a covered table is given to `sink`, each node to `out`, with the shares of what it maps.
    ///
    /// # Errors
    /// See [`split`](Self::split): nothing before the new position is mapped, nothing from there on has
    /// changed. Pages are split before any is unmapped.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
        requires old(self).inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            backed::<P, E>(*final(pool), *final(own)), old(self).page <= final(self).page <= to,
            final(own).view() == old(own).view().remove_keys(pages(old(self).v(), final(self).v() - old(self).v())),
            ret matches Ok(n) ==> final(self).page == to && n <= to - old(self).page,
    )]
    pub(crate) fn unmap<S: TakeLeaf>(
        &mut self,
        to: usize,
        out: &mut Retired<P, E>,
        sink: &mut S,
    ) -> Result<usize, PageTableError> {
        proof_decl! {
            let ghost from = self.page;
            let ghost (v0, view0) = (self.v(), own.view());
        }
        proof! { assert(own.view() =~= view0.remove_keys(pages(v0, 0))); }
        proof_with!(Tracked(&mut *own));
        let cut = self.cut_ends(to);
        proof! { lemma_backed_view::<P, E>(*pool, *old(own), *own); }
        cut?;
        proof_with!(Tracked(&*own));
        self.lift(to);
        let mut n: usize = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), backed::<P, E>(*pool, *own),
                self.same_bounds(old(self)), old(own).same_shape(*own), from <= self.page <= to <= self.end, v0 == from, from == old(self).page,
                n <= self.page - from, own.view() == view0.remove_keys(pages(v0, self.v() - v0)), view0 == old(own).view(),
            decreases to - self.page,
        ))]
        loop {
            proof_decl! {
                let ghost (v1, view1, own1) = (self.v(), own.view(), *own);
            }
            proof_with!(Tracked(&mut *own));
            let found = self.seek(to, true);
            proof! {
                lemma_backed_view::<P, E>(*pool, own1, *own);
                assert(own.view() =~= view0.remove_keys(pages(v0, self.v() - v0))) by {
                    assert forall|x: int| v1 <= x < self.v() implies !#[trigger] view0.dom().contains(x) by {
                        assert(!view1.dom().contains(x));
                        assert(!pages(v0, v1 - v0).contains(x));
                    }
                }
            }
            let Some(w) = found? else {
                return Ok(n);
            };
            proof_decl! {
                let ghost (l, v, view2, own2) = (self.level as int, self.v(), own.view(), *own);
            }
            let next;
            if word_table::<E>(w, self.level) {
                next = self.page + span_of(self.level);
                proof! {
                    assert forall|x: int| slot(l, x) == self.cur_slot() implies #[trigger] own.mine.contains(x) by { slot_iff(l, x, slot(l, v)); }
                }
                proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
                let below = self.take_table(out);
                n += below;
            } else {
                let room = self.room(to);
                proof_with!(Tracked(&mut *own));
                let (passed, gone) = self.clear_words(room, sink);
                proof! {
                    take_shares::<P, E>(pool, own2, *own, pages(v, base(l, passed as int)));
                    base_add(l, 0, 0);
                    base_add(l, passed as int, 0);
                    base_mono(l, gone as int, passed as int);
                    base_mono(l, passed as int, room as int);
                    base_mono(l, 1, passed as int);
                }
                next = self.page + pages_of(passed, self.level);
                n += pages_of(gone, self.level);
            }
            proof! {
                slot_bounds(l, v);
                assert(own.view() == view2.remove_keys(pages(v, next - v)));
                assert(own.view() =~= view0.remove_keys(pages(v0, next - v0)));
            }
            proof_decl! {
                let ghost own3 = *own;
            }
            proof_with!(Tracked(&mut *own));
            self.prune(out);
            proof! { lemma_backed_view::<P, E>(*pool, own3, *own); }
            proof_with!(Tracked(&*own));
            self.jump(next);
        }
    }

    /// Changes the properties of the leaves among the `n` words from the current one on, up to the first table
    /// or the first property that is not supported; returns how many words it passed, how many leaves they
    /// were, and whether it stopped at a property. Flags that the MMU sets meanwhile are kept.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, first(self.level as int, self.v()) == self.v(),
            1 <= n, self.cur_slot() % 512 + n <= 512, !is_table::<E>(self.level as int, self.word(*old(own))),
        ensures
            ret.0 <= n, !ret.2 ==> 1 <= ret.0, ret.1 <= ret.0, self.inv(*final(own)), old(own).same_shape(*final(own)),
            same_frames(old(own).view(), final(own).view(), self.v(), base(self.level as int, ret.0 as int)),
    )]
    fn change_words<S: ChangeProp>(&self, n: usize, op: &mut S) -> (usize, usize, bool) {
        let (node, level) = (self.node(), self.level);
        let start = index_of(self.page, level);
        proof! { here::<P, E>(self, *own); E::zero_absent(); }
        proof_decl! {
            let ghost own0 = *own;
            let ghost (l, v0) = (self.level as int, self.v());
            let ghost k0 = key(l, v0);
            let tracked mut p = own.nodes.tracked_remove(k0);
            let ghost p0 = p@;
        }
        let mut k: usize = 0;
        let mut changed: usize = 0;
        let mut stuck = false;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                1 <= level <= 5, l == level, k <= n, start + n <= 512, p.inv(), p@.paddr == node, p0.level == l, changed <= k, 1 <= n,
                p@ == (NodeState { words: p@.words, ..p0 }), p0.words.len() == 512, p@.words.len() == 512,
                present_count(fmt::<E>(), p@.words, 512) == present_count(fmt::<E>(), p0.words, 512),
                reprop::<E>(p0.words, p@.words, l, start as int, k as int), !is_table::<E>(l, p0.words[start as int]),
            ensures stuck || k >= 1,
            decreases n - k,
        ))]
        while k < n {
            proof_with!(Tracked(&p));
            let e = node::load::<P, E>(node, start + k);
            proof! {
                lemma_like::<E>(l, p@.words[start + k], e.bits());
                assert(p@.words[start + k] == p0.words[start + k]);
            }
            proof_decl! {
                let ghost words = p@.words;
            }
            if e.is_present() {
                if level > 1 && !e.is_last(level) {
                    break;
                }
                let prop = op.change(e.prop(level));
                if !E::supports(level, prop) {
                    stuck = true;
                    break;
                }
                proof! { E::base_is_last(e.bits()); }
                proof_with!(Tracked(&mut p));
                node::set_leaf_prop::<P, E>(node, level, start + k, e, prop);
                proof! { lemma_count_update(fmt::<E>(), words, start + k, p@.words[start + k], 512); }
                changed += 1;
            }
            proof! { reprop_step::<E>(p0.words, words, p@.words, l, start as int, k as int); }
            k += 1;
        }
        proof! {
            p.lemma_state();
            own.nodes.tracked_insert(k0, p);
            assert(own.nodes =~= own0.nodes.insert(k0, own.nodes[k0]));
            assert(own.same_shape(own0));
            reprop_rewritten::<P, E>(own0, *own, l, v0, k as int);
            lemma_rewritten(self, own0, *own, k as int);
            view_reprop::<P, E>(own0, *own, l, v0, k as int);
        }
        (k, changed, stuck)
    }

    /// Gives every page mapped in `[page, to)` the property that `op` makes of its own, and moves there;
    /// returns how many pages there were.
    ///
    /// # Errors
    /// See [`split`](Self::split), and `UnsupportedProperty`: the pages before the new position have their new
    /// properties. Pages are split before any is changed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            old(self).page <= final(self).page <= to,
            same_frames(old(own).view(), final(own).view(), old(self).v(), final(self).v() - old(self).v()),
            ret matches Ok(n) ==> final(self).page == to && n <= to - old(self).page,
    )]
    pub(crate) fn protect<S: ChangeProp>(
        &mut self,
        to: usize,
        op: &mut S,
    ) -> Result<usize, PageTableError> {
        proof_decl! {
            let ghost from = self.page;
            let ghost (v0, view0) = (self.v(), own.view());
        }
        proof_with!(Tracked(&mut *own));
        self.cut_ends(to)?;
        let mut n: usize = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), from <= self.page <= to <= self.end, v0 == from, from == old(self).page,
                n <= self.page - from, same_frames(view0, own.view(), v0, self.v() - v0), view0 == old(own).view(),
            decreases to - self.page,
        ))]
        loop {
            proof_with!(Tracked(&mut *own));
            let found = self.seek(to, false);
            let Some(_) = found? else {
                return Ok(n);
            };
            proof_decl! {
                let ghost (l, v, view2) = (self.level as int, self.v(), own.view());
            }
            let room = self.room(to);
            proof_with!(Tracked(&mut *own));
            let (passed, changed, stuck) = self.change_words(room, op);
            proof! {
                base_add(l, 0, changed as int);
                base_add(l, 0, passed as int);
                base_mono(l, changed as int, passed as int);
                base_mono(l, passed as int, room as int);
            }
            let next = self.page + pages_of(passed, self.level);
            n += pages_of(changed, self.level);
            proof! { frames_join(view0, view2, own.view(), v0, v, next as int); }
            proof_with!(Tracked(&*own));
            self.jump(next);
            if stuck {
                return Err(PageTableError::UnsupportedProperty(
                    self.page.wrapping_mul(4096),
                ));
            }
        }
    }
}

verus! {

/// Takes the leaves that a range operation clears, with the number of their first page.
pub(crate) trait TakeLeaf {
    fn leaf(&mut self, page: usize, leaf: Leaf);
}

/// Makes a new property of each one that it is given.
pub(crate) trait ChangeProp {
    fn change(&mut self, prop: PageProperty) -> PageProperty;
}

} // verus!
