//! Locking all nodes of a range.
//!
//! This is where locks become ownership: each lock hands out the permission to its node, and at the end the
//! owner decides every page of the range, which is what a [`Path`](super::path::Path) asks for. The shares of frames that
//! each lock gives up come together in one map, beside the owner.
use super::geom::*;
#[cfg(verus_only)]
use super::identity::{in_node, lemma_slots, table_ok, TableInfo};
#[cfg(verus_only)]
use super::model::*;
use super::node;
use super::node::walk_hint::*;
#[cfg(verus_only)]
use super::node::{is_child, NodePerm, RootPerm};
#[cfg(verus_only)]
use super::shares::*;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform};
use vstd::prelude::*;

/// First and last page to cover for `[start, end)`. If that is exactly what one entry of a level up to
/// `highest` covers, a neighbour page is added, so that the entry's own node is the one that covers it: of the other entry
/// of its pair, which belongs to the table as well.
#[inline(always)]
#[verus_spec(ret =>
    requires start < end <= NR_PAGES, 1 <= highest <= 5,
    ensures
        ret.0 <= start, end <= ret.1 + 1,
        slot(highest as int, ret.0 as int) / 2 == slot(highest as int, start as int) / 2,
        slot(highest as int, ret.1 as int) / 2 == slot(highest as int, end - 1) / 2,
)]
pub(crate) fn widen(start: usize, end: usize, highest: PagingLevel) -> (usize, usize) {
    let mut level: PagingLevel = 1;
    #[cfg_attr(verus_only, verus_spec(
        invariant 1 <= level, highest <= 5, start < end <= NR_PAGES,
        decreases highest - level,
    ))]
    while level < highest {
        level += 1;
        if end - start == span_of(level) && first_of(start, level) == start {
            proof! { pair(level as int, highest as int, start as int); }
            if index_of(start, level) % 2 == 0 {
                return (start, end);
            }
            proof! { slot_bounds(level as int, start as int); }
            return (start - 1, end - 1);
        }
    }
    (start, end - 1)
}

/// Locks the child at entry `i` of the locked level-`level` node `pa`, which `own` has: the next one in
/// pre-order after all that it has. Whoever waits for a lock holds only locks that come before it.
#[inline(always)]
#[verus_spec(child =>
    with Tracked(own): Tracked<&Owner<P, E>>, Ghost(v): Ghost<int> -> c: Tracked<(NodePerm<P, E>, Shares<P>)>
    requires
        own.wf(), 2 <= level <= own.top, node_at(own.nodes, level as int, v), own.under(v), own.own_at(v),
        pa == node_pa(own.nodes, level as int, v), i == slot(level as int, v) % 512,
        is_table::<E>(level as int, entry(own.nodes, level as int, v)),
        in_order(own.nodes, key(level - 1, v)),
    ensures
        c@.0.wf(), c@.0@.paddr == child, is_child(c@.0@, own.nodes[key(level as int, v)]@, i as int), stocked::<P, E>(c@.1, c@.0@),
        child == E::spec_paddr(level as int, entry(own.nodes, level as int, v)),
)]
fn lock_next<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    i: usize,
) -> Paddr {
    proof_decl! {
        let tracked p = own.nodes.tracked_borrow(key(level as int, v));
        let tracked c: (NodePerm<P, E>, Shares<P>);
    }
    proof! { p.lemma_wf(); }
    proof_with!(Tracked(p) => Tracked(c));
    let child = node::lock_child::<P, E>(pa, level, i);
    proof_with!(|= Tracked(c));
    child
}

