//! What a run of stores to one node, or the removal of what is below it, does to the view.
use super::leaves::*;
use super::model::*;
use super::node::NodePerm;
use crate::paging::geometry::*;
use crate::paging::{PageProperty, PageTableEntryTrait};
use crate::Platform;
use vstd::arithmetic::div_mod::lemma_mod_mod;
use vstd::prelude::*;

verus! {

/// Slots are laid end to end.
pub proof fn base_add(l: int, s: int, n: int)
    requires 1 <= l <= 6,
    ensures
        base(l, s + n) == base(l, s) + base(l, n), base(l, n + 1) == base(l, n) + span(l), base(l, 0) == 0, base(l, 1) == span(l),
        n >= 0 ==> base(l, n) >= n,
{
    reveal(base);
}

/// The pages of `n` slots from `s` on.
pub proof fn slots_pages(l: int, s: int, n: int)
    requires 1 <= l <= 6,
    ensures
        forall|v: int| #[trigger] pages(base(l, s), base(l, n)).contains(v) <==> s <= slot(l, v) < s + n,
{
    assert forall|v: int| #[trigger] pages(base(l, s), base(l, n)).contains(v) <==> s <= slot(l, v) < s + n by {
        base_add(l, s, n);
        slot_iff(l, v, slot(l, v));
        slots_order(l, s, slot(l, v));
        slots_order(l, s + n, slot(l, v));
    }
}

/// Slots are in the order of their numbers.
proof fn slots_order(l: int, s: int, t: int)
    requires 1 <= l <= 6,
    ensures s <= t ==> base(l, s) <= base(l, t), s < t ==> base(l, s) + span(l) <= base(l, t), t < s ==> base(l, t) + span(l) <= base(l, s),
{
    reveal(base);
}

/// A run of frames keeps its alignment.
pub proof fn aligned_add(l: int, pa: int, n: int)
    requires 1 <= l <= 5, aligned(l, pa), 0 <= n,
    ensures aligned(l, pa + base(l, n) * 4096),
{
    reveal(base);
}

/// What is aligned for a level is so for the level below.
pub proof fn aligned_lower(l: int, pa: int, v: int)
    requires 2 <= l <= 5, aligned(l, pa), first(l, v) == v,
    ensures aligned(l - 1, pa), first(l - 1, v) == v, span(l - 1) <= span(l),
{
    let s = slot(l, v);
    assert(base(l, s) == base(l - 1, s * 512)) by { reveal(base); }
    slot_iff(l - 1, v, s * 512);
    paddr_lower(l, pa);
}

proof fn paddr_lower(l: int, pa: int)
    requires 2 <= l <= 5, aligned(l, pa),
    ensures aligned(l - 1, pa),
{
    if l == 2 {
        lemma_mod_mod(pa, 0x1000, 512);
    } else if l == 3 {
        lemma_mod_mod(pa, 0x20_0000, 512);
    } else if l == 4 {
        lemma_mod_mod(pa, 0x4000_0000, 512);
    } else {
        lemma_mod_mod(pa, 0x80_0000_0000, 512);
    }
}

/// Word `k` after the one at `(l, v)` in the same node.
pub open spec fn entry_at<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int, k: int) -> u64 {
    n[key(l, v)]@.words[slot(l, v) % 512 + k]
}

