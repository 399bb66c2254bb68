//! Ghost model of a page-table subtree.
//!
//! Nodes are keyed by *position* `(level, prefix)`, never by physical address, and every
//! structural invariant is stated for one (level, page) pair.  Positions are page numbers ("vpn")
//! shifted right by 9 bits per level.
pub use super::identity::is_table;
use super::identity::{fmt, present_count, TableInfo};
use super::node::{state_ok, NodePerm, NodeState};
use crate::paging::geometry::*;
use crate::paging::{PageProperty, PageTableEntryTrait};
use crate::Platform;
use vstd::arithmetic::div_mod::lemma_mod_mod;
use vstd::prelude::*;

verus! {

pub open spec fn present<E: PageTableEntryTrait>(w: u64) -> bool {
    E::spec_present(w)
}

pub open spec fn is_leaf<E: PageTableEntryTrait>(l: int, w: u64) -> bool {
    E::spec_present(w) && (l <= 1 || E::spec_last(l, w))
}

/// The frame or child that word `w` of a level-`l` node points to.
pub open spec fn pte_pa<E: PageTableEntryTrait>(l: int, w: u64) -> int {
    E::spec_paddr(l, w)
}

/// The property of the leaf `w`, without the bits that the MMU sets by itself.
pub open spec fn page_prop<E: PageTableEntryTrait>(l: int, w: u64) -> PageProperty {
    E::spec_prop(l, w).spec_sans_ad()
}

/// Words that only the MMU's own writes tell apart.
pub open spec fn like<E: PageTableEntryTrait>(l: int, a: u64, b: u64) -> bool {
    &&& present::<E>(a) == present::<E>(b)
    &&& is_leaf::<E>(l, a) == is_leaf::<E>(l, b)
    &&& is_table::<E>(l, a) == is_table::<E>(l, b)
    &&& pte_pa::<E>(l, a) == pte_pa::<E>(l, b)
    &&& page_prop::<E>(l, a) == page_prop::<E>(l, b)
}

pub proof fn lemma_like<E: PageTableEntryTrait>(l: int, a: u64, b: u64)
    requires E::same_but_ad(a, b),
    ensures like::<E>(l, a, b),
{
    E::ad_irrelevant(l, a, b);
}

/// A level-`l` leaf can map `pa` with property `prop`.
pub open spec fn leaf_ok<E: PageTableEntryTrait>(l: int, pa: int, prop: PageProperty) -> bool {
    0 <= pa < E::PADDR_END && aligned(l, pa) && E::spec_supports(l, prop)
}

pub type Nodes<P, E> = Map<(int, int), NodePerm<P, E>>;

/// What a page translates to, as far as the owned nodes tell.
pub ghost enum Tr {
    Absent,
    /// Frame address and properties.
    Page(int, PageProperty),
    /// Below a child table (at this address) that is not owned here.
    Foreign(int),
}

/// Key of the level-`l` node on the path to page `v`.
pub open spec fn key(l: int, v: int) -> (int, int) {
    (l, slot(l + 1, v))
}

pub open spec fn node_at<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> bool {
    n.dom().contains(key(l, v))
}

/// The word at level `l` on the path to `v`.
pub open spec fn entry<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> u64 {
    n[key(l, v)]@.words[slot(l, v) % 512]
}

pub open spec fn node_pa<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> usize {
    n[key(l, v)]@.paddr
}

/// The link invariant at one position: what hangs below the word at `(l, v)`.
pub open spec fn ok_at<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> bool {
    &&& l > 1 && node_at(n, l - 1, v) ==> {
        &&& node_at(n, l, v)
        &&& is_table::<E>(l, entry(n, l, v))
        &&& pte_pa::<E>(l, entry(n, l, v)) == node_pa(n, l - 1, v)
    }
}

/// The owned part does not stop at a table on the way to page `v`.
pub open spec fn full_at<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> bool {
    l > 1 && node_at(n, l, v) && is_table::<E>(l, entry(n, l, v)) ==> node_at(n, l - 1, v)
}

/// A table: its root's frame, and what its nodes agree on.
pub ghost struct Site {
    pub root: int,
    pub table: TableInfo,
}

/// A node that can stand at key `k` of a table.
pub open spec fn node_wf<P: Platform, E: PageTableEntryTrait>(p: NodePerm<P, E>, k: (int, int), site: Site) -> bool {
    &&& p.wf() && p.inv()
    &&& state_ok(p@)
    &&& p@.level == k.0 && p@.prefix == k.1 && p@.root == site.root && p@.table == site.table
    &&& p@.table.fmt == fmt::<E>()
    &&& p@.count == present_count(fmt::<E>(), p@.words, 512)
}

/// No word of the node says anything.
pub open spec fn all_absent<E: PageTableEntryTrait>(s: NodeState) -> bool {
    forall|i: int| 0 <= i < 512 ==> !present::<E>(#[trigger] s.words[i])
}

/// What word `w` at level `l` says by itself about page `v`.
pub open spec fn meaning<E: PageTableEntryTrait>(l: int, w: u64, v: int) -> Tr {
    if is_leaf::<E>(l, w) {
        Tr::Page(pte_pa::<E>(l, w) + off(l, v) * 4096, page_prop::<E>(l, w))
    } else if is_table::<E>(l, w) {
        Tr::Foreign(pte_pa::<E>(l, w))
    } else {
        Tr::Absent
    }
}

/// The translation of `v`: the meaning of the word in the lowest owned node.
pub open spec fn walk<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, v: int) -> Tr
    decreases l,
{
    if l > 1 && node_at(n, l - 1, v) { walk::<P, E>(n, l - 1, v) } else { meaning::<E>(l, entry(n, l, v), v) }
}

/// First page below the node with key `k`.
pub open spec fn first_page(k: (int, int)) -> int {
    base(k.0 + 1, k.1)
}

/// Owned part of a page table: some nodes of the subtree at `(top, prefix)`, closed upwards.
#[verifier::reject_recursive_types(P)]
#[verifier::reject_recursive_types(E)]
pub tracked struct Owner<P: Platform, E: PageTableEntryTrait> {
    pub nodes: Nodes<P, E>,
    pub ghost top: int,
    pub ghost prefix: int,
    /// Pages whose translation is decided by the owned nodes.
    pub ghost mine: Set<int>,
    pub ghost site: Site,
}

impl<P: Platform, E: PageTableEntryTrait> Owner<P, E> {
    /// Pages below the top node.
    pub open spec fn under(self, v: int) -> bool {
        slot(self.top + 1, v) == self.prefix
    }

    pub open spec fn same_shape(self, o: Self) -> bool {
        self.top == o.top && self.prefix == o.prefix && self.mine == o.mine && self.site == o.site
    }

    /// The top entry that covers page `v` is the table's own: the kernel half of a user table's root is not.
    pub open spec fn own_at(self, v: int) -> bool {
        self.top < self.site.table.top || self.site.table.lo <= slot(self.top, v) % 512 < self.site.table.hi
    }

    pub open spec fn root_pa(self) -> usize {
        self.nodes[(self.top, self.prefix)]@.paddr
    }

    pub open spec fn wf(self) -> bool {
        &&& 1 <= self.top <= 5
        &&& self.nodes.dom().contains((self.top, self.prefix))
        &&& forall|v: int| #[trigger] self.mine.contains(v) ==> self.under(v) && self.own_at(v)
        &&& forall|l: int, v: int| 1 <= l <= self.top && self.under(v) ==> #[trigger] ok_at::<P, E>(self.nodes, l, v)
        &&& forall|l: int, v: int| 1 <= l <= self.top && self.mine.contains(v) ==> #[trigger] full_at::<P, E>(self.nodes, l, v)
        &&& forall|k: (int, int)| #[trigger] self.nodes.dom().contains(k) ==> {
            &&& node_wf(self.nodes[k], k, self.site)
            &&& 1 <= k.0 <= self.top
            &&& self.under(first_page(k))
        }
    }

    pub open spec fn at(self, v: int) -> Tr {
        walk::<P, E>(self.nodes, self.top, v)
    }

    /// The abstract state of all pages below the top node, at 4-KiB granularity.
    pub open spec fn view(self) -> Map<int, Tr> {
        Map::new(|v: int| self.under(v) && self.at(v) != Tr::Absent, |v: int| self.at(v))
    }
}

