//! The invariant of a position, and what it says about where it stands.
use super::super::leaves::*;
use super::super::model::*;
use super::*;

verus! {

impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Current page.
    pub(crate) open spec fn v(&self) -> int {
        self.page as int
    }

    pub(crate) open spec fn at_end(&self) -> bool {
        self.page == self.end
    }

    /// The level-`l` node of the current path.
    pub(crate) open spec fn holds(&self, o: Owner<P, E>, l: int) -> bool {
        node_at(o.nodes, l, self.v()) && self.nodes[l - 1] == node_pa(o.nodes, l, self.v())
    }

    pub(crate) open spec fn inv(&self, o: Owner<P, E>) -> bool {
        &&& o.wf()
        &&& self.top == o.top && self.end <= NR_PAGES
        &&& o.site.from == self.start && o.site.to == self.end
        &&& self.keep <= o.site.table.top || loose(o.site.table)
        &&& forall|v: int| self.start <= v < self.end ==> #[trigger] o.mine.contains(v)
        &&& self.start <= self.page <= self.end
        &&& 1 <= self.level <= self.top <= 5
        &&& self.nodes[self.top - 1] == o.root_pa()
        &&& self.at_end() ==> self.level == self.top
        &&& !self.at_end() ==> forall|l: int| self.level <= l <= self.top ==> #[trigger] self.holds(o, l)
    }

    /// The same cursor, possibly elsewhere.
    pub(crate) open spec fn same_bounds(&self, o: &Self) -> bool {
        self.top == o.top && self.start == o.start && self.end == o.end && self.keep == o.keep
    }

    /// The word at the current position.
    pub(crate) open spec fn word(&self, o: Owner<P, E>) -> u64 {
        entry(o.nodes, self.level as int, self.v())
    }

    pub(crate) open spec fn cur_slot(&self) -> int {
        slot(self.level as int, self.v())
    }

    /// The current slot starts here and ends at `to` or before.
    pub(crate) open spec fn fits_in(&self, to: int) -> bool {
        first(self.level as int, self.v()) == self.v() && self.v() + span(self.level as int) <= to
    }

    /// `w` is the word at the current position, but for what the MMU set.
    pub(crate) open spec fn reads(&self, o: Owner<P, E>, w: u64) -> bool {
        like::<E>(self.level as int, self.word(o), w)
    }
}

/// What the invariant says about the current position.
pub(crate) proof fn here<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, o: Owner<P, E>)
    requires c.inv(o), !c.at_end(),
    ensures
        o.mine.contains(c.v()), o.under(c.v()), c.holds(o, c.level as int),
        ok_at::<P, E>(o.nodes, c.level as int, c.v()), full_at::<P, E>(o.nodes, c.level as int, c.v()),
        node_wf(o.nodes[key(c.level as int, c.v())], key(c.level as int, c.v()), o.site), o.own_at(c.v()),
        0 <= slot(c.level as int, c.v()) % 512 < 512,
        !is_table::<E>(c.level as int, c.word(o)) ==> o.at(c.v()) == meaning::<E>(c.level as int, c.word(o), c.v()),
{
    assert(o.mine.contains(c.v()));
    assert(c.holds(o, c.level as int));
    if !is_table::<E>(c.level as int, c.word(o)) {
        at_word::<P, E>(o, c.level as int, c.v(), c.v());
    }
}

pub(crate) open spec fn same_node<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, m: int, v: int) -> bool {
    node_at(b, m, v) && node_pa(b, m, v) == node_pa(a, m, v)
}

/// Writing at the current word of an otherwise unchanged path keeps the path.
pub(crate) proof fn path_kept<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, a: Owner<P, E>, b: Owner<P, E>)
    requires
        c.inv(a), b.wf(), a.same_shape(b), !c.at_end(),
        forall|m: int| c.level <= m <= c.top ==> #[trigger] same_node(a.nodes, b.nodes, m, c.v()),
    ensures c.inv(b),
{
    here::<P, E>(c, a);
    top_node::<P, E>(a, c.v());
    assert forall|m: int| c.level <= m <= c.top implies #[trigger] c.holds(b, m) by {
        assert(c.holds(a, m));
        assert(same_node(a.nodes, b.nodes, m, c.v()));
    }
    assert(c.holds(a, c.top as int) && c.holds(b, c.top as int));
}

/// The leaf under the cursor, in the view.
pub(crate) proof fn leaf_here<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, o: Owner<P, E>)
    requires c.inv(o), !c.at_end(), is_leaf::<E>(c.level as int, c.word(o)),
    ensures
        run_in(o.view(), first(c.level as int, c.v()), span(c.level as int), pte_pa::<E>(c.level as int, c.word(o)), page_prop::<E>(c.level as int, c.word(o))),
{
    let (l, w) = (c.level as int, c.word(o));
    here::<P, E>(c, o);
    slot_pages(l, c.v());
    assert forall|x: int| first(l, c.v()) <= x < first(l, c.v()) + span(l) implies #[trigger] o.view().dom().contains(x)
        && o.view()[x] == Tr::Page(pte_pa::<E>(l, w) + (x - first(l, c.v())) * 4096, page_prop::<E>(l, w)) by {
        assert(pages(first(l, c.v()), span(l)).contains(x));
        at_word::<P, E>(o, l, c.v(), x);
    }
}

