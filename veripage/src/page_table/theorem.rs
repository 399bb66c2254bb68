//! Cursors exclude each other, by address: no page is decided by two owners of one table.
use super::identity::{idx, lemma_fmt, lemma_prefix, linked};
use super::model::{full_at, key, node_at, Owner};
use super::node::decides;
use crate::paging::PageTableEntryTrait;
use crate::Platform;
use vstd::prelude::*;

verus! {

/// Some owned node decides a page that is the owner's: from level `l` down.
proof fn lemma_decider<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v: int) -> (m: int)
    requires
        o.wf(),
        o.mine.contains(v),
        1 <= l <= o.top,
        node_at(o.nodes, l, v),
    ensures
        1 <= m <= o.top,
        node_at(o.nodes, m, v),
        decides(o.nodes[key(m, v)]@, v),
        o.nodes[key(m, v)].inv(),
        o.nodes[key(m, v)]@.root == o.site.root,
    decreases l,
{
    let s = o.nodes[key(l, v)]@;
    o.nodes[key(l, v)].lemma_wf();
    lemma_prefix(s.info(), v);
    lemma_fmt::<E>(l, s.words[idx(s.info(), v)]);
    if linked(s.info(), s.words, idx(s.info(), v)) {
        assert(full_at::<P, E>(o.nodes, l, v));
        lemma_decider::<P, E>(o, l - 1, v)
    } else {
        l
    }
}

/// A page belongs to one owner of its table at a time.
pub proof fn theorem_pages_exclusive<P: Platform, E: PageTableEntryTrait>(
    tracked a: &mut Owner<P, E>,
    tracked b: &Owner<P, E>,
    v: int,
)
    requires
        old(a).wf(),
        b.wf(),
        old(a).site.root == b.site.root,
        old(a).mine.contains(v),
        b.mine.contains(v),
    ensures
        false,
{
    assert(a.under(v) && b.under(v));
    let m = lemma_decider::<P, E>(*a, a.top, v);
    let n = lemma_decider::<P, E>(*b, b.top, v);
    let tracked mut p = a.nodes.tracked_remove(key(m, v));
    p.lemma_page_exclusive(b.nodes.tracked_borrow(key(n, v)), v);
}

/// Two cursors that coexist on one table have disjoint ranges.
pub proof fn theorem_ranges_disjoint<P: Platform, E: PageTableEntryTrait>(
    tracked a: &mut Owner<P, E>,
    tracked b: &Owner<P, E>,
    lo_a: int,
    hi_a: int,
    lo_b: int,
    hi_b: int,
)
    requires
        old(a).wf(),
        b.wf(),
        old(a).site.root == b.site.root,
        lo_a < hi_a,
        lo_b < hi_b,
        forall|v: int| lo_a <= v < hi_a ==> #[trigger] old(a).mine.contains(v),
        forall|v: int| lo_b <= v < hi_b ==> #[trigger] b.mine.contains(v),
    ensures
        *final(a) == *old(a),
        hi_a <= lo_b || hi_b <= lo_a,
{
    if !(hi_a <= lo_b || hi_b <= lo_a) {
        let v = if lo_a < lo_b { lo_b } else { lo_a };
        theorem_pages_exclusive(a, b, v);
    }
}

} // verus!