/// Locks, in pre-order, every node below the locked level-`level` node `pa` that overlaps the pages
/// `[lo, hi)`, which it covers.
#[verus_spec(
    with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
    requires
        old(own).wf(), backed::<P, E>(*old(pool), *old(own)), 1 <= level <= old(own).top, lo < hi <= NR_PAGES,
        old(own).under(lo as int), node_at(old(own).nodes, level as int, lo as int),
        pa == node_pa(old(own).nodes, level as int, lo as int),
        slot(level + 1, lo as int) == slot(level + 1, hi - 1),
        last_of(old(own).nodes, key(level as int, lo as int)),
        old(own).site.from <= lo, hi <= old(own).site.to, forall|v: int| lo <= v < hi ==> #[trigger] old(own).own_at(v),
        forall|v: int| #[trigger] bare(*old(own), level as int, slot(level + 1, lo as int), v),
    ensures
        final(own).wf(), backed::<P, E>(*final(pool), *final(own)),
        final(own).top == old(own).top, final(own).prefix == old(own).prefix, final(own).site == old(own).site,
        forall|v: int| lo <= v < hi ==> #[trigger] final(own).mine.contains(v),
        old(own).mine.subset_of(final(own).mine),
        forall|m: int, v: int| 1 <= m <= 5 && !(m < level && slot(level + 1, v) == slot(level + 1, lo as int)) ==>
            #[trigger] kept(old(own).nodes, final(own).nodes, m, v),
    decreases level,
)]
pub(crate) fn lock_below<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
) {
    let mut cur = lo;
    proof_decl! {
        let ghost (l, v0) = (level as int, lo as int);
        let ghost s1 = slot(l + 1, v0);
    }
    proof! {
        assert forall|v: int| slot(l + 1, v) == s1 && l > 1 implies !#[trigger] node_at(own.nodes, l - 1, v) by { assert(bare(*own, l, s1, v)); }
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            own.wf(), backed::<P, E>(*pool, *own),
            own.site.from <= lo && hi <= own.site.to,
            own.top == old(own).top, own.prefix == old(own).prefix, own.site == old(own).site, 1 <= level <= own.top, l == level, v0 == lo,
            lo <= cur <= hi <= NR_PAGES, own.under(v0), old(own).wf(),
            pa == node_pa(old(own).nodes, l, v0), node_at(old(own).nodes, l, v0),
            s1 == slot(l + 1, v0), s1 == slot(l + 1, hi - 1),
            forall|v: int| lo <= v < hi ==> #[trigger] old(own).own_at(v),
            forall|v: int| #[trigger] bare(*old(own), l, s1, v), last_of(old(own).nodes, (l, s1)),
            forall|v: int| cur < hi && slot(l, v) >= slot(l, cur as int) && slot(l + 1, v) == s1 && l > 1 ==> !#[trigger] node_at(own.nodes, l - 1, v),
            forall|v: int| lo <= v < cur ==> #[trigger] own.mine.contains(v),
            old(own).mine.subset_of(own.mine),
            forall|m: int, v: int| 1 <= m <= 5 && !(m < l && slot(l + 1, v) == s1) ==> #[trigger] kept(old(own).nodes, own.nodes, m, v),
        decreases hi - cur,
    ))]
    while cur < hi {
        proof_decl! {
            let ghost (v, pre) = (cur as int, *own);
        }
        proof! {
            slot_mono(l + 1, v0, v);
            slot_mono(l + 1, v, hi - 1);
            assert(slot(l + 1, v) == s1);
            slot_eq_up(l + 1, own.top + 1, v, v0);
            assert(kept(old(own).nodes, own.nodes, l, v));
            assert(ok_at::<P, E>(own.nodes, l, v));
            slot_bounds(l, v);
            slot_up(l, v);
            assert(old(own).own_at(v));
            assert(own.own_at(v));
        }
        let next = slot_end(cur, level, hi);
        let i = index_of(cur, level);
        proof_decl! {
            let tracked p = own.nodes.tracked_borrow(key(l, v));
        }
        proof_with!(Tracked(p));
        let e = node::load::<P, E>(pa, i);
        proof! {
            lemma_like::<E>(l, p@.words[i as int], e.bits());
            assert forall|x: int| v <= x < next implies slot(l, x) == slot(l, v) by { slot_iff(l, x, slot(l, v)); }
        }
        if level > 1 && e.is_present() && !e.is_last(level) {
            proof_decl! {
                let tracked got: (NodePerm<P, E>, Shares<P>);
            }
            proof! { in_turn::<P, E>(*old(own), *own, l, v0, v); }
            proof_with!(Tracked(&*own), Ghost(v) => Tracked(got));
            let child = lock_next::<P, E>(pa, level, i);
            proof_decl! {
                let tracked (c, m) = got;
            }
            proof! {
                c.lemma_wf();
                c.lemma_state();
                let tracked sub = single::<P, E>(c, l - 1, slot(l, v), own.site);
                let ghost sub0 = sub;
                lemma_backed_one::<P, E>(m, sub0);
                attach(own, sub, l, v);
                join_shares::<P, E>(pool, m, pre, sub0, *own, l, v);
            }
            proof_decl! {
                let ghost mid = *own;
            }
            proof! {
                assert forall|x: int| #[trigger] bare(*own, l - 1, slot(l, v), x) by {
                    if slot(l, x) == slot(l, v) {
                        slot_eq_up(l, own.top + 1, x, v);
                        if l > 2 { no_lower::<P, E>(pre.nodes, l - 2, l - 1, x); }
                        assert(node_at(own.nodes, l - 1, x));
                    }
                }
                assert forall|x: int| cur <= x < next implies #[trigger] own.own_at(x) by { assert(old(own).own_at(x)); }
                assert(last_of(own.nodes, key(l - 1, v)));
            }
            proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
            lock_below::<P, E>(child, level - 1, cur, next);
            proof! {
                assert forall|m: int, x: int| 1 <= m <= 5 && !(m < l && slot(l + 1, x) == s1) implies #[trigger] kept(old(own).nodes, own.nodes, m, x) by {
                    assert(kept(old(own).nodes, pre.nodes, m, x));
                    if m < l { slot_eq_up_not(l, x, v); }
                    assert(kept(mid.nodes, own.nodes, m, x));
                }
                assert forall|x: int| next < hi && slot(l, x) >= slot(l, next as int) && slot(l + 1, x) == s1 implies !#[trigger] node_at(own.nodes, l - 1, x) by {
                    slot_iff(l, next as int, slot(l, v));
                    slot_mono(l, v, next as int);
                    assert(kept(mid.nodes, own.nodes, l - 1, x));
                    assert(!node_at(pre.nodes, l - 1, x));
                }
            }
        } else {
            proof! {
                assert forall|x: int| lo <= x < next implies #[trigger] own.mine.contains(x) by {
                    if x >= cur {
                        assert(slot(l, x) == slot(l, v));
                        assert(bare(*old(own), l, s1, x));
                        assert(old(own).own_at(x));
                        slot_up(l, x);
                        slot_up(l, v);
                    }
                }
                slot_mono(l, v, next as int);
            }
        }
        cur = next;
    }
}