/// `post` is `pre` with other words in the slots `[s, s + n)` of level `l`, which are in one node.
pub open spec fn rewritten<P: Platform, E: PageTableEntryTrait>(pre: Nodes<P, E>, post: Nodes<P, E>, l: int, v0: int, n: int) -> bool {
    let (a, b) = (pre[key(l, v0)]@, post[key(l, v0)]@);
    let i = slot(l, v0) % 512;
    &&& post == pre.insert(key(l, v0), post[key(l, v0)])
    &&& b.paddr == a.paddr
    &&& node_wf(post[key(l, v0)], key(l, v0), site_of(a))
    &&& 0 <= n && i + n <= 512
    &&& forall|j: int| 0 <= j < 512 ==> if i <= j < i + n { !is_table::<E>(l, #[trigger] b.words[j]) && !is_table::<E>(l, a.words[j]) } else { b.words[j] == a.words[j] }
}

/// STORE, for a run of words of one node.
pub proof fn store_run<P: Platform, E: PageTableEntryTrait>(pre: Owner<P, E>, post: Owner<P, E>, l: int, v0: int, n: int)
    requires
        pre.wf(), pre.under(v0), 1 <= l <= pre.top, node_at(pre.nodes, l, v0), pre.same_shape(post),
        rewritten::<P, E>(pre.nodes, post.nodes, l, v0, n),
    ensures
        post.wf(),
        forall|v: int| #![trigger post.at(v)] slot(l, v0) <= slot(l, v) < slot(l, v0) + n ==> {
            &&& post.under(v) && node_at(post.nodes, l, v)
            &&& post.at(v) == meaning::<E>(l, entry(post.nodes, l, v), v)
            &&& pre.at(v) == meaning::<E>(l, entry(pre.nodes, l, v), v)
        },
        forall|v: int| #![trigger post.at(v)] pre.under(v) && !(slot(l, v0) <= slot(l, v) < slot(l, v0) + n) ==> post.at(v) == pre.at(v),
{
    let (a, b) = (pre.nodes, post.nodes);
    let s = slot(l, v0);
    broadcast use slot_up;
    assert forall|v: int| s <= slot(l, v) < s + n implies #[trigger] slot(l + 1, v) == slot(l + 1, v0) by {
        assert(slot(l, v) / 512 == s / 512);
    }
    assert forall|v: int| s <= slot(l, v) < s + n implies #[trigger] pre.under(v) by {
        slot_up(l, v);
        slot_up(l, v0);
        assert(slot(l, v) / 512 == s / 512);
        slot_eq_up(l + 1, pre.top + 1, v, v0);
    }
    assert forall|m: int, v: int| #[trigger] node_at(b, m, v) == node_at(a, m, v) by {}
    assert forall|m: int, v: int| 1 <= m <= 5 implies #[trigger] node_pa(b, m, v) == node_pa(a, m, v) by {}
    assert forall|m: int, v: int| 1 <= m <= 5 && !(m == l && s <= slot(l, v) < s + n) implies #[trigger] entry(b, m, v) == entry(a, m, v) by {
        if m == l && key(m, v) == key(l, v0) {
            let j = slot(l, v) % 512;
            assert(slot(l, v) / 512 == s / 512);
            assert(!(s % 512 <= j < s % 512 + n));
            assert(b[key(l, v0)]@.words[j] == a[key(l, v0)]@.words[j]);
        }
    }
    assert forall|v: int| s <= slot(l, v) < s + n implies !is_table::<E>(l, #[trigger] entry(b, l, v)) && !is_table::<E>(l, entry(a, l, v)) && node_at(a, l, v) by {
        let j = slot(l, v) % 512;
        assert(slot(l, v) / 512 == s / 512);
        assert(slot(l + 1, v) == slot(l + 1, v0));
        assert(!is_table::<E>(l, b[key(l, v0)]@.words[j]));
    }
    assert forall|m: int, v: int| 1 <= m <= pre.top && pre.under(v) implies #[trigger] ok_at::<P, E>(b, m, v) by {
        assert(ok_at::<P, E>(a, m, v));
        if m == l && s <= slot(l, v) < s + n { assert(!is_table::<E>(l, entry(b, l, v))); }
    }
    assert forall|m: int, v: int| 1 <= m <= pre.top && post.mine.contains(v) implies #[trigger] full_at::<P, E>(b, m, v) by {
        assert(full_at::<P, E>(a, m, v));
        if m == l && s <= slot(l, v) < s + n { assert(!is_table::<E>(l, entry(b, l, v))); }
    }
    assert forall|v: int| s <= slot(l, v) < s + n implies {
        &&& node_at(b, l, v) && post.under(v)
        &&& #[trigger] post.at(v) == meaning::<E>(l, entry(b, l, v), v)
        &&& pre.at(v) == meaning::<E>(l, entry(a, l, v), v)
    } by {
        assert(pre.under(v));
        assert(!is_table::<E>(l, entry(b, l, v)));
        assert(ok_at::<P, E>(a, l, v));
        assert(ok_at::<P, E>(b, l, v));
        walk_reach::<P, E>(b, l, pre.top, v);
        walk_reach::<P, E>(a, l, pre.top, v);
    }
    assert forall|v: int| pre.under(v) && !(s <= slot(l, v) < s + n) implies #[trigger] post.at(v) == pre.at(v) by {
        top_node::<P, E>(pre, v);
        walk_same::<P, E>(a, b, pre.top, v);
    }
}