/// `n` pages from `v0` mapped to the frames from `pa`.
pub open spec fn run(v0: int, n: int, pa: int, prop: PageProperty) -> Map<int, Tr> {
    Map::new(|v: int| v0 <= v < v0 + n, |v: int| Tr::Page(pa + (v - v0) * 4096, prop))
}

pub open spec fn pages(v0: int, n: int) -> Set<int> {
    Set::new(|v: int| v0 <= v < v0 + n)
}

/// The walk sees only the owned words on the path.
pub proof fn walk_same<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, l: int, v: int)
    requires
        l >= 1,
        node_at(a, l, v),
        forall|m: int| 1 <= m <= l ==> #[trigger] node_at(a, m, v) == node_at(b, m, v),
        forall|m: int| 1 <= m <= l && node_at(a, m, v) ==> #[trigger] entry(a, m, v) == entry(b, m, v),
    ensures walk::<P, E>(a, l, v) == walk::<P, E>(b, l, v),
    decreases l,
{
    if l > 1 && node_at(a, l - 1, v) {
        walk_same::<P, E>(a, b, l - 1, v);
    } else {
        assert(entry(a, l, v) == entry(b, l, v));
        if l > 1 { assert(node_at(b, l - 1, v) == node_at(a, l - 1, v)); }
    }
}

/// If the path to `v` reaches level `l`, the walk from any higher level passes there.
pub proof fn walk_reach<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, m: int, v: int)
    requires 1 <= l <= m, node_at(n, l, v), forall|j: int| 1 <= j <= m ==> #[trigger] ok_at::<P, E>(n, j, v),
    ensures walk::<P, E>(n, m, v) == walk::<P, E>(n, l, v), node_at(n, m, v),
    decreases m,
{
    if l < m {
        walk_reach::<P, E>(n, l, m - 1, v);
        assert(ok_at::<P, E>(n, m, v));
    }
}

/// Nothing is owned below a missing node.
pub proof fn no_lower<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, l: int, m: int, v: int)
    requires 1 <= l <= m, !node_at(n, m, v), forall|j: int| 1 <= j <= m ==> #[trigger] ok_at::<P, E>(n, j, v),
    ensures !node_at(n, l, v),
    decreases m,
{
    if l < m {
        assert(ok_at::<P, E>(n, m, v));
        no_lower::<P, E>(n, l, m - 1, v);
    }
}

/// `post` is `pre` with word `w` stored at position `(l, v)`.
pub open spec fn stored<P: Platform, E: PageTableEntryTrait>(pre: Nodes<P, E>, post: Nodes<P, E>, l: int, v: int, w: u64) -> bool {
    let s = pre[key(l, v)]@;
    let t = post[key(l, v)]@;
    &&& post == pre.insert(key(l, v), post[key(l, v)])
    &&& t.paddr == s.paddr
    &&& t.words == s.words.update(slot(l, v) % 512, w)
    &&& node_wf(post[key(l, v)], key(l, v), Site { root: s.root, table: s.table })
}

