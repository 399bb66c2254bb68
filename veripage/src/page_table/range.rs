//! Opening and closing a range.
use super::geom::*;
#[cfg(verus_only)]
use super::identity::{table_ok, TableInfo};
use super::lock_range::*;
#[cfg(verus_only)]
use super::model::*;
use super::node;
#[cfg(verus_only)]
use super::node::walk_hint::in_table;
use super::node::walk_hint::{Covering, NoFrame};
#[cfg(verus_only)]
use super::node::RootPerm;
#[cfg(verus_only)]
use super::path::{spec::*, Path};
#[cfg(verus_only)]
use super::shares::*;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageTableEntryTrait, PagingConstsTrait, PagingLevel};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform};
use vstd::prelude::*;

/// Locks the node that covers the pages `[start, end)` of the table at `root`, and every node below it
/// that overlaps them; no other. Beside them come the shares of the frames that their pages map.
///
/// # Errors
/// `NoFrame`: a node on the way could not be allocated; nothing is locked.
#[inline(always)]
#[verus_spec(r =>
    with Tracked(t): Tracked<&RootPerm<E>> -> out: Tracked<Option<(Owner<P, E>, Shares<P>)>>
    requires
        t.wf::<P>(), t.paddr() == root, t.table().top == C::NR_LEVELS, start < end <= NR_PAGES,
        in_table(t.table(), start as int), in_table(t.table(), end - 1),
        // Whole pairs of root entries: a neighbour page of `widen` belongs to the table.
        t.table().lo % 2 == 0, t.table().hi % 2 == 0,
    ensures
        r matches Ok(c) ==> (out@ matches Some((o, m)) && {
            &&& o.wf() && o.top == c.level && o.root_pa() == c.paddr && backed::<P, E>(m, o)
            &&& o.site == (Site { root: root as int, table: t.table(), from: start as int, to: end as int })
            &&& forall|v: int| start <= v < end ==> #[trigger] o.mine.contains(v)
        }),
)]
pub(crate) fn lock_pages<P: Platform, E: PageTableEntryTrait, C: PagingConstsTrait>(
    guard: &mut RcuGuard<P>,
    root: Paddr,
    start: usize,
    end: usize,
) -> Result<Covering, NoFrame> {
    proof! { C::lemma_consts(); t.lemma_root::<P>(); }
    let (lo, hi) = widen(start, end, C::HIGHEST_TRANSLATION_LEVEL);
    proof! {
        lemma_pair_in_table(t.table(), C::HIGHEST_TRANSLATION_LEVEL as int, start as int, lo as int);
        lemma_pair_in_table(t.table(), C::HIGHEST_TRANSLATION_LEVEL as int, end - 1, hi as int);
    }
    proof_decl! {
        let tracked out: Option<(Owner<P, E>, Shares<P>)>;
    }
    proof_with!(Tracked(t) => Tracked(out));
    let r = lock_between::<P, E>(guard, root, C::NR_LEVELS, lo, hi, start, end);
    proof_with!(|= Tracked(out));
    r
}

