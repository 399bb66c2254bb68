//! Ghost model of a page-table subtree.
//!
//! Nodes are keyed by *position* `(level, prefix)`, never by physical address, and every
//! structural invariant is stated for one (level, page) pair.  Positions are page numbers ("vpn")
//! shifted right by 9 bits per level.
pub use super::identity::is_table;
use super::identity::{fmt, present_count, TableInfo};
pub use super::model_words::*;
use super::node::{state_ok, NodePerm, NodeState};
use crate::paging::geometry::*;
use crate::paging::{PageProperty, PageTableEntryTrait};
use crate::Platform;
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

/// A table: its root's frame, and what its nodes agree on; and the pages `from..to` that nodes of it are owned for.
pub ghost struct Site {
    pub root: int,
    pub table: TableInfo,
    pub from: int,
    pub to: int,
}

/// Where one node is, which is not owned for any page in particular.
pub open spec fn site_of(s: NodeState) -> Site {
    Site { root: s.root, table: s.table, from: 0, to: 0 }
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

/// Node `k` is on the way to a page in `[lo, hi)`.
pub open spec fn meets(k: (int, int), lo: int, hi: int) -> bool {
    first_page(k) < hi && lo < first_page(k) + span(k.0 + 1)
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
            &&& k.0 == self.top || meets(k, self.site.from, self.site.to)
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
    &&& node_wf(post[key(l, v)], key(l, v), site_of(s))
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
        old(o).under(v0), old(o).own_at(v0), old(o).site.from <= v0 < old(o).site.to, node_at(old(o).nodes, l, v0), !node_at(old(o).nodes, l - 1, v0),
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
    assert forall|k: (int, int)| #[trigger] b.dom().contains(k) implies node_wf(b[k], k, o.site) && 1 <= k.0 <= pre.top && o.under(first_page(k))
        && (k.0 == pre.top || meets(k, o.site.from, o.site.to)) by {
        if cn.dom().contains(k) {
            if k.0 == c.top {
                slot_iff(l, first_page(k), k.1);
                slot_iff(l, v0, k.1);
            }
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
        final(o).nodes.dom().subset_of(old(o).nodes.dom()), c.nodes.dom().subset_of(old(o).nodes.dom()),
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

} // verus!
