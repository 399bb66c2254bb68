//! Cursors exclude each other, by address: no page is decided by two owners of one table. And what the kernel maps, every
//! user table shows.
use super::identity::{idx, lemma_fmt, lemma_prefix, linked, pin_ok, root_info};
use super::model::{full_at, key, mmu_walk, node_at, Owner};
use super::node::{decides, NodePerm, RootPerm};
use crate::paging::geometry::slot;
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

/// The kernel's table and a user table made of it go on by the same nodes in the kernel half, as long as both live: so
/// what is mapped there later, through the kernel's table, an MMU finds through the user table.
pub proof fn theorem_kernel_half_shared<P: Platform, E: PageTableEntryTrait>(
    tracked k: &RootPerm<E>,
    tracked kp: &mut NodePerm<P, E>,
    tracked u: &RootPerm<E>,
    tracked up: &mut NodePerm<P, E>,
    mem: spec_fn(int, int) -> u64,
    v: int,
)
    requires
        k.wf::<P>(),
        u.wf::<P>(),
        old(kp).inv(),
        old(kp)@.info() == root_info(k.paddr(), k.table()),
        old(up).inv(),
        old(up)@.info() == root_info(u.paddr(), u.table()),
        u.table().top == k.table().top,
        u.table().pins == k.table().pins,
        k.table().pins.dom().contains(slot(k.table().top, v) % 512),
        // memory holds what the locks own, but for what the MMU sets
        forall|i: int| 0 <= i < 512 ==> E::same_but_ad(old(kp)@.words[i], #[trigger] mem(k.paddr(), i)),
        forall|i: int| 0 <= i < 512 ==> E::same_but_ad(old(up)@.words[i], #[trigger] mem(u.paddr(), i)),
    ensures
        mmu_walk::<E>(mem, u.paddr(), k.table().top, v) == mmu_walk::<E>(mem, k.paddr(), k.table().top, v),
{
    let (top, i) = (k.table().top, slot(k.table().top, v) % 512);
    k.lemma_root::<P>();
    u.lemma_root::<P>();
    let (a, b) = (kp@.words[i], up@.words[i]);
    k.lemma_pins::<P>(kp);
    u.lemma_pins::<P>(up);
    assert(pin_ok(kp@.info(), kp@.words, i));
    assert(pin_ok(up@.info(), up@.words, i));
    lemma_fmt::<E>(top, a);
    lemma_fmt::<E>(top, b);
    E::ad_irrelevant(top, a, mem(k.paddr(), i));
    E::ad_irrelevant(top, b, mem(u.paddr(), i));
}

} // verus!