/// Clearing a run of words.
pub proof fn view_cleared<P: Platform, E: PageTableEntryTrait>(pre: Owner<P, E>, post: Owner<P, E>, l: int, v0: int, n: int)
    requires
        pre.wf(), pre.under(v0), 1 <= l <= pre.top, node_at(pre.nodes, l, v0), pre.same_shape(post), first(l, v0) == v0,
        rewritten::<P, E>(pre.nodes, post.nodes, l, v0, n),
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> !present::<E>(#[trigger] post.nodes[key(l, v0)]@.words[j]),
    ensures
        post.wf(), post.view() == pre.view().remove_keys(pages(v0, base(l, n))),
{
    store_run::<P, E>(pre, post, l, v0, n);
    slots_pages(l, slot(l, v0), n);
    let gone = pages(v0, base(l, n));
    broadcast use slot_up;
    assert forall|v: int| gone.contains(v) implies #[trigger] post.at(v) == Tr::Absent && post.under(v) by {
        let j = slot(l, v) % 512;
        assert(slot(l, v) / 512 == slot(l, v0) / 512);
        assert(slot(l + 1, v) == slot(l + 1, v0));
        assert(!present::<E>(post.nodes[key(l, v0)]@.words[j]));
    }
    assert(post.view() =~= pre.view().remove_keys(gone));
}

/// Filling a run of absent words with leaves.
pub proof fn view_filled<P: Platform, E: PageTableEntryTrait>(pre: Owner<P, E>, post: Owner<P, E>, l: int, v0: int, n: int, pa: int, prop: PageProperty)
    requires
        pre.wf(), pre.under(v0), 1 <= l <= pre.top, node_at(pre.nodes, l, v0), pre.same_shape(post), first(l, v0) == v0,
        rewritten::<P, E>(pre.nodes, post.nodes, l, v0, n),
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> {
            let w = #[trigger] post.nodes[key(l, v0)]@.words[j];
            &&& is_leaf::<E>(l, w) && pte_pa::<E>(l, w) == pa + base(l, j - slot(l, v0) % 512) * 4096 && page_prop::<E>(l, w) == prop
            &&& !present::<E>(pre.nodes[key(l, v0)]@.words[j])
        },
    ensures
        post.wf(), post.view() == pre.view().union_prefer_right(run(v0, base(l, n), pa, prop)),
        pre.view().dom().disjoint(pages(v0, base(l, n))),
{
    store_run::<P, E>(pre, post, l, v0, n);
    let s = slot(l, v0);
    slots_pages(l, s, n);
    let new = pages(v0, base(l, n));
    broadcast use slot_up;
    assert forall|v: int| new.contains(v) implies #[trigger] post.at(v) == Tr::Page(pa + (v - v0) * 4096, prop) && post.under(v)
        && !pre.view().dom().contains(v) by {
        let j = slot(l, v) % 512;
        assert(slot(l, v) / 512 == s / 512);
        assert(slot(l + 1, v) == slot(l + 1, v0));
        let w = post.nodes[key(l, v0)]@.words[j];
        assert(is_leaf::<E>(l, w));
        assert(slot(l, v) == s + (j - s % 512));
        base_add(l, s, j - s % 512);
        assert(pre.at(v) == Tr::Absent);
    }
    assert forall|v: int| new.contains(v) implies !pre.view().dom().contains(v) by { let t = post.at(v); }
    assert(post.view() =~= pre.view().union_prefer_right(run(v0, base(l, n), pa, prop)));
}