/// The frame of a store: which positions change.
pub proof fn stored_frame<P: Platform, E: PageTableEntryTrait>(pre: Nodes<P, E>, post: Nodes<P, E>, l: int, v0: int, w: u64)
    requires 1 <= l <= 5, node_at(pre, l, v0), state_ok(pre[key(l, v0)]@), stored::<P, E>(pre, post, l, v0, w),
    ensures
        forall|m: int, v: int| #[trigger] node_at(post, m, v) == node_at(pre, m, v),
        forall|m: int, v: int| 1 <= m <= 5 ==> #[trigger] node_pa(post, m, v) == node_pa(pre, m, v),
        forall|m: int, v: int| 1 <= m <= 5 ==> #[trigger] entry(post, m, v) == if m == l && slot(l, v) == slot(l, v0) { w } else { entry(pre, m, v) },
{
    broadcast use slot_up;
}

/// STORE: any word over a word below which nothing is owned.
pub proof fn store_word<P: Platform, E: PageTableEntryTrait>(pre: Owner<P, E>, post: Owner<P, E>, l: int, v0: int, w: u64)
    requires
        pre.wf(), pre.under(v0), 1 <= l <= pre.top, node_at(pre.nodes, l, v0),
        l > 1 ==> !node_at(pre.nodes, l - 1, v0),
        stored::<P, E>(pre.nodes, post.nodes, l, v0, w),
        pre.top == post.top, pre.prefix == post.prefix, pre.site == post.site,
        forall|v: int| #[trigger] post.mine.contains(v) ==> post.own_at(v) && if slot(l, v) == slot(l, v0) { !is_table::<E>(l, w) } else { pre.mine.contains(v) },
    ensures
        post.wf(),
        forall|v: int| #![trigger post.at(v)] slot(l, v) == slot(l, v0) ==> post.under(v) && post.at(v) == meaning::<E>(l, w, v),
        forall|v: int| #![trigger post.at(v)] pre.under(v) && slot(l, v) != slot(l, v0) ==> post.at(v) == pre.at(v),
{
    let (a, b) = (pre.nodes, post.nodes);
    broadcast use slot_up;
    stored_frame::<P, E>(a, b, l, v0, w);
    assert forall|v: int| slot(l, v) == slot(l, v0) implies #[trigger] post.under(v) by { slot_eq_up(l, pre.top + 1, v, v0); }
    assert forall|m: int, v: int| 1 <= m <= pre.top && pre.under(v) implies #[trigger] ok_at::<P, E>(b, m, v) by {
        assert(ok_at::<P, E>(a, m, v));
    }
    assert forall|m: int, v: int| 1 <= m <= pre.top && post.mine.contains(v) implies #[trigger] full_at::<P, E>(b, m, v) by {
        if slot(l, v) == slot(l, v0) {
            assert(post.under(v));
            if m < l { no_lower::<P, E>(a, m, l - 1, v); }
            if m > l { walk_reach::<P, E>(a, l, m - 1, v); }
        } else {
            assert(full_at::<P, E>(a, m, v));
        }
    }
    assert forall|v: int| #[trigger] post.mine.contains(v) implies post.under(v) && post.own_at(v) by {
        if slot(l, v) == slot(l, v0) { assert(post.under(v)); }
    }
    assert forall|v: int| pre.under(v) implies #[trigger] post.at(v) == (if slot(l, v) == slot(l, v0) { meaning::<E>(l, w, v) } else { pre.at(v) }) by {
        if slot(l, v) == slot(l, v0) {
            walk_reach::<P, E>(b, l, pre.top, v);
        } else {
            top_node::<P, E>(pre, v);
            walk_same::<P, E>(a, b, pre.top, v);
        }
    }
}

pub proof fn top_node<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, v: int)
    requires o.wf(), o.under(v),
    ensures node_at(o.nodes, o.top, v), key(o.top, v) == (o.top, o.prefix),
{
}

/// The nodes strictly below slot `s` of level `l`.
pub open spec fn below(k: (int, int), l: int, s: int) -> bool {
    k.0 < l && slot(l, first_page(k)) == s
}

/// A node on the path to `v` is below slot `s` iff `v` is.
pub proof fn below_iff(m: int, v: int, l: int, s: int)
    requires 1 <= m < l <= 6,
    ensures below(key(m, v), l, s) <==> slot(l, v) == s, first_page(key(m, v)) == first(m + 1, v),
{
    slot_bounds(m + 1, v);
    slot_iff(m + 1, first_page(key(m, v)), slot(m + 1, v));
    slot_eq_up(m + 1, l, v, first_page(key(m, v)));
}

