//! Where leaves are, which the view does not tell: that no page sticks out of a range.
use super::model::*;
use super::node::NodePerm;
use crate::paging::geometry::*;
use crate::paging::PageTableEntryTrait;
use crate::Platform;
use vstd::prelude::*;

verus! {

/// The word at level `l` on the path to `v` maps a page.
pub open spec fn leaf_at<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> bool {
    node_at(n, l, v) && is_leaf::<E>(l, entry(n, l, v))
}

/// Every leaf of `b` lies in a leaf of `a`.
pub open spec fn finer<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>) -> bool {
    forall|l: int, v: int| 1 <= l <= 5 && #[trigger] leaf_at(b, l, v) ==> leaf_over(a, l, v)
}

/// A leaf at level `l` or above maps page `v`.
pub open spec fn leaf_over<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> bool {
    exists|m: int| l <= m <= 5 && #[trigger] leaf_at(n, m, v)
}

/// A leaf that maps page `v` lies in `[from, to)`.
pub open spec fn inside<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, v: int, from: int, to: int) -> bool {
    forall|l: int| 1 <= l <= 5 && #[trigger] leaf_at(n, l, v) ==> from <= first(l, v) && first(l, v) + span(l) <= to
}

/// No leaf sticks out of `[from, to)`.
pub open spec fn neat<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, from: int, to: int) -> bool {
    forall|v: int| from <= v < to ==> #[trigger] inside(n, v, from, to)
}

pub proof fn finer_trans<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, c: Nodes<P, E>)
    requires finer(a, b), finer(b, c),
    ensures finer(a, c),
{
    assert forall|l: int, v: int| 1 <= l <= 5 && #[trigger] leaf_at(c, l, v) implies leaf_over(a, l, v) by {
        let m = choose|m: int| l <= m <= 5 && #[trigger] leaf_at(b, m, v);
        assert(leaf_at(b, m, v));
        let k = choose|k: int| m <= k <= 5 && #[trigger] leaf_at(a, k, v);
        assert(leaf_at(a, k, v));
    }
}

/// A slot lies in each slot above it.
pub proof fn slot_in(l: int, m: int, v: int)
    requires 1 <= l <= m <= 6,
    ensures first(m, v) <= first(l, v), first(l, v) + span(l) <= first(m, v) + span(m),
{
    let (a, b) = (first(l, v), first(l, v) + span(l) - 1);
    slot_bounds(l, v);
    slot_iff(l, a, slot(l, v));
    slot_iff(l, b, slot(l, v));
    slot_eq_up(l, m, a, v);
    slot_eq_up(l, m, b, v);
    slot_iff(m, a, slot(m, v));
    slot_iff(m, b, slot(m, v));
}

pub proof fn inside_finer<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, v: int, from: int, to: int)
    requires finer(a, b), inside(a, v, from, to),
    ensures inside(b, v, from, to),
{
    assert forall|l: int| 1 <= l <= 5 && #[trigger] leaf_at(b, l, v) implies from <= first(l, v) && first(l, v) + span(l) <= to by {
        let m = choose|m: int| l <= m <= 5 && #[trigger] leaf_at(a, m, v);
        slot_in(l, m, v);
    }
}

pub proof fn neat_finer<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, from: int, to: int)
    requires finer(a, b), neat(a, from, to),
    ensures neat(b, from, to),
{
    assert forall|v: int| from <= v < to implies #[trigger] inside(b, v, from, to) by {
        assert(inside(a, v, from, to));
        inside_finer::<P, E>(a, b, v, from, to);
    }
}

/// What sticks out of a range maps one of its ends.
pub proof fn neat_ends<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, from: int, to: int)
    requires inside(n, from, from, to), inside(n, to - 1, from, to),
    ensures neat(n, from, to),
{
    assert forall|v: int| from <= v < to implies #[trigger] inside(n, v, from, to) by {
        assert forall|l: int| 1 <= l <= 5 && #[trigger] leaf_at(n, l, v) implies from <= first(l, v) && first(l, v) + span(l) <= to by {
            slot_bounds(l, v);
            if first(l, v) < from {
                slot_iff(l, from, slot(l, v));
                slot_eq_up(l, l + 1, from, v);
                assert(leaf_at(n, l, from));
            }
            if first(l, v) + span(l) > to {
                slot_iff(l, to - 1, slot(l, v));
                slot_eq_up(l, l + 1, to - 1, v);
                assert(leaf_at(n, l, to - 1));
            }
        }
    }
}

/// Only one word on the path to a page is no table's.
pub proof fn one_leaf<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, m: int, v: int)
    requires
        o.wf(), o.under(v), 1 <= l <= 5, 1 <= m <= o.top, leaf_at(o.nodes, l, v), node_at(o.nodes, m, v),
        !is_table::<E>(m, entry(o.nodes, m, v)),
    ensures l == m,
{
    assert(o.nodes.dom().contains(key(l, v)));
    if l < m {
        walk_reach::<P, E>(o.nodes, l, m - 1, v);
        assert(ok_at::<P, E>(o.nodes, m, v));
    }
    if m < l {
        walk_reach::<P, E>(o.nodes, m, l - 1, v);
        assert(ok_at::<P, E>(o.nodes, l, v));
    }
}