/// A length holds as many whole slots as its slot number says.
pub proof fn lemma_room(l: int, len: int)
    requires 1 <= l <= 6, 0 <= len,
    ensures base(l, slot(l, len)) <= len, span(l) <= len ==> slot(l, len) >= 1,
{
    reveal(slot);
    reveal(base);
}

pub proof fn base_mono(l: int, m: int, n: int)
    requires 1 <= l <= 6,
    ensures m <= n ==> base(l, m) <= base(l, n),
{
    reveal(base);
}

/// Words `start .. start + k` were absent and are leaves now, the others are as before.
pub open spec fn filled<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, l: int, start: int, k: int, pa: int, prop: PageProperty) -> bool {
    forall|j: int| 0 <= j < 512 ==> if start <= j < start + k {
        &&& is_leaf::<E>(l, #[trigger] b[j]) && pte_pa::<E>(l, b[j]) == pa + base(l, j - start) * 4096
        &&& page_prop::<E>(l, b[j]) == prop.spec_sans_ad() && !present::<E>(a[j])
    } else {
        b[j] == a[j]
    }
}

/// Nodes at level `m` are there as before, where they were.
pub open spec fn kept_above<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, m: int, v: int) -> bool {
    node_at(b, m, v) == node_at(a, m, v) && (node_at(a, m, v) ==> node_pa(b, m, v) == node_pa(a, m, v))
}

