//! Nodes that leave the table: a whole table at once, or those that have become empty.
#[cfg(verus_only)]
use super::count::*;
use super::geom::*;
#[cfg(verus_only)]
use super::identity::{fmt, lemma_count_update, loose};
#[cfg(verus_only)]
use super::leaves::*;
#[cfg(verus_only)]
use super::model::*;
use super::node;
#[cfg(verus_only)]
use super::path::spec::*;
use super::path::Path;
use super::retired::Retired;
#[cfg(verus_only)]
use super::shares::*;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Detaches the table below the current word with everything under it; returns how many pages
    /// were mapped there. The shares of those pages go with the nodes.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
        requires
            self.inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), self.page < self.end, is_table::<E>(self.level as int, self.word(*old(own))),
            self.level < self.keep,
            forall|v: int| slot(self.level as int, v) == self.cur_slot() ==> #[trigger] old(own).mine.contains(v),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)),
            ret == mapped(old(own).view(), first(self.level as int, self.v()), span(self.level as int)),
            self.word(*final(own)) == 0, !present::<E>(0), finer(old(own).nodes, final(own).nodes),
            backed::<P, E>(*final(pool), *final(own)), *final(pool) == old(pool).remove_keys(around(self.level as int, self.v())),
            final(own).view() == old(own).view().remove_keys(pages(first(self.level as int, self.v()), span(self.level as int))),
    )]
    pub(crate) fn take_table(&self, out: &mut Retired<P, E>) -> usize {
        proof! { here::<P, E>(self, *own); }
        proof_decl! {
            let ghost own0 = *own;
        }
        proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
        let n = cut_child::<P, E>(self.node(), self.level, self.page, out);
        proof! {
            let v = self.v();
            assert forall|m: int| self.level <= m <= self.top implies #[trigger] same_node(own0.nodes, own.nodes, m, v) by {
                assert(self.holds(own0, m));
                assert(kept_above(own0.nodes, own.nodes, m, v));
            }
            path_kept::<P, E>(self, own0, *own);
        }
        n
    }

    /// Detaches the empty nodes from the current one upwards.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page < old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
            final(self).level >= old(self).level, finer(old(own).nodes, final(own).nodes),
    )]
    pub(crate) fn prune(&mut self, out: &mut Retired<P, E>) {
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), self.page < self.end,
                self.page == old(self).page, own.view() == old(own).view(), self.level >= old(self).level,
                finer(old(own).nodes, own.nodes),
            decreases self.top - self.level,
        ))]
        while self.level < self.top && self.level + 1 < self.keep {
            let child = self.node();
            proof! { here::<P, E>(self, *own); }
            proof_decl! {
                let ghost own0 = *own;
                let ghost (l, v) = (self.level as int, self.v());
                let tracked p = own.nodes.tracked_borrow(key(l, v));
            }
            proof_with!(Tracked(p));
            let n = node::count::<P, E>(child);
            if n != 0 {
                return;
            }
            proof! {
                assert forall|j: int| 0 <= j < 512 implies !present::<E>(#[trigger] p@.words[j]) by {
                    lemma_count_update(fmt::<E>(), p@.words, j, 0, 512);
                }
                assert(ok_at::<P, E>(own.nodes, l + 1, v));
            }
            let level = self.level + 1;
            proof_with!(Tracked(&*own));
            self.climb(level);
            proof! { assert(self.holds(*own, self.level as int)); }
            proof_with!(Tracked(&mut *own));
            cut_empty::<P, E>(self.node(), self.level, self.page, child, out);
            proof! {
                assert forall|m: int| self.level <= m <= self.top implies #[trigger] same_node(own0.nodes, own.nodes, m, v) by {
                    assert(self.holds(own0, m));
                    assert(kept_above(own0.nodes, own.nodes, m, v));
                }
                path_kept::<P, E>(self, own0, *own);
                finer_trans::<P, E>(old(own).nodes, own0.nodes, own.nodes);
            }
        }
    }
}