/// Unlocks the locked level-`level` node `pa` and every locked node below it that overlaps the pages
/// `[lo, hi)`, children first. The owner has no other nodes (`within`; of the range that was locked, every owner is),
/// so nothing stays locked; every share that its pages hold goes back into the lock of the node that maps the page.
#[verus_spec(
    with Tracked(own): Tracked<Owner<P, E>>, Tracked(pool): Tracked<Shares<P>>
    requires
        own.wf(), backed::<P, E>(pool, own), level == own.top, pa == own.root_pa(), lo < hi <= NR_PAGES,
        forall|v: int| lo <= v < hi ==> #[trigger] own.mine.contains(v),
        within(own, lo as int, hi as int),
    decreases level,
)]
pub(crate) fn unlock_pages<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
) {
    proof_decl! {
        let ghost (l, prefix) = (level as int, own.prefix);
        let tracked mut o = own;
        let tracked mut pool = pool;
    }
    if level > 1 {
        let mut cur = lo;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                2 <= level <= 5, l == level, lo < hi, lo <= cur <= hi <= NR_PAGES,
                o.wf(), o.top == l, o.prefix == prefix, pa == o.root_pa(), backed::<P, E>(pool, o), within(o, lo as int, hi as int),
                cur == lo || cur == hi || first(l, cur as int) == cur,
                forall|v: int| cur <= v < hi ==> #[trigger] o.mine.contains(v),
                forall|m: int, v: int| 1 <= m < l && lo <= v < cur ==> !#[trigger] node_at(o.nodes, m, v),
            decreases hi - cur,
        ))]
        while cur < hi {
            proof_decl! {
                let ghost (v, pre) = (cur as int, o);
            }
            proof! {
                assert(o.mine.contains(v));
                top_node::<P, E>(o, v);
                assert(ok_at::<P, E>(o.nodes, l, v));
                assert(full_at::<P, E>(o.nodes, l, v));
                slot_bounds(l, v);
            }
            let next = slot_end(cur, level, hi);
            proof_decl! {
                let tracked p = o.nodes.tracked_borrow(key(l, v));
            }
            proof! { p.lemma_wf(); }
            proof_with!(Tracked(p));
            let e = node::load::<P, E>(pa, index_of(cur, level));
            proof! {
                lemma_like::<E>(l, entry(o.nodes, l, v), e.bits());
                assert forall|x: int| lo <= x < hi implies (slot(l, x) == slot(l, v) <==> v <= x < next) by {
                    slot_iff(l, x, slot(l, v));
                }
                next_slot(l, v);
            }
            if e.is_present() && !e.is_last(level) {
                let child = e.paddr(level);
                proof_decl! {
                    let tracked sub = detach::<P, E>(&mut o, l, v);
                    let tracked part = split_shares::<P, E>(&mut pool, pre, sub, o, l, v);
                }
                proof! { within_slot::<P, E>(pre, sub, v, lo as int, hi as int); }
                proof_with!(Tracked(sub), Tracked(part));
                unlock_pages::<P, E>(child, level - 1, cur, next);
            } else {
                proof! {
                    assert forall|m: int, x: int| 1 <= m < l && lo <= x < next implies !#[trigger] node_at(o.nodes, m, x) by {
                        if x >= v {
                            assert(o.mine.contains(x));
                            assert(ok_at::<P, E>(o.nodes, l, x));
                            no_lower::<P, E>(o.nodes, m, l - 1, x);
                        }
                    }
                }
            }
            cur = next;
        }
    }
    proof_decl! {
        let ghost last = o;
        let tracked p = o.nodes.tracked_remove((l, prefix));
    }
    proof! {
        only_top::<P, E>(last, lo as int, hi as int);
        assert(o.nodes =~= Map::empty());
        lemma_backed_one::<P, E>(pool, last);
        p.lemma_wf();
    }
    proof_with!(Tracked(p), Tracked(pool));
    node::unlock_node::<P, E>(pa);
}

/// A cursor that goes to `page` and closes: what locking yields is what a position starts from, and what it
/// keeps is what unlocking asks for.
#[cfg(verus_only)]
#[verus_spec(
    with Tracked(t): Tracked<&RootPerm<E>>
    requires
        t.wf::<P>(), t.paddr() == root, t.table().top == C::NR_LEVELS, start <= page <= end <= NR_PAGES, start < end,
        in_table(t.table(), start as int), in_table(t.table(), end - 1),
        t.table().lo % 2 == 0, t.table().hi % 2 == 0,
)]
fn visit<P: Platform, E: PageTableEntryTrait, C: PagingConstsTrait>(
    guard: &mut RcuGuard<P>,
    root: Paddr,
    start: usize,
    end: usize,
    page: usize,
) {
    proof_decl! {
        let tracked out: Option<(Owner<P, E>, Shares<P>)>;
    }
    proof_with!(Tracked(t) => Tracked(out));
    let r = lock_pages::<P, E, C>(guard, root, start, end);
    if let Ok(c) = r {
        proof_decl! {
            let tracked (own, pool) = out.tracked_unwrap();
        }
        proof_with!(Tracked(&own));
        let mut path = Path::<P, E>::new(c.paddr, c.level, start, end, C::NR_LEVELS);
        proof_with!(Tracked(&own));
        path.jump(page);
        proof! { lemma_within(own); }
        proof_with!(Tracked(own), Tracked(pool));
        unlock_pages::<P, E>(
            path.nodes[path.top as usize - 1],
            path.top,
            path.start,
            path.end,
        );
    }
}

#[cfg(verus_only)]
verus! {

/// All nodes but the top one are on the way to a page in `[lo, hi)`: whoever unlocks those has unlocked all.
pub open spec fn within<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, lo: int, hi: int) -> bool {
    forall|k: (int, int)| #[trigger] o.nodes.dom().contains(k) ==> k == (o.top, o.prefix) || meets(k, lo, hi)
}

/// An owner has no nodes but its top one and those on the way to its range.
pub proof fn lemma_within<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>)
    requires o.wf(),
    ensures within(o, o.site.from, o.site.to),
{
    assert forall|k: (int, int)| #[trigger] o.nodes.dom().contains(k) implies k == (o.top, o.prefix) || meets(k, o.site.from, o.site.to) by {
        assert(o.under(first_page(k)));
        slot_iff(k.0 + 1, first_page(k), k.1);
        assert(k.0 == o.top ==> k == (o.top, o.prefix));
    }
}