/// An owner whose root has no tables is its root alone.
pub proof fn root_only<P: Platform, E: PageTableEntryTrait>(tracked o: Owner<P, E>) -> (tracked perm: NodePerm<P, E>)
    requires
        o.wf(),
        forall|j: int| 0 <= j < 512 ==> !is_table::<E>(o.top, #[trigger] o.nodes[(o.top, o.prefix)]@.words[j]),
    ensures perm == o.nodes[(o.top, o.prefix)],
{
    let tracked Owner { nodes, top, prefix, .. } = o;
    let tracked mut nodes = nodes;
    nodes.tracked_remove((top, prefix))
}

/// Slots of level 1 are pages.
pub proof fn lemma_base_one(n: int)
    ensures base(1, n) == n,
{
    reveal(base);
}

/// The `j`-th slot of the node at `(l, prefix)`.
pub proof fn lemma_nth(l: int, prefix: int, j: int)
    requires 1 <= l <= 5, 0 <= j < 512,
    ensures
        base(l + 1, prefix) + base(l, j) == base(l, prefix * 512 + j), slot(l, base(l, prefix * 512 + j)) == prefix * 512 + j,
        slot(l + 1, base(l, prefix * 512 + j)) == prefix, (prefix * 512 + j) % 512 == j,
{
    assert(base(l + 1, prefix) == base(l, prefix * 512)) by { reveal(base); }
    base_add(l, prefix * 512, j);
    slot_iff(l, base(l, prefix * 512 + j), prefix * 512 + j);
    slot_up(l, base(l, prefix * 512 + j));
}

pub proof fn base_512(l: int)
    requires 1 <= l <= 5,
    ensures base(l, 512) == span(l + 1),
{
    reveal(base);
}

/// The address space ends with a slot.
pub proof fn slot_limit(l: int, v: int)
    requires 1 <= l <= 6, v < 0x10_0000_0000_0000,
    ensures first(l, v) + span(l) <= 0x10_0000_0000_0000,
{
    reveal(slot);
    reveal(base);
}

/// After the subtree at `(l, v)` of `o0` was detached (`mid`) and its word cleared: a store of 0.
pub proof fn unhooked<P: Platform, E: PageTableEntryTrait>(o0: Owner<P, E>, mid: Owner<P, E>, tracked o: &mut Owner<P, E>, l: int, v: int)
    requires
        o0.wf(), 2 <= l <= o0.top, o0.under(v), node_at(o0.nodes, l, v), node_at(o0.nodes, l - 1, v),
        mid.wf(), mid.top == o0.top, mid.prefix == o0.prefix, mid.site == o0.site,
        forall|m: int, x: int| #![trigger node_at(mid.nodes, m, x)] 1 <= m <= 5 ==>
            (node_at(mid.nodes, m, x) <==> node_at(o0.nodes, m, x) && !(m < l && slot(l, x) == slot(l, v))),
        forall|k: (int, int)| #[trigger] mid.nodes.dom().contains(k) ==> mid.nodes[k] == o0.nodes[k],
        forall|x: int| #![trigger mid.at(x)] o0.under(x) && slot(l, x) != slot(l, v) ==> mid.at(x) == o0.at(x),
        mid.mine == o0.mine.filter(|x: int| slot(l, x) != slot(l, v)),
        stored::<P, E>(mid.nodes, old(o).nodes, l, v, 0), mid.same_shape(*old(o)), !present::<E>(0),
    ensures
        final(o).wf(), final(o).nodes == old(o).nodes, o0.same_shape(*final(o)),
        forall|m: int, x: int| l <= m <= 5 ==> #[trigger] kept_above(o0.nodes, final(o).nodes, m, x),
        forall|m: int, x: int| l <= m <= 5 && !(m == l && slot(l, x) == slot(l, v)) ==>
            #[trigger] entry(final(o).nodes, m, x) == entry(o0.nodes, m, x) || !node_at(o0.nodes, m, x),
        entry(final(o).nodes, l, v) == 0, finer(o0.nodes, final(o).nodes),
        final(o).view() == o0.view().remove_keys(pages(first(l, v), span(l))),
{
    assert(node_at(mid.nodes, l, v) && !node_at(mid.nodes, l - 1, v));
    o.mine = o0.mine;
    store_word::<P, E>(mid, *o, l, v, 0);
    stored_frame::<P, E>(mid.nodes, o.nodes, l, v, 0);
    assert forall|x: int| o0.under(x) && slot(l, x) != slot(l, v) implies #[trigger] o.at(x) == o0.at(x) by { assert(mid.at(x) == o0.at(x)); }
    view_stored::<P, E>(o0, *o, l, v, 0);
    assert forall|m: int, x: int| l <= m <= 5 implies #[trigger] kept_above(o0.nodes, o.nodes, m, x) by {
        assert(node_at(mid.nodes, m, x) == node_at(o0.nodes, m, x));
    }
    assert forall|m: int, x: int| l <= m <= 5 && !(m == l && slot(l, x) == slot(l, v)) implies
        #[trigger] entry(o.nodes, m, x) == entry(o0.nodes, m, x) || !node_at(o0.nodes, m, x) by {
        assert(node_at(mid.nodes, m, x) == node_at(o0.nodes, m, x));
    }
    assert forall|m: int, x: int| 1 <= m <= 5 && #[trigger] leaf_at(o.nodes, m, x) implies leaf_over(o0.nodes, m, x) by {
        assert(entry(o.nodes, m, x) == if m == l && slot(l, x) == slot(l, v) { 0 } else { entry(mid.nodes, m, x) });
        assert(node_at(o.nodes, m, x) == node_at(mid.nodes, m, x));
        assert(leaf_at(o0.nodes, m, x));
    }
}