/// Detaches the child at the word for `page` of the locked level-`level` node `pa`; the child has no entries.
#[verus_spec(
    with Tracked(o): Tracked<&mut Owner<P, E>>
    requires
        old(o).wf(), 2 <= level <= old(o).top, old(o).under(page as int), old(o).own_at(page as int),
        level < old(o).site.table.top || loose(old(o).site.table),
        node_at(old(o).nodes, level as int, page as int), node_at(old(o).nodes, level - 1, page as int),
        pa == node_pa(old(o).nodes, level as int, page as int), child == node_pa(old(o).nodes, level - 1, page as int),
        all_absent::<E>(old(o).nodes[key(level - 1, page as int)]@),
    ensures
        final(o).wf(), old(o).same_shape(*final(o)),
        forall|m: int, v: int| level <= m <= 5 ==> #[trigger] kept_above(old(o).nodes, final(o).nodes, m, v),
        final(o).view() == old(o).view(), finer(old(o).nodes, final(o).nodes),
)]
fn cut_empty<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    page: usize,
    child: Paddr,
    out: &mut Retired<P, E>,
) {
    let i = index_of(page, level);
    proof_decl! {
        let ghost (l, v) = (level as int, page as int);
        let ghost o0 = *o;
    }
    proof! {
        assert(ok_at::<P, E>(o.nodes, l, v));
        slot_bounds(l, v);
        slot_up(l - 1, v);
        E::zero_absent();
    }
    proof_decl! {
        let tracked sub = detach::<P, E>(o, l, v);
        let ghost mid = *o;
    }
    proof! {
        assert(node_at(o.nodes, l, v));
        assert(o.nodes[key(l, v)] == o0.nodes[key(l, v)]);
        assert(sub.nodes[(sub.top, sub.prefix)] == o0.nodes[key(l - 1, v)]);
        assert forall|x: int| slot(l, x) == slot(l, v) implies #[trigger] sub.at(x) == Tr::Absent by {
            let words = o0.nodes[key(l - 1, v)]@.words;
            assert(sub.under(x));
            assert(!present::<E>(words[slot(l - 1, x) % 512]));
            top_node::<P, E>(sub, x);
            at_word::<P, E>(sub, l - 1, x, x);
        }
        lemma_stocked_none::<P, E>(sub.nodes[(sub.top, sub.prefix)]@);
    }
    proof_decl! {
        let tracked c = root_only::<P, E>(sub);
        let tracked p = o.nodes.tracked_borrow_mut(key(l, v));
    }
    proof! {
        p.lemma_wf();
        p.lemma_state();
        c.lemma_wf();
    }
    proof_with!(Tracked(&mut *p), Tracked(c), Tracked(Map::tracked_empty()));
    node::detach::<P, E>(pa, i, child, out);
    proof! {
        p.lemma_wf();
        p.lemma_state();
        unhooked::<P, E>(o0, mid, o, l, v);
        slot_pages(l, v);
        assert forall|x: int| pages(first(l, v), span(l)).contains(x) implies !o0.view().dom().contains(x) by {
            assert(o0.at(x) == sub.at(x));
        }
        assert(o.view() =~= o0.view());
    }
}