/// A leaf in a neat range, with nothing mapped before it, starts where it was found.
pub proof fn leaf_fits<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v: int, from: int, to: int)
    requires
        o.wf(), o.under(v), 1 <= l <= o.top, leaf_at(o.nodes, l, v), neat(o.nodes, from, to), from <= v < to, o.unmapped(from, v),
    ensures first(l, v) == v, v + span(l) <= to,
{
    assert(inside(o.nodes, v, from, to));
    slot_bounds(l, v);
    let x = first(l, v);
    if x < v {
        slot_iff(l, x, slot(l, v));
        at_word::<P, E>(o, l, v, x);
        assert(o.view().dom().contains(x));
    }
}

/// Words of one node became absent, the others are as before.
pub proof fn cleared_finer<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, n: int)
    requires
        put_back(a, b, l, v0), node_at(a.nodes, l, v0), 1 <= l <= 5,
        cleared::<E>(a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n),
    ensures finer(a.nodes, b.nodes),
{
    assert forall|m: int, v: int| 1 <= m <= 5 && #[trigger] leaf_at(b.nodes, m, v) implies leaf_over(a.nodes, m, v) by {
        let j = slot(m, v) % 512;
        if key(m, v) == key(l, v0) {
            let w = b.nodes[key(l, v0)]@.words[j];
            assert(present::<E>(w));
        }
        assert(leaf_at(a.nodes, m, v));
    }
}

/// Words of one node got other properties.
pub proof fn reprop_finer<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, n: int, ok: Change)
    requires
        put_back(a, b, l, v0), node_at(a.nodes, l, v0), 1 <= l <= 5,
        reprop::<E>(a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n, ok),
    ensures finer(a.nodes, b.nodes),
{
    assert forall|m: int, v: int| 1 <= m <= 5 && #[trigger] leaf_at(b.nodes, m, v) implies leaf_over(a.nodes, m, v) by {
        let j = slot(m, v) % 512;
        if key(m, v) == key(l, v0) {
            let (w0, w1, i) = (a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, slot(l, v0) % 512);
            let w = w0[j];
            assert(if i <= j < i + n { rewords::<E>(w0[j], w1[j], l, ok) } else { w1[j] == w0[j] });
        }
        assert(leaf_at(a.nodes, m, v));
    }
}

/// No leaf that maps page `v` begins before it.
pub open spec fn edge<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, v: int) -> bool {
    forall|l: int| 1 <= l <= 5 && #[trigger] leaf_at(n, l, v) ==> first(l, v) == v
}

/// A neat range begins at an edge.
pub proof fn neat_edge<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, from: int, to: int)
    requires neat(n, from, to), from < to,
    ensures edge(n, from),
{
    assert(inside(n, from, from, to));
    assert forall|l: int| 1 <= l <= 5 && #[trigger] leaf_at(n, l, from) implies first(l, from) == from by { slot_bounds(l, from); }
}

/// The first leaf at or after an edge starts where it was found.
pub proof fn edge_found<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v0: int, v: int)
    requires
        o.wf(), o.under(v), 1 <= l <= o.top, leaf_at(o.nodes, l, v), edge(o.nodes, v0), v0 <= v, o.unmapped(v0, v),
    ensures first(l, v) == v,
{
    slot_bounds(l, v);
    let x = if first(l, v) < v0 { v0 } else { first(l, v) };
    if x < v {
        slot_iff(l, x, slot(l, v));
        at_word::<P, E>(o, l, v, x);
        assert(o.view().dom().contains(x));
    }
}

/// The words of a node end at an edge.
pub proof fn edge_after<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v: int, n: int)
    requires
        o.wf(), o.under(v), 1 <= l <= o.top, node_at(o.nodes, l, v), first(l, v) == v, 1 <= n, slot(l, v) % 512 + n <= 512,
    ensures edge(o.nodes, v + base(l, n)),
{
    let (s, next) = (slot(l, v), v + base(l, n));
    let last = next - 1;
    base_add(l, s, n);
    base_add(l, s, n - 1);
    base_add(l, n - 1, 1);
    slot_iff(l, next, s + n);
    slot_bounds(l, v);
    slot_iff(l, last, s + n - 1);
    slot_up(l, v);
    slot_up(l, last);
    slot_eq_up(l + 1, o.top + 1, last, v);
    assert forall|m: int| 1 <= m <= 5 && #[trigger] leaf_at(o.nodes, m, next) implies first(m, next) == next by {
        slot_bounds(m, next);
        if first(m, next) < next {
            if m <= l {
                slot_in(m, l, next);
            } else {
                assert(o.nodes.dom().contains(key(m, next)));
                slot_iff(m, last, slot(m, next));
                slot_eq_up(m, m + 1, last, next);
                walk_reach::<P, E>(o.nodes, l, m - 1, last);
                assert(ok_at::<P, E>(o.nodes, m, last));
            }
        }
    }
}

} // verus!