/// Locks the node that covers the pages `lo..=hi` of the table at `root`, and every node below it that
/// overlaps `[start, end)`, which they contain.
///
/// # Errors
/// `NoFrame`: a node on the way could not be allocated; nothing is locked.
#[inline(always)]
#[verus_spec(r =>
    with Tracked(t): Tracked<&RootPerm<E>> -> out: Tracked<Option<(Owner<P, E>, Shares<P>)>>
    requires
        t.wf::<P>(), t.paddr() == root, top == t.table().top, in_table(t.table(), lo as int), in_table(t.table(), hi as int),
        lo <= start < end <= hi + 1, hi < NR_PAGES,
    ensures
        r matches Ok(c) ==> (out@ matches Some((o, m)) && {
            &&& o.wf() && o.top == c.level && o.root_pa() == c.paddr && backed::<P, E>(m, o)
            &&& o.site == (Site { root: root as int, table: t.table(), from: start as int, to: end as int })
            &&& forall|v: int| start <= v < end ==> #[trigger] o.mine.contains(v)
        }),
)]
pub(crate) fn lock_between<P: Platform, E: PageTableEntryTrait>(
    guard: &RcuGuard<P>,
    root: Paddr,
    top: PagingLevel,
    lo: usize,
    hi: usize,
    start: usize,
    end: usize,
) -> Result<Covering, NoFrame> {
    proof_decl! {
        let tracked mut p: Option<(NodePerm<P, E>, Shares<P>)>;
        let tracked mut out: Option<(Owner<P, E>, Shares<P>)> = None;
    }
    proof_with!(Tracked(t) => Tracked(p));
    let r = lock_covering::<P, E>(guard, root, top, lo, hi, true);
    if let Ok(c) = r {
        proof_decl! {
            let tracked (p, mut pool) = p.tracked_unwrap();
            let ghost (l, prefix, site) = (p@.level, p@.prefix, Site { from: start as int, to: end as int, ..site_of(p@) });
        }
        proof! {
            p.lemma_wf();
            p.lemma_state();
        }
        proof_decl! {
            let tracked mut own = single::<P, E>(p, l, prefix, site);
            let ghost own0 = own;
        }
        proof! {
            slot_mono(l + 1, lo as int, start as int);
            slot_mono(l + 1, start as int, end - 1);
            slot_mono(l + 1, end - 1, hi as int);
            assert forall|v: int| start <= v < end implies #[trigger] own.own_at(v) by {
                if l == t.table().top { lemma_own(t.table(), v); }
            }
            assert forall|v: int| #[trigger] bare(own, l, slot(l + 1, start as int), v) by {}
            top_node::<P, E>(own, start as int);
            lemma_backed_one::<P, E>(pool, own);
        }
        proof_with!(Tracked(&mut own), Tracked(&mut pool));
        lock_below::<P, E>(c.paddr, c.level, start, end);
        proof! {
            assert(kept(own0.nodes, own.nodes, l, start as int));
            top_node::<P, E>(own, start as int);
            out = Some((own, pool));
        }
    }
    proof_with!(|= Tracked(out));
    r
}