/// Words `start .. start + k` are absent now and pointed to no tables before, the others are as before.
pub open spec fn cleared<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, l: int, start: int, k: int) -> bool {
    forall|j: int| 0 <= j < 512 ==> if start <= j < start + k { !present::<E>(#[trigger] b[j]) && !is_table::<E>(l, a[j]) } else { b[j] == a[j] }
}

/// What may become of a page's property; neither tells of accessed and dirty flags.
pub type Change = spec_fn(PageProperty, PageProperty) -> bool;

/// Words `start .. start + k` map the same frames as before, if any, with properties that `ok` allows; the others are as before.
pub open spec fn reprop<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, l: int, start: int, k: int, ok: Change) -> bool {
    forall|j: int| 0 <= j < 512 ==> if start <= j < start + k { rewords::<E>(#[trigger] a[j], b[j], l, ok) } else { b[j] == a[j] }
}

/// `b` maps the same frame as `a`, if any, with a property that `ok` allows.
pub open spec fn rewords<E: PageTableEntryTrait>(a: u64, b: u64, l: int, ok: Change) -> bool {
    &&& !is_table::<E>(l, b) && !is_table::<E>(l, a)
    &&& present::<E>(b) == present::<E>(a)
    &&& present::<E>(a) ==> pte_pa::<E>(l, b) == pte_pa::<E>(l, a) && ok(page_prop::<E>(l, a), page_prop::<E>(l, b))
}

/// `b` is `a` with properties that `ok` allows for the pages `[v0, v0 + n)`.
pub open spec fn reproped(a: Map<int, Tr>, b: Map<int, Tr>, v0: int, n: int, ok: Change) -> bool {
    &&& forall|v: int| #[trigger] b.dom().contains(v) <==> a.dom().contains(v)
    &&& forall|v: int| #[trigger] a.dom().contains(v) ==> if v0 <= v < v0 + n { changed(a[v], b[v], ok) } else { b[v] == a[v] }
}

/// The same frame, with a property that `ok` allows.
pub open spec fn changed(s: Tr, t: Tr, ok: Change) -> bool {
    match (s, t) {
        (Tr::Page(pa, q), Tr::Page(pb, r)) => pb == pa && ok(q, r),
        _ => false,
    }
}

/// Changing properties in a run of words.
pub proof fn view_reprop<P: Platform, E: PageTableEntryTrait>(pre: Owner<P, E>, post: Owner<P, E>, l: int, v0: int, n: int, ok: Change)
    requires
        pre.wf(), pre.under(v0), 1 <= l <= pre.top, node_at(pre.nodes, l, v0), pre.same_shape(post), first(l, v0) == v0,
        rewritten::<P, E>(pre.nodes, post.nodes, l, v0, n),
        reprop::<E>(pre.nodes[key(l, v0)]@.words, post.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n, ok),
    ensures
        post.wf(), reproped(pre.view(), post.view(), v0, base(l, n), ok),
{
    store_run::<P, E>(pre, post, l, v0, n);
    let s = slot(l, v0);
    let (wa, wb) = (pre.nodes[key(l, v0)]@.words, post.nodes[key(l, v0)]@.words);
    let (a, b) = (pre.view(), post.view());
    slots_pages(l, s, n);
    broadcast use slot_up;
    assert forall|v: int| pages(v0, base(l, n)).contains(v) implies (#[trigger] b.dom().contains(v) <==> a.dom().contains(v))
        && (a.dom().contains(v) ==> changed(a[v], b[v], ok)) by {
        let j = slot(l, v) % 512;
        assert(slot(l, v) / 512 == s / 512);
        assert(slot(l + 1, v) == slot(l + 1, v0));
        assert(rewords::<E>(wa[j], wb[j], l, ok));
        let t = post.at(v);
    }
    assert forall|v: int| !pages(v0, base(l, n)).contains(v) implies (#[trigger] b.dom().contains(v) <==> a.dom().contains(v))
        && (a.dom().contains(v) ==> b[v] == a[v]) by {
        let t = post.at(v);
    }
    assert forall|v: int| #[trigger] b.dom().contains(v) <==> a.dom().contains(v) by {
        assert(pages(v0, base(l, n)).contains(v) || !pages(v0, base(l, n)).contains(v));
    }
    assert forall|v: int| #[trigger] a.dom().contains(v) implies if v0 <= v < v0 + base(l, n) { changed(a[v], b[v], ok) } else { b[v] == a[v] } by {
        assert(b.dom().contains(v));
        assert(pages(v0, base(l, n)).contains(v) <==> v0 <= v < v0 + base(l, n));
    }
}

/// Changes of two ranges that meet.
pub proof fn reproped_join(a: Map<int, Tr>, b: Map<int, Tr>, c: Map<int, Tr>, v0: int, v1: int, v2: int, ok: Change)
    requires reproped(a, b, v0, v1 - v0, ok), reproped(b, c, v1, v2 - v1, ok), v0 <= v1 <= v2,
    ensures reproped(a, c, v0, v2 - v0, ok),
{
    assert forall|v: int| #[trigger] c.dom().contains(v) <==> a.dom().contains(v) by { assert(b.dom().contains(v) <==> a.dom().contains(v)); }
    assert forall|v: int| #[trigger] a.dom().contains(v) implies if v0 <= v < v0 + (v2 - v0) { changed(a[v], c[v], ok) } else { c[v] == a[v] } by {
        assert(b.dom().contains(v));
    }
}

/// What a narrower change does, a wider one may do.
pub proof fn reproped_wider(a: Map<int, Tr>, b: Map<int, Tr>, v0: int, n: int, ok: Change, wide: Change)
    requires reproped(a, b, v0, n, ok), forall|q: PageProperty, r: PageProperty| #[trigger] ok(q, r) ==> wide(q, r),
    ensures reproped(a, b, v0, n, wide),
{
    assert forall|v: int| #[trigger] a.dom().contains(v) implies if v0 <= v < v0 + n { changed(a[v], b[v], wide) } else { b[v] == a[v] } by {}
}

/// One more word cleared, or seen to be absent.
pub proof fn cleared_step<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, c: Seq<u64>, l: int, start: int, k: int)
    requires
        cleared::<E>(a, b, l, start, k), 0 <= start, 0 <= k, start + k < 512, b.len() == 512,
        !is_table::<E>(l, b[start + k]), !present::<E>(c[start + k]),
        c == b || c == b.update(start + k, c[start + k]),
    ensures cleared::<E>(a, c, l, start, k + 1),
{
    assert(b[start + k] == a[start + k]);
    assert forall|j: int| 0 <= j < 512 implies if start <= j < start + k + 1 { !present::<E>(#[trigger] c[j]) && !is_table::<E>(l, a[j]) } else { c[j] == a[j] } by {
        if j != start + k { assert(c[j] == b[j]); }
    }
}

/// One more word with a new property, or seen to be absent.
pub proof fn reprop_step<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, c: Seq<u64>, l: int, start: int, k: int, ok: Change)
    requires
        reprop::<E>(a, b, l, start, k, ok), 0 <= start, 0 <= k, start + k < 512, b.len() == 512,
        rewords::<E>(b[start + k], c[start + k], l, ok),
        c == b || c == b.update(start + k, c[start + k]),
    ensures reprop::<E>(a, c, l, start, k + 1, ok),
{
    assert(b[start + k] == a[start + k]);
    assert forall|j: int| 0 <= j < 512 implies if start <= j < start + k + 1 { rewords::<E>(#[trigger] a[j], c[j], l, ok) } else { c[j] == a[j] } by {
        if j != start + k { assert(c[j] == b[j]); }
    }
}

/// The node at `(l, v0)` was taken out and put back with other words.
pub open spec fn put_back<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int) -> bool {
    let (s, t) = (a.nodes[key(l, v0)]@, b.nodes[key(l, v0)]@);
    &&& b.nodes == a.nodes.insert(key(l, v0), b.nodes[key(l, v0)])
    &&& t.paddr == s.paddr
    &&& node_wf(b.nodes[key(l, v0)], key(l, v0), site_of(s))
}

pub proof fn cleared_rewritten<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, n: int)
    requires
        put_back(a, b, l, v0), 0 <= n, slot(l, v0) % 512 + n <= 512,
        cleared::<E>(a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n),
    ensures
        rewritten::<P, E>(a.nodes, b.nodes, l, v0, n),
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> !present::<E>(#[trigger] b.nodes[key(l, v0)]@.words[j]),
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> !is_table::<E>(l, #[trigger] a.nodes[key(l, v0)]@.words[j]),
{
    let (w0, w1, i) = (a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, slot(l, v0) % 512);
    assert forall|j: int| 0 <= j < 512 implies if i <= j < i + n { !is_table::<E>(l, #[trigger] w1[j]) && !is_table::<E>(l, w0[j]) } else { w1[j] == w0[j] } by {
        assert(present::<E>(w1[j]) || !present::<E>(w1[j]));
    }
    assert forall|j: int| i <= j < i + n implies !is_table::<E>(l, #[trigger] w0[j]) by { assert(!present::<E>(w1[j])); }
}

pub proof fn reprop_rewritten<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, n: int, ok: Change)
    requires
        put_back(a, b, l, v0), 0 <= n, slot(l, v0) % 512 + n <= 512,
        reprop::<E>(a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n, ok),
    ensures
        rewritten::<P, E>(a.nodes, b.nodes, l, v0, n),
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> !is_table::<E>(l, #[trigger] a.nodes[key(l, v0)]@.words[j]),
{
    let (w0, w1, i) = (a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, slot(l, v0) % 512);
    assert forall|j: int| 0 <= j < 512 implies if i <= j < i + n { !is_table::<E>(l, #[trigger] w1[j]) && !is_table::<E>(l, w0[j]) } else { w1[j] == w0[j] } by {
        let w = w0[j];
        assert(i <= j < i + n ==> rewords::<E>(w0[j], w1[j], l, ok));
    }
}

/// One word of a run of leaves.
proof fn filled_word<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, l: int, i: int, n: int, pa: int, prop: PageProperty, j: int)
    requires filled::<E>(a, b, l, i, n, pa, prop), 0 <= j < 512,
    ensures if i <= j < i + n { !is_table::<E>(l, b[j]) && !is_table::<E>(l, a[j]) } else { b[j] == a[j] },
{
    let x = b[j];
    if i <= j < i + n {
        assert(is_leaf::<E>(l, x));
        assert(!is_table::<E>(l, x));
        assert(!present::<E>(a[j]));
        assert(!is_table::<E>(l, a[j]));
    } else {
        assert(b[j] == a[j]);
    }
}

pub proof fn filled_rewritten<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, n: int, pa: int, prop: PageProperty)
    requires
        put_back(a, b, l, v0), 0 <= n, slot(l, v0) % 512 + n <= 512,
        filled::<E>(a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n, pa, prop),
    ensures
        rewritten::<P, E>(a.nodes, b.nodes, l, v0, n),
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> {
            let w = #[trigger] b.nodes[key(l, v0)]@.words[j];
            &&& is_leaf::<E>(l, w) && pte_pa::<E>(l, w) == pa + base(l, j - slot(l, v0) % 512) * 4096 && page_prop::<E>(l, w) == prop.spec_sans_ad()
            &&& !present::<E>(a.nodes[key(l, v0)]@.words[j])
        },
{
    let (w0, w1, i) = (a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, slot(l, v0) % 512);
    assert forall|j: int| 0 <= j < 512 implies if i <= j < i + n { !is_table::<E>(l, #[trigger] w1[j]) && !is_table::<E>(l, w0[j]) } else { w1[j] == w0[j] } by {
        filled_word::<E>(w0, w1, l, i, n, pa, prop, j);
    }
}

} // verus!