/// ATTACH: a subtree owner joins below its table word.
pub proof fn attach<P: Platform, E: PageTableEntryTrait>(tracked o: &mut Owner<P, E>, tracked c: Owner<P, E>, l: int, v0: int)
    requires
        old(o).wf(), c.wf(), c.site == old(o).site, 2 <= l <= old(o).top, c.top == l - 1, c.prefix == slot(l, v0),
        old(o).under(v0), old(o).own_at(v0), node_at(old(o).nodes, l, v0), !node_at(old(o).nodes, l - 1, v0),
        is_table::<E>(l, entry(old(o).nodes, l, v0)), pte_pa::<E>(l, entry(old(o).nodes, l, v0)) == c.root_pa(),
    ensures
        final(o).wf(), final(o).top == old(o).top, final(o).prefix == old(o).prefix, final(o).site == old(o).site, final(o).mine == old(o).mine.union(c.mine),
        final(o).nodes == old(o).nodes.union_prefer_right(c.nodes),
        forall|m: int, v: int| 1 <= m <= old(o).top && node_at(old(o).nodes, m, v) ==> #[trigger] node_at(final(o).nodes, m, v) && entry(final(o).nodes, m, v) == entry(old(o).nodes, m, v)
            && node_pa(final(o).nodes, m, v) == node_pa(old(o).nodes, m, v),
        forall|v: int| #![trigger final(o).at(v)] slot(l, v) == slot(l, v0) ==> final(o).under(v) && final(o).at(v) == c.at(v),
        forall|v: int| #![trigger final(o).at(v)] old(o).under(v) && slot(l, v) != slot(l, v0) ==> final(o).at(v) == old(o).at(v),
{
    let pre = *o;
    let s = slot(l, v0);
    let tracked Owner { nodes: cn, .. } = c;
    o.nodes.tracked_union_prefer_right(cn);
    o.mine = pre.mine.union(c.mine);
    let (a, b) = (pre.nodes, o.nodes);
    broadcast use slot_up;
    assert forall|v: int| slot(l, v) == s implies #[trigger] o.under(v) by { slot_eq_up(l, pre.top + 1, v, v0); }
    assert forall|m: int, v: int| 1 <= m <= 5 && #[trigger] node_at(cn, m, v) implies m < l && slot(l, v) == s by {
        below_iff(m, v, l, s);
    }
    assert forall|m: int, v: int| 1 <= m < l && slot(l, v) == s implies !#[trigger] node_at(a, m, v) by {
        assert(o.under(v));
        no_lower::<P, E>(a, m, l - 1, v);
    }
    assert forall|m: int, v: int| #[trigger] node_at(b, m, v) <==> node_at(a, m, v) || node_at(cn, m, v) by {}
    assert forall|m: int, v: int| node_at(b, m, v) implies #[trigger] entry(b, m, v) == if node_at(cn, m, v) { entry(cn, m, v) } else { entry(a, m, v) } by {}
    assert forall|m: int, v: int| node_at(b, m, v) implies #[trigger] node_pa(b, m, v) == if node_at(cn, m, v) { node_pa(cn, m, v) } else { node_pa(a, m, v) } by {}
    assert forall|m: int, v: int| 1 <= m <= pre.top && pre.under(v) implies #[trigger] ok_at::<P, E>(b, m, v) by {
        assert(ok_at::<P, E>(a, m, v));
        if slot(l, v) == s {
            if m < l { assert(c.under(v)); assert(ok_at::<P, E>(cn, m, v)); }
            if m == l { top_node::<P, E>(c, v); }
        }
    }
    assert forall|v: int| #[trigger] c.mine.contains(v) implies slot(l, v) == s && o.own_at(v) by {
        assert(c.under(v));
        slot_eq_up(l, pre.top, v, v0);
    }
    assert forall|m: int, v: int| 1 <= m <= pre.top && o.mine.contains(v) implies #[trigger] full_at::<P, E>(b, m, v) by {
        if slot(l, v) == s {
            assert(o.under(v));
            if m < l {
                if c.mine.contains(v) { assert(full_at::<P, E>(cn, m, v)); } else { assert(full_at::<P, E>(a, l, v)); assert(!node_at(a, l - 1, v)); }
            }
            if m == l { top_node::<P, E>(c, v); }
            if m > l { walk_reach::<P, E>(a, l, m - 1, v); }
        } else {
            assert(full_at::<P, E>(a, m, v));
        }
    }
    assert forall|k: (int, int)| #[trigger] b.dom().contains(k) implies node_wf(b[k], k, o.site) && 1 <= k.0 <= pre.top && o.under(first_page(k)) by {
        if cn.dom().contains(k) {
            assert(c.under(first_page(k)));
            assert(slot(l, first_page(k)) == s);
            assert(o.under(first_page(k)));
        } else {
            assert(a.dom().contains(k));
        }
    }
    assert forall|v: int| slot(l, v) == s implies #[trigger] o.at(v) == c.at(v) by {
        assert(o.under(v));
        top_node::<P, E>(c, v);
        walk_reach::<P, E>(b, l - 1, pre.top, v);
        assert forall|m: int| 1 <= m <= l - 1 implies #[trigger] node_at(cn, m, v) == node_at(b, m, v) by { assert(!node_at(a, m, v)); }
        walk_same::<P, E>(cn, b, l - 1, v);
    }
    assert forall|v: int| pre.under(v) && slot(l, v) != s implies #[trigger] o.at(v) == pre.at(v) by {
        top_node::<P, E>(pre, v);
        walk_same::<P, E>(a, b, pre.top, v);
    }
}