#[cfg(verus_only)]
verus! {

/// Position `a` comes before `b` in pre-order.
pub open spec fn before(a: (int, int), b: (int, int)) -> bool {
    first_page(a) < first_page(b) || first_page(a) == first_page(b) && a.0 > b.0
}

/// The order of locks: everything that is held comes before `k`.
pub open spec fn in_order<P: Platform, E: PageTableEntryTrait>(held: Nodes<P, E>, k: (int, int)) -> bool {
    forall|h: (int, int)| #[trigger] held.dom().contains(h) ==> before(h, k)
}

/// Nothing that is held comes after `k`.
pub open spec fn last_of<P: Platform, E: PageTableEntryTrait>(held: Nodes<P, E>, k: (int, int)) -> bool {
    forall|h: (int, int)| #[trigger] held.dom().contains(h) ==> h == k || before(h, k)
}

/// The child at the slot of `v` is next if all nodes that were added to those of `a`, of which the
/// level-`l` node around `v0` was the last, are below earlier slots of that node.
proof fn in_turn<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, v: int)
    requires
        b.wf(), 2 <= l <= b.top, slot(l + 1, v) == slot(l + 1, v0), last_of(a.nodes, key(l, v0)),
        forall|x: int| slot(l, x) >= slot(l, v) && slot(l + 1, x) == slot(l + 1, v0) ==> !#[trigger] node_at(b.nodes, l - 1, x),
        b.under(v0),
        forall|m: int, x: int| 1 <= m <= 5 && !(m < l && slot(l + 1, x) == slot(l + 1, v0)) ==> #[trigger] kept(a.nodes, b.nodes, m, x),
    ensures in_order(b.nodes, key(l - 1, v)),
{
    let c = key(l - 1, v);
    assert(first_page(c) == first(l, v));
    slot_bounds(l, v);
    slot_bounds(l + 1, v);
    slot_iff(l + 1, first(l, v), slot(l + 1, v));
    slot_iff(l, first(l, v), slot(l, v));
    slot_eq_up(l, l + 1, first(l, v), v);
    assert forall|h: (int, int)| #[trigger] b.nodes.dom().contains(h) implies before(h, c) by {
        let x = first_page(h);
        slot_iff(h.0 + 1, x, h.1);
        assert(key(h.0, x) == h);
        assert(node_at(b.nodes, h.0, x));
        if h.0 < l && slot(l + 1, x) == slot(l + 1, v0) {
            slot_eq_up(l + 1, b.top + 1, x, v0);
            if slot(l, x) >= slot(l, v) {
                assert(!node_at(b.nodes, l - 1, x));
                no_lower::<P, E>(b.nodes, h.0, l - 1, x);
            }
            if first(l, v) <= x { slot_mono(l, first(l, v), x); }
        } else {
            assert(kept(a.nodes, b.nodes, h.0, x));
            assert(a.nodes.dom().contains(h));
        }
    }
}

