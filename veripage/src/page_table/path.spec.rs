//! The invariant of a position, and what it says about where it stands.
use super::super::model::*;
use super::*;

verus! {

impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Current page.
    pub open(super) spec fn v(&self) -> int {
        self.page as int
    }

    pub open(super) spec fn at_end(&self) -> bool {
        self.page == self.end
    }

    /// The level-`l` node of the current path.
    pub open(super) spec fn holds(&self, o: Owner<P, E>, l: int) -> bool {
        node_at(o.nodes, l, self.v()) && self.nodes[l - 1] == node_pa(o.nodes, l, self.v())
    }

    pub open(super) spec fn inv(&self, o: Owner<P, E>) -> bool {
        &&& o.wf()
        &&& self.top == o.top && self.end <= NR_PAGES
        &&& forall|v: int| self.start <= v < self.end ==> #[trigger] o.mine.contains(v)
        &&& self.start <= self.page <= self.end
        &&& 1 <= self.level <= self.top <= 5
        &&& self.nodes[self.top - 1] == o.root_pa()
        &&& self.at_end() ==> self.level == self.top
        &&& !self.at_end() ==> forall|l: int| self.level <= l <= self.top ==> #[trigger] self.holds(o, l)
    }

    /// The same cursor, possibly elsewhere.
    pub open(super) spec fn same_bounds(&self, o: &Self) -> bool {
        self.top == o.top && self.start == o.start && self.end == o.end && self.keep == o.keep
    }

    /// The word at the current position.
    pub open(super) spec fn word(&self, o: Owner<P, E>) -> u64 {
        entry(o.nodes, self.level as int, self.v())
    }

    pub open(super) spec fn cur_slot(&self) -> int {
        slot(self.level as int, self.v())
    }

    /// `w` is the word at the current position, but for what the MMU set.
    pub open(super) spec fn reads(&self, o: Owner<P, E>, w: u64) -> bool {
        like::<E>(self.level as int, self.word(o), w)
    }
}

/// What the invariant says about the current position.
pub(crate) proof fn here<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, o: Owner<P, E>)
    requires c.inv(o), !c.at_end(),
    ensures
        o.mine.contains(c.v()), o.under(c.v()), c.holds(o, c.level as int),
        ok_at::<P, E>(o.nodes, c.level as int, c.v()), full_at::<P, E>(o.nodes, c.level as int, c.v()),
        node_wf(o.nodes[key(c.level as int, c.v())]@, key(c.level as int, c.v())),
        !is_table::<E>(c.level as int, c.word(o)) ==> o.at(c.v()) == meaning::<E>(c.level as int, c.word(o), c.v()),
{
    assert(o.mine.contains(c.v()));
    assert(c.holds(o, c.level as int));
    if !is_table::<E>(c.level as int, c.word(o)) {
        at_word::<P, E>(o, c.level as int, c.v(), c.v());
    }
}

pub open spec fn same_node<P: Platform, E: PageTableEntryTrait>(a: Nodes<P, E>, b: Nodes<P, E>, m: int, v: int) -> bool {
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

} // verus!