/// DETACH: the owned nodes below the table word at `(l, v0)` become an owner of their own.
pub proof fn detach<P: Platform, E: PageTableEntryTrait>(tracked o: &mut Owner<P, E>, l: int, v0: int) -> (tracked c: Owner<P, E>)
    requires
        old(o).wf(), 2 <= l <= old(o).top, old(o).under(v0), node_at(old(o).nodes, l - 1, v0),
    ensures
        final(o).wf(), final(o).top == old(o).top, final(o).prefix == old(o).prefix, final(o).site == old(o).site,
        final(o).mine == old(o).mine.filter(|v: int| slot(l, v) != slot(l, v0)),
        forall|m: int, v: int| #![trigger node_at(final(o).nodes, m, v)] 1 <= m <= 5 ==>
            (node_at(final(o).nodes, m, v) <==> node_at(old(o).nodes, m, v) && !(m < l && slot(l, v) == slot(l, v0))),
        forall|k: (int, int)| #[trigger] final(o).nodes.dom().contains(k) ==> final(o).nodes[k] == old(o).nodes[k],
        c.wf(), c.top == l - 1, c.prefix == slot(l, v0), c.site == old(o).site, c.root_pa() == pte_pa::<E>(l, entry(old(o).nodes, l, v0)),
        c.mine == old(o).mine.filter(|v: int| slot(l, v) == slot(l, v0)),
        forall|v: int| #![trigger c.at(v)] slot(l, v) == slot(l, v0) ==> old(o).under(v) && c.at(v) == old(o).at(v),
        forall|v: int| #![trigger final(o).at(v)] slot(l, v) == slot(l, v0) ==> final(o).at(v) == Tr::Foreign(c.root_pa() as int),
        forall|v: int| #![trigger final(o).at(v)] old(o).under(v) && slot(l, v) != slot(l, v0) ==> final(o).at(v) == old(o).at(v),
        c.nodes[key(l - 1, v0)] == old(o).nodes[key(l - 1, v0)],
{
    let pre = *o;
    let s = slot(l, v0);
    let ks = Set::new(|k: (int, int)| pre.nodes.dom().contains(k) && below(k, l, s));
    let tracked cn = o.nodes.tracked_remove_keys(ks);
    o.mine = pre.mine.filter(|v: int| slot(l, v) != s);
    let tracked c = Owner { nodes: cn, top: l - 1, prefix: s, mine: pre.mine.filter(|v: int| slot(l, v) == s), site: pre.site };
    let (a, b) = (pre.nodes, o.nodes);
    broadcast use slot_up;
    assert forall|v: int| slot(l, v) == s implies #[trigger] pre.under(v) by { slot_eq_up(l, pre.top + 1, v, v0); }
    assert forall|m: int, v: int| 1 <= m <= 5 implies
        (#[trigger] node_at(cn, m, v) <==> node_at(a, m, v) && m < l && slot(l, v) == s) by {
        if m < l { below_iff(m, v, l, s); }
    }
    assert forall|m: int, v: int| 1 <= m <= 5 implies
        (#[trigger] node_at(b, m, v) <==> node_at(a, m, v) && !(m < l && slot(l, v) == s)) by {
        if m < l { below_iff(m, v, l, s); }
    }
    assert forall|m: int, v: int| node_at(b, m, v) implies #[trigger] entry(b, m, v) == entry(a, m, v) && node_pa(b, m, v) == node_pa(a, m, v) by {}
    assert forall|m: int, v: int| node_at(cn, m, v) implies #[trigger] entry(cn, m, v) == entry(a, m, v) && node_pa(cn, m, v) == node_pa(a, m, v) by {}
    assert(ok_at::<P, E>(a, l, v0));
    assert(node_at(cn, l - 1, v0));
    assert forall|m: int, v: int| 1 <= m <= pre.top && pre.under(v) implies #[trigger] ok_at::<P, E>(b, m, v) by {
        assert(ok_at::<P, E>(a, m, v));
    }
    assert forall|m: int, v: int| 1 <= m <= pre.top && o.mine.contains(v) implies #[trigger] full_at::<P, E>(b, m, v) by {
        assert(full_at::<P, E>(a, m, v));
    }
    assert forall|m: int, v: int| 1 <= m < l && c.under(v) implies #[trigger] ok_at::<P, E>(cn, m, v) by {
        assert(pre.under(v));
        assert(ok_at::<P, E>(a, m, v));
    }
    assert forall|m: int, v: int| 1 <= m < l && c.mine.contains(v) implies #[trigger] full_at::<P, E>(cn, m, v) by {
        assert(full_at::<P, E>(a, m, v));
    }
    assert forall|v: int| slot(l, v) == s implies #[trigger] c.at(v) == pre.at(v) by {
        assert(pre.under(v));
        assert(node_at(cn, l - 1, v));
        walk_reach::<P, E>(a, l - 1, pre.top, v);
        walk_same::<P, E>(cn, a, l - 1, v);
    }
    assert forall|v: int| slot(l, v) == s implies #[trigger] o.at(v) == Tr::Foreign(c.root_pa() as int) by {
        assert(pre.under(v));
        assert(ok_at::<P, E>(a, l, v));
        assert(node_at(b, l, v));
        assert(!node_at(b, l - 1, v));
        walk_reach::<P, E>(b, l, pre.top, v);
    }
    assert forall|v: int| pre.under(v) && slot(l, v) != s implies #[trigger] o.at(v) == pre.at(v) by {
        top_node::<P, E>(pre, v);
        walk_same::<P, E>(b, a, pre.top, v);
    }
    c
}

/// SINGLE: one node owns the pages below its non-table words.
pub proof fn single<P: Platform, E: PageTableEntryTrait>(tracked perm: NodePerm<P, E>, l: int, prefix: int, site: Site) -> (tracked o: Owner<P, E>)
    requires 1 <= l <= 5, node_wf(perm, (l, prefix), site),
    ensures
        o.wf(), o.top == l, o.prefix == prefix, o.site == site, o.root_pa() == perm@.paddr,
        forall|v: int| #[trigger] o.mine.contains(v) <==> slot(l + 1, v) == prefix && o.own_at(v) && !is_table::<E>(l, perm@.words[slot(l, v) % 512]),
        o.nodes == Map::<(int, int), NodePerm<P, E>>::empty().insert((l, prefix), perm),
        forall|v: int| #![trigger o.at(v)] o.under(v) ==> o.at(v) == meaning::<E>(l, perm@.words[slot(l, v) % 512], v),
{
    let tracked mut nodes = Map::tracked_empty();
    let ghost words = perm@.words;
    nodes.tracked_insert((l, prefix), perm);
    let ghost mine = Set::new(|v: int| slot(l + 1, v) == prefix && !is_table::<E>(l, words[slot(l, v) % 512])
        && (l < site.table.top || site.table.lo <= slot(l, v) % 512 < site.table.hi));
    let tracked o = Owner { nodes, top: l, prefix, mine, site };
    slot_iff(l + 1, first_page((l, prefix)), prefix);
    o
}