/// The part of an owner below the slot of `v` is on the way to that slot's part of the range.
proof fn within_slot<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, sub: Owner<P, E>, v: int, lo: int, hi: int)
    requires
        within(o, lo, hi), sub.wf(), sub.nodes.dom().subset_of(o.nodes.dom()), sub.top < o.top <= 5, sub.prefix == slot(sub.top + 1, v),
        lo <= v < hi,
    ensures
        forall|a: int, b: int| a <= lo || a <= first(sub.top + 1, v) ==> b >= hi || b >= first(sub.top + 1, v) + span(sub.top + 1)
            ==> #[trigger] within(sub, a, b),
{
    let l = sub.top + 1;
    assert forall|k: (int, int)| #[trigger] sub.nodes.dom().contains(k) implies meets(k, lo, hi)
        && first(l, v) <= first_page(k) && first_page(k) + span(k.0 + 1) <= first(l, v) + span(l) by {
        assert(o.nodes.dom().contains(k));
        let (x, y) = (first_page(k), first_page(k) + span(k.0 + 1) - 1);
        assert(sub.under(x));
        slot_iff(k.0 + 1, x, k.1);
        slot_iff(k.0 + 1, y, k.1);
        slot_eq_up(k.0 + 1, l, x, y);
        slot_iff(l, x, slot(l, v));
        slot_iff(l, y, slot(l, v));
    }
    assert forall|a: int, b: int| (a <= lo || a <= first(l, v)) && (b >= hi || b >= first(l, v) + span(l)) implies #[trigger] within(sub, a, b) by {
        assert forall|k: (int, int)| #[trigger] sub.nodes.dom().contains(k) implies meets(k, a, b) by {}
    }
}

/// An owner that has nothing on the way to a page of its range below the top has nothing there at all.
proof fn only_top<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, lo: int, hi: int)
    requires
        o.wf(), within(o, lo, hi), lo < hi,
        forall|m: int, v: int| 1 <= m < o.top && lo <= v < hi ==> !#[trigger] node_at(o.nodes, m, v),
    ensures
        forall|k: (int, int)| #[trigger] o.nodes.dom().contains(k) <==> k == (o.top, o.prefix),
        forall|v: int| o.top > 1 ==> !#[trigger] node_at(o.nodes, o.top - 1, v),
{
    assert forall|k: (int, int)| #[trigger] o.nodes.dom().contains(k) implies k == (o.top, o.prefix) by {
        if k != (o.top, o.prefix) {
            let x = first_page(k);
            let v = if lo <= x { x } else { lo };
            slot_iff(k.0 + 1, v, k.1);
            slot_iff(k.0 + 1, x, k.1);
            assert(o.under(x));
            assert(key(k.0, v) == k);
            assert(k.0 == o.top ==> k == (o.top, o.prefix));
            assert(node_at(o.nodes, k.0, v));
        }
    }
}

/// Where a slot ends, another one starts.
proof fn next_slot(l: int, v: int)
    requires 1 <= l <= 5,
    ensures first(l, first(l, v) + span(l)) == first(l, v) + span(l),
{
    slot_bounds(l, v);
    let s = slot(l, v);
    assert(base(l, s) + span(l) == base(l, s + 1)) by { reveal(base); }
    slot_iff(l, v, s + 1);
}

/// A pair of entries is in the table or is not.
proof fn lemma_pair_in_table(t: TableInfo, l: int, v: int, w: int)
    requires
        table_ok(t), t.lo % 2 == 0, t.hi % 2 == 0, 1 <= l <= t.top, in_table(t, v), slot(l, v) / 2 == slot(l, w) / 2,
    ensures in_table(t, w),
    decreases t.top - l,
{
    if l < t.top {
        lemma_pairs_up(l, v, w);
        lemma_pair_in_table(t, l + 1, v, w);
    } else {
        lemma_table_slots(t, v);
        lemma_table_slots(t, w);
        even(slot(l + 1, t.base), t.lo);
        even(slot(l + 1, t.base), t.hi);
        same_side(slot(l, v), slot(l, w), slot(l + 1, t.base) * 512 + t.lo);
        same_side(slot(l, v), slot(l, w), slot(l + 1, t.base) * 512 + t.hi);
    }
}

proof fn even(n: int, k: int)
    requires k % 2 == 0,
    ensures (n * 512 + k) % 2 == 0,
{
    assert(n * 512 + k == 2 * (n * 256 + k / 2));
}

/// A pair does not straddle an even number.
proof fn same_side(x: int, y: int, c: int)
    requires x / 2 == y / 2, c % 2 == 0,
    ensures x < c <==> y < c,
{
}

} // verus!