/// The entry at the current position is the table's own.
pub(crate) proof fn own_here<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, o: Owner<P, E>)
    requires c.inv(o), !c.at_end(),
    ensures
        o.nodes[key(c.level as int, c.v())]@.own(slot(c.level as int, c.v()) % 512),
        c.level <= o.site.table.top,
{
    here::<P, E>(c, o);
}

/// The owner `b` is `a` with word `w` at the current position.
pub(crate) open spec fn put_here<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, a: Owner<P, E>, b: Owner<P, E>, w: u64) -> bool {
    &&& a.same_shape(b)
    &&& stored::<P, E>(a.nodes, b.nodes, c.level as int, c.v(), w)
}

/// Two ways to say where a part begins.
pub(crate) proof fn lemma_off_base(l: int, j: int)
    requires 1 <= l <= 5,
    ensures super::identity::off(l, j) == base(l, j),
{
    reveal(base);
}

/// What a store of a non-table word does.
pub(crate) proof fn lemma_stored<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, a: Owner<P, E>, b: Owner<P, E>, w: u64)
    requires
        c.inv(a), !c.at_end(), put_here(c, a, b, w),
        !is_table::<E>(c.level as int, c.word(a)), !is_table::<E>(c.level as int, w),
    ensures
        c.inv(b), c.word(b) == w,
        !present::<E>(w) ==> b.view() == a.view().remove_keys(pages(first(c.level as int, c.v()), span(c.level as int))),
        is_leaf::<E>(c.level as int, w) ==> b.view() == a.view().union_prefer_right(
            run(first(c.level as int, c.v()), span(c.level as int), pte_pa::<E>(c.level as int, w), page_prop::<E>(c.level as int, w))),
{
    let (l, v) = (c.level as int, c.v());
    here::<P, E>(c, a);
    store_word::<P, E>(a, b, l, v, w);
    stored_frame::<P, E>(a.nodes, b.nodes, l, v, w);
    view_stored::<P, E>(a, b, l, v, w);
    assert forall|m: int| c.level <= m <= c.top implies #[trigger] same_node(a.nodes, b.nodes, m, v) by {
        assert(c.holds(a, m));
    }
    path_kept::<P, E>(c, a, b);
}

/// Hanging a node that says what the old word `w0` said below the current position changes nothing.
pub(crate) proof fn lemma_linked<P: Platform, E: PageTableEntryTrait>(
    c: &Path<P, E>, a: Owner<P, E>, tracked b: &mut Owner<P, E>, tracked perm: NodePerm<P, E>, w: u64,
)
    requires
        c.inv(a), !c.at_end(), c.level > 1, put_here(c, a, *old(b), w),
        !is_table::<E>(c.level as int, c.word(a)), is_table::<E>(c.level as int, w), pte_pa::<E>(c.level as int, w) == perm@.paddr,
        node_wf(perm, (c.level - 1, c.cur_slot()), a.site),
        forall|j: int| 0 <= j < 512 ==> !is_table::<E>(c.level - 1, #[trigger] perm@.words[j]),
        forall|v: int| #![trigger slot(c.level as int, v)] slot(c.level as int, v) == c.cur_slot() ==>
            meaning::<E>(c.level - 1, perm@.words[slot(c.level - 1, v) % 512], v) == meaning::<E>(c.level as int, c.word(a), v),
    ensures
        c.inv(*final(b)), a.same_shape(*final(b)), final(b).view() == a.view(), c.word(*final(b)) == w,
        final(b).nodes[key(c.level - 1, c.v())] == perm, finer(a.nodes, final(b).nodes),
{
    let (l, v) = (c.level as int, c.v());
    let w0 = c.word(a);
    let words = perm@.words;
    here::<P, E>(c, a);
    own_here::<P, E>(c, a);
    b.mine = a.mine.filter(|x: int| slot(l, x) != slot(l, v));
    stored_frame::<P, E>(a.nodes, b.nodes, l, v, w);
    store_word::<P, E>(a, *b, l, v, w);
    let mid = *b;
    let tracked sub = single::<P, E>(perm, l - 1, slot(l, v), a.site);
    assert forall|x: int| sub.under(x) implies #[trigger] sub.at(x) == meaning::<E>(l, w0, x) by {
        assert(slot(l, x) == slot(l, v));
    }
    let sub0 = sub;
    attach::<P, E>(b, sub, l, v);
    let joined = *b;
    assert forall|x: int| #[trigger] sub0.mine.contains(x) <==> slot(l, x) == slot(l, v) by {
        let j = slot(l - 1, x) % 512;
        assert(0 <= j < 512 && !is_table::<E>(l - 1, words[j]));
    }
    b.mine = a.mine;
    assert forall|x: int| #[trigger] a.mine.contains(x) implies joined.mine.contains(x) by {
        if slot(l, x) == slot(l, v) { assert(sub0.mine.contains(x)); }
    }
    assert forall|x: int| #[trigger] b.at(x) == joined.at(x) by {}
    assert forall|m: int, x: int| 1 <= m <= b.top && b.mine.contains(x) implies #[trigger] full_at::<P, E>(b.nodes, m, x) by {
        assert(joined.mine.contains(x));
        assert(full_at::<P, E>(joined.nodes, m, x));
    }
    assert(b.wf());
    assert forall|x: int| a.under(x) && slot(l, x) != slot(l, v) implies #[trigger] b.at(x) == a.at(x) by { assert(mid.at(x) == joined.at(x)); }
    same_view::<P, E>(a, *b, sub0, l, v);
    assert forall|m: int| c.level <= m <= c.top implies #[trigger] same_node(a.nodes, b.nodes, m, v) by {
        assert(c.holds(a, m));
        assert(node_at(mid.nodes, m, v));
        assert(node_at(b.nodes, m, v));
    }
    assert(node_at(mid.nodes, l, v) && node_at(b.nodes, l, v));
    path_kept::<P, E>(c, a, *b);
    assert forall|m: int, x: int| 1 <= m <= 5 && #[trigger] leaf_at(b.nodes, m, x) implies leaf_over(a.nodes, m, x) by {
        if key(m, x) == (l - 1, slot(l, v)) {
            assert(meaning::<E>(l - 1, words[slot(l - 1, x) % 512], x) == meaning::<E>(l, w0, x)) by { assert(slot(l, x) == slot(l, v)); }
            slot_eq_up(l, l + 1, x, v);
            assert(leaf_at(a.nodes, l, x));
        } else {
            assert(mid.nodes.dom().contains(key(m, x)) && b.nodes[key(m, x)] == mid.nodes[key(m, x)]);
            assert(entry(mid.nodes, m, x) == entry(b.nodes, m, x));
            assert(leaf_at(a.nodes, m, x));
        }
    }
}