/// A non-table word decides the translation of its whole slot.
pub proof fn at_word<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v0: int, v: int)
    requires
        o.wf(), o.under(v0), 1 <= l <= o.top, node_at(o.nodes, l, v0),
        !is_table::<E>(l, entry(o.nodes, l, v0)), slot(l, v) == slot(l, v0),
    ensures
        o.under(v), o.at(v) == meaning::<E>(l, entry(o.nodes, l, v0), v),
        l > 1 ==> !node_at(o.nodes, l - 1, v),
{
    slot_eq_up(l, o.top + 1, v, v0);
    slot_eq_up(l, l + 1, v, v0);
    assert(ok_at::<P, E>(o.nodes, l, v));
    walk_reach::<P, E>(o.nodes, l, o.top, v);
}

/// Page offsets at adjacent levels.
pub proof fn off_split(l: int, v: int)
    requires 2 <= l <= 5,
    ensures off(l, v) == base(l - 1, slot(l - 1, v) % 512) + off(l - 1, v),
{
    let (q, r) = (slot(l - 1, v), slot(l, v));
    slot_up(l - 1, v);
    assert(r == q / 512);
    assert(q == r * 512 + q % 512);
    assert(base(l, r) == base(l - 1, r * 512)) by { reveal(base); }
    assert(base(l - 1, q) == base(l - 1, r * 512) + base(l - 1, q % 512)) by { reveal(base); }
}

/// What the MMU finds for page `v` in memory `mem` (node address, index), starting at the level-`l` node `pa`.
pub open spec fn mmu_walk<E: PageTableEntryTrait>(mem: spec_fn(int, int) -> u64, pa: int, l: int, v: int) -> Tr
    decreases l,
{
    let w = mem(pa, slot(l, v) % 512);
    if l > 1 && is_table::<E>(l, w) { mmu_walk::<E>(mem, pte_pa::<E>(l, w), l - 1, v) } else { meaning::<E>(l, w, v) }
}

/// Memory holds what the permissions say.
pub open spec fn in_memory<P: Platform, E: PageTableEntryTrait>(n: Nodes<P, E>, mem: spec_fn(int, int) -> u64) -> bool {
    forall|k: (int, int), i: int| n.dom().contains(k) && 0 <= i < 512 ==> #[trigger] mem(n[k]@.paddr as int, i) == n[k]@.words[i]
}

/// TOP: hardware translation of every owned page is what the view says.
pub proof fn mmu_agrees<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, mem: spec_fn(int, int) -> u64, v: int)
    requires o.wf(), o.mine.contains(v), in_memory(o.nodes, mem),
    ensures
        mmu_walk::<E>(mem, o.root_pa() as int, o.top, v) == o.at(v),
        !(o.at(v) is Foreign),
        o.view().dom().contains(v) <==> o.at(v) is Page,
{
    assert(o.under(v));
    mmu_step::<P, E>(o, mem, o.top, v);
}

proof fn mmu_step<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, mem: spec_fn(int, int) -> u64, l: int, v: int)
    requires o.wf(), o.mine.contains(v), in_memory(o.nodes, mem), 1 <= l <= o.top, node_at(o.nodes, l, v),
    ensures
        mmu_walk::<E>(mem, node_pa(o.nodes, l, v) as int, l, v) == walk::<P, E>(o.nodes, l, v),
        !(walk::<P, E>(o.nodes, l, v) is Foreign),
    decreases l,
{
    assert(o.under(v));
    assert(ok_at::<P, E>(o.nodes, l, v));
    assert(full_at::<P, E>(o.nodes, l, v));
    assert(mem(o.nodes[key(l, v)]@.paddr as int, slot(l, v) % 512) == entry(o.nodes, l, v));
    if l > 1 && is_table::<E>(l, entry(o.nodes, l, v)) {
        mmu_step::<P, E>(o, mem, l - 1, v);
    }
}

/// In the level-`l` node `s1`, nothing below is owned and everything else is.
pub open spec fn bare<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, s1: int, v: int) -> bool {
    slot(l + 1, v) == s1 ==> {
        &&& l > 1 ==> !node_at(o.nodes, l - 1, v)
        &&& !is_table::<E>(l, entry(o.nodes, l, v)) && o.own_at(v) ==> o.mine.contains(v)
    }
}

pub open spec fn kept<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, m: int, v: int) -> bool {
    node_at(a, m, v) == node_at(b, m, v) && (node_at(a, m, v) ==> entry(a, m, v) == entry(b, m, v) && node_pa(a, m, v) == node_pa(b, m, v))
}

pub proof fn slot_eq_up_not(l: int, x: int, v: int)
    requires 1 <= l <= 5,
    ensures slot(l + 1, x) != slot(l + 1, v) ==> slot(l, x) != slot(l, v),
{
    if slot(l, x) == slot(l, v) { slot_eq_up(l, l + 1, x, v); }
}

/// All pages of slot `s` of level `l`.
pub proof fn slot_pages(l: int, v0: int)
    requires 1 <= l <= 6,
    ensures
        forall|v: int| #[trigger] pages(first(l, v0), span(l)).contains(v) <==> slot(l, v) == slot(l, v0),
        forall|pa: int, prop: PageProperty, v: int| #[trigger] run(first(l, v0), span(l), pa, prop).dom().contains(v) <==> slot(l, v) == slot(l, v0),
{
    assert forall|v: int| #[trigger] pages(first(l, v0), span(l)).contains(v) <==> slot(l, v) == slot(l, v0) by { slot_iff(l, v, slot(l, v0)); }
    assert forall|pa: int, prop: PageProperty, v: int| #[trigger] run(first(l, v0), span(l), pa, prop).dom().contains(v) <==> slot(l, v) == slot(l, v0) by { slot_iff(l, v, slot(l, v0)); }
}