/// Detaches the child at the word for `page` of the locked level-`level` node `pa`, and every node below
/// it, from the leaves up; returns how many pages were mapped there. The shares of those pages go with the nodes.
#[verus_spec(ret =>
    with Tracked(o): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
    requires
        old(o).wf(), backed::<P, E>(*old(pool), *old(o)), 2 <= level <= old(o).top, old(o).under(page as int), node_at(old(o).nodes, level as int, page as int),
        pa == node_pa(old(o).nodes, level as int, page as int), is_table::<E>(level as int, entry(old(o).nodes, level as int, page as int)),
        forall|v: int| slot(level as int, v) == slot(level as int, page as int) ==> #[trigger] old(o).mine.contains(v),
        page < NR_PAGES, level < old(o).site.table.top || loose(old(o).site.table),
    ensures
        final(o).wf(), old(o).same_shape(*final(o)), finer(old(o).nodes, final(o).nodes),
        ret == mapped(old(o).view(), first(level as int, page as int), span(level as int)),
        backed::<P, E>(*final(pool), *final(o)), *final(pool) == old(pool).remove_keys(around(level as int, page as int)),
        forall|m: int, v: int| level <= m <= 5 ==> #[trigger] kept_above(old(o).nodes, final(o).nodes, m, v),
        forall|m: int, v: int| level <= m <= 5 && !(m == level && slot(level as int, v) == slot(level as int, page as int)) ==>
            #[trigger] entry(final(o).nodes, m, v) == entry(old(o).nodes, m, v) || !node_at(old(o).nodes, m, v),
        entry(final(o).nodes, level as int, page as int) == 0, !present::<E>(0),
        final(o).view() == old(o).view().remove_keys(pages(first(level as int, page as int), span(level as int))),
    decreases level, 0int,
)]
fn cut_child<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    page: usize,
    out: &mut Retired<P, E>,
) -> usize {
    let i = index_of(page, level);
    proof_decl! {
        let ghost (l, v) = (level as int, page as int);
        let ghost o0 = *o;
        let tracked p = o.nodes.tracked_borrow(key(l, v));
    }
    proof_with!(Tracked(p));
    let e = node::load::<P, E>(pa, i);
    let child = e.paddr(level);
    proof! {
        assert(o.mine.contains(v));
        assert(ok_at::<P, E>(o.nodes, l, v));
        assert(full_at::<P, E>(o.nodes, l, v));
        lemma_like::<E>(l, entry(o.nodes, l, v), e.bits());
        E::zero_absent();
        slot_bounds(l, v);
        slot_limit(l, v);
    }
    proof_decl! {
        let tracked mut sub = detach::<P, E>(o, l, v);
        let ghost (mid, sub0) = (*o, sub);
        let ghost pool0 = *pool;
        let tracked mut part = split_shares::<P, E>(pool, o0, sub, mid, l, v);
    }
    proof! {
        assert(node_at(o.nodes, l, v));
        assert(o.nodes[key(l, v)] == o0.nodes[key(l, v)]);
    }
    let first_page = first_of(page, level);
    proof_with!(Tracked(&mut sub), Tracked(&mut part));
    let n = strip::<P, E>(child, level - 1, first_page, out);
    proof! { lemma_stripped::<P, E>(part, sub); }
    proof_decl! {
        let tracked c = root_only::<P, E>(sub);
        let tracked p = o.nodes.tracked_borrow_mut(key(l, v));
    }
    proof! {
        p.lemma_wf();
        p.lemma_state();
    }
    proof_with!(Tracked(&mut *p), Tracked(c), Tracked(part));
    node::detach::<P, E>(pa, i, child, out);
    proof! {
        p.lemma_wf();
        p.lemma_state();
        unhooked::<P, E>(o0, mid, o, l, v);
        assert forall|x: int| slot(l, x) == slot(l, v) implies (#[trigger] o0.view().dom().contains(x) <==> sub0.view().dom().contains(x)) by {
            assert(sub0.at(x) == o0.at(x));
        }
        slot_pages(l, v);
        assert forall|x: int| first(l, v) <= x < first(l, v) + span(l) implies (#[trigger] o0.view().dom().contains(x) <==> sub0.view().dom().contains(x)) by {
            assert(pages(first(l, v), span(l)).contains(x));
        }
        mapped_same(o0.view(), sub0.view(), first(l, v), span(l));
        lemma_backed_without::<P, E>(pool0, *pool, o0, *o, pages(first(l, v), span(l)));
    }
    n
}