/// Rewriting words of the current node keeps the position.
pub(crate) proof fn lemma_rewritten<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, a: Owner<P, E>, b: Owner<P, E>, n: int)
    requires
        c.inv(a), !c.at_end(), a.same_shape(b), rewritten::<P, E>(a.nodes, b.nodes, c.level as int, c.v(), n),
    ensures
        c.inv(b), a.under(c.v()), node_at(a.nodes, c.level as int, c.v()),
{
    let (l, v) = (c.level as int, c.v());
    here::<P, E>(c, a);
    store_run::<P, E>(a, b, l, v, n);
    assert forall|m: int| c.level <= m <= c.top implies #[trigger] same_node(a.nodes, b.nodes, m, v) by {
        assert(c.holds(a, m));
    }
    path_kept::<P, E>(c, a, b);
}

/// If the leaf at the current position, should there be one, lies in `[from, to)`, then what maps the current page does.
pub(crate) proof fn only_leaf<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, o: Owner<P, E>, from: int, to: int)
    requires
        c.inv(o), !c.at_end(), !is_table::<E>(c.level as int, c.word(o)),
        is_leaf::<E>(c.level as int, c.word(o)) ==> from <= first(c.level as int, c.v()) && first(c.level as int, c.v()) + span(c.level as int) <= to,
    ensures inside(o.nodes, c.v(), from, to),
{
    here::<P, E>(c, o);
    assert forall|l: int| 1 <= l <= 5 && #[trigger] leaf_at(o.nodes, l, c.v()) implies from <= first(l, c.v()) && first(l, c.v()) + span(l) <= to by {
        one_leaf::<P, E>(o, l, c.level as int, c.v());
    }
}

/// A range in one slot, whose word is no table's, is neat if what maps its first page is inside.
pub(crate) proof fn one_slot<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, o: Owner<P, E>, from: int, to: int)
    requires
        c.inv(o), !c.at_end(), !is_table::<E>(c.level as int, c.word(o)), from == c.v(), from < to <= c.end,
        to <= first(c.level as int, c.v()) + span(c.level as int), inside(o.nodes, c.v(), from, to),
    ensures neat(o.nodes, from, to),
{
    let (l, x) = (c.level as int, to - 1);
    here::<P, E>(c, o);
    slot_bounds(l, c.v());
    slot_iff(l, x, c.cur_slot());
    slot_eq_up(l, l + 1, x, c.v());
    assert(o.mine.contains(x));
    assert forall|m: int| 1 <= m <= 5 && #[trigger] leaf_at(o.nodes, m, x) implies from <= first(m, x) && first(m, x) + span(m) <= to by {
        one_leaf::<P, E>(o, m, l, x);
        assert(leaf_at(o.nodes, l, c.v()));
    }
    neat_ends::<P, E>(o.nodes, from, to);
}

} // verus!