/// The view after one store.
pub proof fn view_stored<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, w: u64)
    requires
        1 <= l <= 5, a.top == b.top, a.prefix == b.prefix, !is_table::<E>(l, w),
        forall|v: int| #![trigger b.at(v)] slot(l, v) == slot(l, v0) ==> b.under(v) && b.at(v) == meaning::<E>(l, w, v),
        forall|v: int| #![trigger b.at(v)] a.under(v) && slot(l, v) != slot(l, v0) ==> b.at(v) == a.at(v),
    ensures
        !present::<E>(w) ==> b.view() == a.view().remove_keys(pages(first(l, v0), span(l))),
        is_leaf::<E>(l, w) ==> b.view() == a.view().union_prefer_right(run(first(l, v0), span(l), pte_pa::<E>(l, w), page_prop::<E>(l, w))),
{
    slot_pages(l, v0);
    assert forall|v: int| slot(l, v) == slot(l, v0) implies #[trigger] a.under(v) by { let t = b.at(v); assert(b.under(v)); }
    if !present::<E>(w) {
        assert(b.view() =~= a.view().remove_keys(pages(first(l, v0), span(l))));
    }
    if is_leaf::<E>(l, w) {
        assert(b.view() =~= a.view().union_prefer_right(run(first(l, v0), span(l), pte_pa::<E>(l, w), page_prop::<E>(l, w))));
    }
}

/// Linking a subtree that says what the old word said changes nothing.
pub proof fn same_view<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, sub: Owner<P, E>, l: int, v0: int)
    requires
        a.wf(), a.under(v0), 2 <= l <= a.top, node_at(a.nodes, l, v0), a.same_shape(b), !is_table::<E>(l, entry(a.nodes, l, v0)),
        sub.top == l - 1, sub.prefix == slot(l, v0),
        forall|v: int| #![trigger sub.at(v)] sub.under(v) ==> sub.at(v) == meaning::<E>(l, entry(a.nodes, l, v0), v),
        forall|v: int| #![trigger b.at(v)] slot(l, v) == slot(l, v0) ==> b.under(v) && b.at(v) == sub.at(v),
        forall|v: int| #![trigger b.at(v)] a.under(v) && slot(l, v) != slot(l, v0) ==> b.at(v) == a.at(v),
    ensures b.view() == a.view(),
{
    assert forall|v: int| a.under(v) implies #[trigger] b.at(v) == a.at(v) by {
        if slot(l, v) == slot(l, v0) {
            at_word::<P, E>(a, l, v0, v);
            assert(sub.under(v));
            assert(sub.at(v) == meaning::<E>(l, entry(a.nodes, l, v0), v));
        }
    }
    assert(b.view() =~= a.view());
}

impl<P: Platform, E: PageTableEntryTrait> Owner<P, E> {
    /// Nothing is mapped in `[a, b)`.
    pub open spec fn unmapped(self, a: int, b: int) -> bool {
        forall|x: int| a <= x < b ==> !#[trigger] self.view().dom().contains(x)
    }
}

/// The run is part of the view.
pub open spec fn run_in(view: Map<int, Tr>, v0: int, n: int, pa: int, prop: PageProperty) -> bool {
    forall|x: int| v0 <= x < v0 + n ==> #[trigger] view.dom().contains(x) && view[x] == Tr::Page(pa + (x - v0) * 4096, prop)
}

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
    &&& node_wf(post[key(l, v0)], key(l, v0), Site { root: a.root, table: a.table })
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
        entry(final(o).nodes, l, v) == 0,
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
}

/// Words `start .. start + k` are absent now and pointed to no tables before, the others are as before.
pub open spec fn cleared<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, l: int, start: int, k: int) -> bool {
    forall|j: int| 0 <= j < 512 ==> if start <= j < start + k { !present::<E>(#[trigger] b[j]) && !is_table::<E>(l, a[j]) } else { b[j] == a[j] }
}

/// Words `start .. start + k` map the same frames as before, if any, perhaps with other properties; the others are as before.
pub open spec fn reprop<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, l: int, start: int, k: int) -> bool {
    forall|j: int| 0 <= j < 512 ==> if start <= j < start + k {
        &&& !is_table::<E>(l, #[trigger] b[j]) && !is_table::<E>(l, a[j])
        &&& present::<E>(b[j]) == present::<E>(a[j])
        &&& present::<E>(a[j]) ==> pte_pa::<E>(l, b[j]) == pte_pa::<E>(l, a[j])
    } else {
        b[j] == a[j]
    }
}

/// The two say the same but for properties of the pages `[v0, v0 + n)`.
pub open spec fn same_frames(a: Map<int, Tr>, b: Map<int, Tr>, v0: int, n: int) -> bool {
    &&& forall|v: int| #[trigger] b.dom().contains(v) <==> a.dom().contains(v)
    &&& forall|v: int| #[trigger] a.dom().contains(v) ==> if v0 <= v < v0 + n {
        frame_of(b[v]) == frame_of(a[v])
    } else {
        b[v] == a[v]
    }
}

/// The frame of a page.
pub open spec fn frame_of(t: Tr) -> Option<int> {
    match t { Tr::Page(pa, _) => Some(pa), _ => None }
}

/// Changing properties in a run of words.
pub proof fn view_reprop<P: Platform, E: PageTableEntryTrait>(pre: Owner<P, E>, post: Owner<P, E>, l: int, v0: int, n: int)
    requires
        pre.wf(), pre.under(v0), 1 <= l <= pre.top, node_at(pre.nodes, l, v0), pre.same_shape(post), first(l, v0) == v0,
        rewritten::<P, E>(pre.nodes, post.nodes, l, v0, n),
        reprop::<E>(pre.nodes[key(l, v0)]@.words, post.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n),
    ensures
        post.wf(), same_frames(pre.view(), post.view(), v0, base(l, n)),
{
    store_run::<P, E>(pre, post, l, v0, n);
    let s = slot(l, v0);
    slots_pages(l, s, n);
    broadcast use slot_up;
    assert forall|v: int| pages(v0, base(l, n)).contains(v) implies frame_of(#[trigger] post.at(v)) == frame_of(pre.at(v))
        && (post.at(v) == Tr::Absent <==> pre.at(v) == Tr::Absent) && post.under(v) && pre.under(v) by {
        let j = slot(l, v) % 512;
        assert(slot(l, v) / 512 == s / 512);
        assert(slot(l + 1, v) == slot(l + 1, v0));
        assert(!is_table::<E>(l, post.nodes[key(l, v0)]@.words[j]));
    }
    let (a, b) = (pre.view(), post.view());
    assert forall|v: int| #[trigger] b.dom().contains(v) <==> a.dom().contains(v) by {
        let t = post.at(v);
        assert(pages(v0, base(l, n)).contains(v) <==> v0 <= v < v0 + base(l, n));
    }
    assert forall|v: int| #[trigger] a.dom().contains(v) implies if v0 <= v < v0 + base(l, n) { frame_of(b[v]) == frame_of(a[v]) } else { b[v] == a[v] } by {
        let t = post.at(v);
        assert(pages(v0, base(l, n)).contains(v) <==> v0 <= v < v0 + base(l, n));
    }
}