/// The neighbour page of a slot that is the other one of its pair.
proof fn pair(l: int, m: int, v: int)
    requires 1 <= l <= m <= 5, first(l, v) == v,
    ensures
        slot(l, v) % 512 % 2 == 0 ==> slot(m, v + span(l)) / 2 == slot(m, v + span(l) - 1) / 2,
        slot(l, v) % 512 % 2 != 0 ==> slot(m, v - 1) / 2 == slot(m, v) / 2,
    decreases m - l,
{
    if l == m {
        let s = slot(l, v);
        assert(base(l, s + 1) == base(l, s) + span(l) && base(l, s - 1) == base(l, s) - span(l)) by { reveal(base); }
        slot_iff(l, v + span(l), s + 1);
        slot_iff(l, v + span(l) - 1, s);
        slot_iff(l, v - 1, s - 1);
        neighbour(s);
    } else {
        pair(l, m - 1, v);
        lemma_pairs_up(m - 1, v, v - 1);
        lemma_pairs_up(m - 1, v + span(l), v + span(l) - 1);
    }
}

/// The other one of a pair.
proof fn neighbour(s: int)
    ensures s % 512 % 2 == 0 ==> (s + 1) / 2 == s / 2, s % 512 % 2 != 0 ==> (s - 1) / 2 == s / 2,
{
    vstd::arithmetic::div_mod::lemma_mod_mod(s, 2, 256);
    halves(s);
}

proof fn halves(s: int)
    ensures s % 2 == 0 ==> (s + 1) / 2 == s / 2, s % 2 != 0 ==> (s - 1) / 2 == s / 2,
{
}

/// Pages in one pair of slots are in one slot above, and so in one pair there.
pub(crate) proof fn lemma_pairs_up(l: int, v: int, w: int)
    requires 1 <= l <= 5,
    ensures slot(l, v) / 2 == slot(l, w) / 2 ==> slot(l + 1, v) / 2 == slot(l + 1, w) / 2,
{
    slot_up(l, v);
    slot_up(l, w);
    half_of(slot(l, v));
    half_of(slot(l, w));
}

proof fn half_of(x: int)
    ensures x / 512 / 2 == x / 2 / 512,
{
}

/// A page is in the table's own part if it is covered by one of the root's own entries.
pub(crate) proof fn lemma_table_slots(t: TableInfo, v: int)
    requires table_ok(t),
    ensures in_table(t, v) <==> t.lo <= slot(t.top, v) - slot(t.top + 1, t.base) * 512 < t.hi,
{
    let (l, n, d) = (t.top, slot(t.top + 1, t.base), v - t.base);
    lemma_slots(l, t.base, t.base);
    slot_up(l, v);
    slot_iff(l + 1, v, n);
    entry_bounds(l, d, t.lo);
    entry_bounds(l, d, t.hi);
    if slot(l + 1, v) == n {
        lemma_slots(l, t.base, v);
    } else {
        not_in(slot(l, v), n);
    }
}

/// A slot of another node.
proof fn not_in(s: int, n: int)
    requires s / 512 != n,
    ensures s - n * 512 < 0 || s - n * 512 >= 512,
{
}

/// Entry `i` starts at or before the page `d` pages into a node, or after it.
proof fn entry_bounds(l: int, d: int, i: int)
    requires 3 <= l <= 5,
    ensures super::identity::off(l, i) <= d <==> i <= in_node(l, d), 0 <= i <= 512 ==> 0 <= super::identity::off(l, i) <= super::identity::span(l),
{
}

/// A page of the table's own part is covered by one of the root's own entries.
proof fn lemma_own(t: TableInfo, v: int)
    requires table_ok(t), in_table(t, v),
    ensures t.lo <= slot(t.top, v) % 512 < t.hi,
{
    lemma_table_slots(t, v);
    index_in(slot(t.top, v), slot(t.top + 1, t.base));
}

/// A slot of this node.
proof fn index_in(s: int, n: int)
    requires 0 <= s - n * 512 < 512,
    ensures s % 512 == s - n * 512,
{
}

} // verus!

/// First page after the level-`level` slot around `page`, or `hi` if that comes first.
#[inline(always)]
#[verus_spec(ret =>
    requires 1 <= level <= 5, page < hi <= NR_PAGES,
    ensures
        page < ret <= hi,
        ret == if first(level as int, page as int) + span(level as int) < hi { first(level as int, page as int) + span(level as int) } else { hi as int },
)]
pub(crate) fn slot_end(page: usize, level: PagingLevel, hi: usize) -> usize {
    proof! { slot_bounds(level as int, page as int); }
    let end = first_of(page, level) + span_of(level);
    if hi < end {
        hi
    } else {
        end
    }
}