/// Detaches every node below the locked level-`level` node `pa`, whose first page is `start`; returns how
/// many pages are or were mapped under it.
#[verus_spec(ret =>
    with Tracked(o): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
    requires
        old(o).wf(), backed::<P, E>(*old(pool), *old(o)), 1 <= level <= 4, level == old(o).top, pa == old(o).root_pa(), start == base(level + 1, old(o).prefix), start + span(level + 1) <= NR_PAGES,
        forall|v: int| slot(level + 1, v) == old(o).prefix ==> #[trigger] old(o).mine.contains(v),
        level < old(o).site.table.top,
    ensures
        final(o).wf(), backed::<P, E>(*final(pool), *final(o)), old(o).same_shape(*final(o)), final(o).root_pa() == pa,
        ret == mapped(old(o).view(), start as int, span(level + 1)),
        forall|j: int| 0 <= j < 512 ==> !is_table::<E>(level as int, #[trigger] final(o).nodes[(final(o).top, final(o).prefix)]@.words[j]),
    decreases level, 1int,
)]
fn strip<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    start: usize,
    out: &mut Retired<P, E>,
) -> usize {
    proof_decl! {
        let ghost (l, all) = (level as int, o.view());
        let ghost rk = (o.top, o.prefix);
        let tracked p = o.nodes.tracked_borrow(rk);
    }
    if level == 1 {
        proof! {
            lemma_nth(1, o.prefix, 0);
            base_512(1);
            base_add(1, 0, 0);
            lemma_base_one(present_in::<E>(p@.words, 0, 512));
            slot_iff(2, start as int, o.prefix);
            mapped_words::<P, E>(*o, 1, start as int, 512);
        }
        proof_with!(Tracked(p));
        let n = node::count::<P, E>(pa);
        return n;
    }
    let mut n: usize = 0;
    let mut j: usize = 0;
    proof! { base_add(l, 0, 0); }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            2 <= level <= 4, l == level, level < o.site.table.top, j <= 512, o.wf(), backed::<P, E>(*pool, *o), old(o).same_shape(*o), level == o.top, pa == o.root_pa(), rk == (o.top, o.prefix),
            start == base(l + 1, o.prefix), start + span(l + 1) <= NR_PAGES, n == mapped(all, start as int, base(l, j as int)),
            forall|x: int| start + base(l, j as int) <= x < start + span(l + 1) ==> (#[trigger] all.dom().contains(x) <==> o.view().dom().contains(x)), all == old(o).view(),
            forall|v: int| slot(l + 1, v) == o.prefix ==> #[trigger] o.mine.contains(v),
            forall|k: int| 0 <= k < j ==> !is_table::<E>(l, #[trigger] o.nodes[rk]@.words[k]),
        decreases 512 - j,
    ))]
    while j < 512 {
        let page = start + pages_of(j, level);
        proof_decl! {
            let ghost v = page as int;
            let ghost o1 = *o;
            let tracked p = o.nodes.tracked_borrow(rk);
        }
        proof! {
            lemma_nth(l, o.prefix, j as int);
            base_add(l, j as int, 1);
            base_512(l);
            base_mono(l, j + 1, 512);
            slot_iff(l + 1, v, o.prefix);
            assert(o.under(v));
            assert(o.mine.contains(v));
        }
        proof_with!(Tracked(p));
        let e = node::load::<P, E>(pa, j);
        proof! {
            lemma_like::<E>(l, p@.words[j as int], e.bits());
            mapped_join(all, start as int, base(l, j as int), span(l));
            mapped_bound(all, start as int, base(l, j as int));
            mapped_bound(all, v, span(l));
            mapped_same(all, o.view(), v, span(l));
            if !is_table::<E>(l, p@.words[j as int]) { mapped_slot::<P, E>(*o, l, v); }
        }
        if e.is_present() {
            if e.is_last(level) {
                n += span_of(level);
            } else {
                proof! {
                    assert forall|x: int| slot(l, x) == slot(l, v) implies #[trigger] o.mine.contains(x) by {
                        slot_eq_up(l, l + 1, x, v);
                    }
                }
                proof_with!(Tracked(&mut *o), Tracked(&mut *pool));
                let below = cut_child::<P, E>(pa, level, page, out);
                n += below;
                proof! {
                    assert(kept_above(o1.nodes, o.nodes, l, v));
                    assert forall|k: int| 0 <= k <= j implies !is_table::<E>(l, #[trigger] o.nodes[rk]@.words[k]) by {
                        lemma_nth(l, o.prefix, k);
                        let x = base(l, o.prefix * 512 + k);
                        slot_iff(l + 1, x, o.prefix);
                        assert(entry(o.nodes, l, x) == o.nodes[rk]@.words[k]);
                        if k < j {
                            assert(entry(o1.nodes, l, x) == o1.nodes[rk]@.words[k]);
                        } else {
                            assert(x == v);
                        }
                    }
                }
            }
        }
        j += 1;
    }
    proof! { base_512(l); }
    n
}

#[cfg(verus_only)]
verus! {

/// A node that was stripped of its children holds what its own words map.
proof fn lemma_stripped<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, o: Owner<P, E>)
    requires
        o.wf(), backed::<P, E>(m, o),
        forall|j: int| 0 <= j < 512 ==> !is_table::<E>(o.top, #[trigger] o.nodes[(o.top, o.prefix)]@.words[j]),
    ensures stocked::<P, E>(m, o.nodes[(o.top, o.prefix)]@),
{
    assert forall|v: int| o.under(v) && o.top > 1 implies !#[trigger] node_at(o.nodes, o.top - 1, v) by {
        top_node::<P, E>(o, v);
        assert(ok_at::<P, E>(o.nodes, o.top, v));
        assert(!is_table::<E>(o.top, o.nodes[(o.top, o.prefix)]@.words[slot(o.top, v) % 512]));
    }
    lemma_backed_one::<P, E>(m, o);
}

} // verus!