pub proof fn frames_join(a: Map<int, Tr>, b: Map<int, Tr>, c: Map<int, Tr>, v0: int, v1: int, v2: int)
    requires same_frames(a, b, v0, v1 - v0), same_frames(b, c, v1, v2 - v1), v0 <= v1 <= v2,
    ensures same_frames(a, c, v0, v2 - v0),
{
    assert forall|v: int| #[trigger] c.dom().contains(v) <==> a.dom().contains(v) by { assert(b.dom().contains(v) <==> a.dom().contains(v)); }
    assert forall|v: int| #[trigger] a.dom().contains(v) implies if v0 <= v < v0 + (v2 - v0) { frame_of(c[v]) == frame_of(a[v]) } else { c[v] == a[v] } by {
        assert(b.dom().contains(v));
    }
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
pub proof fn reprop_step<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, c: Seq<u64>, l: int, start: int, k: int)
    requires
        reprop::<E>(a, b, l, start, k), 0 <= start, 0 <= k, start + k < 512, b.len() == 512,
        !is_table::<E>(l, b[start + k]), !is_table::<E>(l, c[start + k]), present::<E>(c[start + k]) == present::<E>(b[start + k]),
        present::<E>(b[start + k]) ==> pte_pa::<E>(l, c[start + k]) == pte_pa::<E>(l, b[start + k]),
        c == b || c == b.update(start + k, c[start + k]),
    ensures reprop::<E>(a, c, l, start, k + 1),
{
    assert(b[start + k] == a[start + k]);
    assert forall|j: int| 0 <= j < 512 implies if start <= j < start + k + 1 {
        &&& !is_table::<E>(l, #[trigger] c[j]) && !is_table::<E>(l, a[j])
        &&& present::<E>(c[j]) == present::<E>(a[j])
        &&& present::<E>(a[j]) ==> pte_pa::<E>(l, c[j]) == pte_pa::<E>(l, a[j])
    } else {
        c[j] == a[j]
    } by {
        if j != start + k { assert(c[j] == b[j]); }
    }
}

/// The node at `(l, v0)` was taken out and put back with other words.
pub open spec fn put_back<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int) -> bool {
    let (s, t) = (a.nodes[key(l, v0)]@, b.nodes[key(l, v0)]@);
    &&& b.nodes == a.nodes.insert(key(l, v0), b.nodes[key(l, v0)])
    &&& t.paddr == s.paddr
    &&& node_wf(b.nodes[key(l, v0)], key(l, v0), Site { root: s.root, table: s.table })
}

pub proof fn cleared_rewritten<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, n: int)
    requires
        put_back(a, b, l, v0), 0 <= n, slot(l, v0) % 512 + n <= 512,
        cleared::<E>(a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n),
    ensures
        rewritten::<P, E>(a.nodes, b.nodes, l, v0, n),
        forall|j: int| slot(l, v0) % 512 <= j < slot(l, v0) % 512 + n ==> !present::<E>(#[trigger] b.nodes[key(l, v0)]@.words[j]),
{
    let (w0, w1, i) = (a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, slot(l, v0) % 512);
    assert forall|j: int| 0 <= j < 512 implies if i <= j < i + n { !is_table::<E>(l, #[trigger] w1[j]) && !is_table::<E>(l, w0[j]) } else { w1[j] == w0[j] } by {
        assert(present::<E>(w1[j]) || !present::<E>(w1[j]));
    }
}

pub proof fn reprop_rewritten<P: Platform, E: PageTableEntryTrait>(a: Owner<P, E>, b: Owner<P, E>, l: int, v0: int, n: int)
    requires
        put_back(a, b, l, v0), 0 <= n, slot(l, v0) % 512 + n <= 512,
        reprop::<E>(a.nodes[key(l, v0)]@.words, b.nodes[key(l, v0)]@.words, l, slot(l, v0) % 512, n),
    ensures rewritten::<P, E>(a.nodes, b.nodes, l, v0, n),
{
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
        assert(present::<E>(w1[j]) || !present::<E>(w1[j]));
    }
}

} // verus!
