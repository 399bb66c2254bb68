//! Shares of frames, beside the tree: what the counted pages of a table hold.
//!
//! A page whose property lacks the flag of untracked memory holds one share of its frame, of kind `Pte`. Shares are
//! named by page number. While a node is locked they lie beside its permission; when nobody has it, in its lock.
use super::model::*;
use super::node::NodeState;
use crate::frame::slot::{slot_at, slot_ok, Share};
use crate::paging::geometry::*;
use crate::paging::{PageProperty, PageTableEntryTrait};
use crate::Platform;
use vstd::prelude::*;

verus! {

/// By page number.
pub type Shares<P> = Map<int, Share<P>>;

/// A page with this property holds a share of its frame: the flag `AVAIL1` is clear.
pub open spec fn counted(prop: PageProperty) -> bool {
    prop.flags.bits & 32 == 0
}

/// The MMU does not decide it.
pub proof fn counted_sans_ad(prop: PageProperty)
    ensures counted(prop.spec_sans_ad()) == counted(prop),
{
    let f = prop.flags.bits;
    assert(f & 0xe7 & 32 == f & 32) by (bit_vector);
}

/// The frame of which a page with translation `t` holds a share, if it holds one.
pub open spec fn counts(t: Tr) -> Option<int> {
    match t {
        Tr::Page(pa, prop) => if counted(prop) { Some(pa) } else { None },
        _ => None,
    }
}

/// The frame of which page `v` holds a share by word `w` of a level-`l` node, if it holds one.
pub open spec fn word_counts<E: PageTableEntryTrait>(l: int, w: u64, v: int) -> Option<int> {
    counts(meaning::<E>(l, w, v))
}

/// `s` is a page table's share of the frame at `pa`.
pub open spec fn share_of<P: Platform>(s: Share<P>, pa: int) -> bool {
    slot_ok::<P>(pa) && s.wf(slot_at::<P>(pa).id()) && s.kind() is Pte
}

/// Page `v` has a share of frame `f` in `m`; none, if there is no frame.
pub open spec fn gets<P: Platform>(m: Shares<P>, v: int, f: Option<int>) -> bool {
    &&& m.dom().contains(v) <==> f is Some
    &&& f matches Some(pa) ==> share_of(m[v], pa)
}

/// Page `v`, which translates to `t`, has the share that it should have in `m`.
pub open spec fn holds<P: Platform>(m: Shares<P>, v: int, t: Tr) -> bool {
    gets(m, v, counts(t))
}

/// `m` is what the pages below a node hold by that node's own words.
pub open spec fn stocked<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, s: NodeState) -> bool {
    &&& forall|v: int| slot(s.level + 1, v) == s.prefix ==> #[trigger] holds(m, v, said::<E>(s, v))
    &&& forall|v: int| #[trigger] m.dom().contains(v) ==> slot(s.level + 1, v) == s.prefix
}

/// What a node's own word says about page `v`; nothing, if the word is another table's.
pub open spec fn said<E: PageTableEntryTrait>(s: NodeState, v: int) -> Tr {
    let i = slot(s.level, v) % 512;
    if s.own(i) { meaning::<E>(s.level, s.words[i], v) } else { Tr::Absent }
}

/// `m` is what the pages of an owner hold.
pub open spec fn backed<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, o: Owner<P, E>) -> bool {
    &&& forall|v: int| o.under(v) ==> #[trigger] holds(m, v, o.says(v))
    &&& forall|v: int| #[trigger] m.dom().contains(v) ==> o.under(v)
}

impl<P: Platform, E: PageTableEntryTrait> Owner<P, E> {
    /// What page `v` translates to by this table's own words.
    pub open spec fn says(self, v: int) -> Tr {
        if self.own_at(v) { self.at(v) } else { Tr::Absent }
    }
}

/// No word of the node maps anything: it holds nothing.
pub proof fn lemma_stocked_none<P: Platform, E: PageTableEntryTrait>(s: NodeState)
    requires all_absent::<E>(s),
    ensures stocked::<P, E>(Map::empty(), s),
{
    assert forall|v: int| slot(s.level + 1, v) == s.prefix implies #[trigger] holds(Map::<int, Share<P>>::empty(), v, said::<E>(s, v)) by {
        let i = slot(s.level, v) % 512;
        assert(!present::<E>(s.words[i]));
    }
}

/// A word that maps nothing in place of another such changes nothing.
pub proof fn lemma_stocked_same<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, a: NodeState, b: NodeState, i: int)
    requires
        stocked::<P, E>(m, a), a.words.len() == 512, 0 <= i < 512,
        b == (NodeState { words: a.words.update(i, b.words[i]), count: b.count, ..a }),
        a.own(i) ==> !is_leaf::<E>(a.level, a.words[i]) && !is_leaf::<E>(a.level, b.words[i]),
    ensures stocked::<P, E>(m, b),
{
    assert forall|v: int| slot(b.level + 1, v) == b.prefix implies #[trigger] holds(m, v, said::<E>(b, v)) by {
        assert(holds(m, v, said::<E>(a, v)));
    }
}

/// An owner of one node holds what that node's words hold.
pub proof fn lemma_backed_one<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, o: Owner<P, E>)
    requires
        o.wf(),
        forall|v: int| o.under(v) && o.top > 1 ==> !#[trigger] node_at(o.nodes, o.top - 1, v),
    ensures backed::<P, E>(m, o) == stocked::<P, E>(m, o.nodes[(o.top, o.prefix)]@),
{
    let s = o.nodes[(o.top, o.prefix)]@;
    assert forall|v: int| o.under(v) implies o.says(v) == #[trigger] said::<E>(s, v) by {
        top_node::<P, E>(o, v);
        assert(o.top > 1 ==> !node_at(o.nodes, o.top - 1, v));
    }
    if backed::<P, E>(m, o) {
        assert forall|v: int| slot(s.level + 1, v) == s.prefix implies #[trigger] holds(m, v, said::<E>(s, v)) by {
            assert(o.under(v));
            assert(holds(m, v, o.says(v)));
        }
    }
    if stocked::<P, E>(m, s) {
        assert forall|v: int| o.under(v) implies #[trigger] holds(m, v, o.says(v)) by {
            assert(holds(m, v, said::<E>(s, v)));
        }
    }
}

/// The pages of the slot of `v0`.
pub open spec fn around(l: int, v0: int) -> Set<int> {
    Set::new(|v: int| slot(l, v) == slot(l, v0))
}

/// JOIN: with the subtree at `(l, v0)`, the owner `b` of both holds what both hold.
pub proof fn join_shares<P: Platform, E: PageTableEntryTrait>(
    tracked m: &mut Shares<P>,
    tracked mc: Shares<P>,
    a: Owner<P, E>,
    c: Owner<P, E>,
    b: Owner<P, E>,
    l: int,
    v0: int,
)
    requires
        a.wf(), a.under(v0), a.own_at(v0), 2 <= l <= a.top, node_at(a.nodes, l, v0), !node_at(a.nodes, l - 1, v0),
        is_table::<E>(l, entry(a.nodes, l, v0)), c.wf(), c.top == l - 1, c.prefix == slot(l, v0), c.site == a.site,
        b.top == a.top, b.prefix == a.prefix, b.site == a.site,
        forall|v: int| #![trigger b.at(v)] slot(l, v) == slot(l, v0) ==> b.under(v) && b.at(v) == c.at(v),
        forall|v: int| #![trigger b.at(v)] a.under(v) && slot(l, v) != slot(l, v0) ==> b.at(v) == a.at(v),
        backed::<P, E>(*old(m), a), backed::<P, E>(mc, c),
    ensures
        backed::<P, E>(*final(m), b), *final(m) == old(m).union_prefer_right(mc),
{
    let m0 = *m;
    m.tracked_union_prefer_right(mc);
    assert(a.nodes.dom().contains(key(l, v0)));
    assert forall|v: int| b.under(v) implies #[trigger] holds(*m, v, b.says(v)) by {
        assert(a.under(v));
        assert(holds(m0, v, a.says(v)));
        let t = b.at(v);
        if slot(l, v) == slot(l, v0) {
            slot_eq_up(l, a.top, v, v0);
            slot_eq_up(l, l + 1, v, v0);
            assert(c.under(v));
            assert(holds(mc, v, c.says(v)));
            walk_reach::<P, E>(a.nodes, l, a.top, v);
            assert(node_wf(a.nodes[key(l, v0)], key(l, v0), a.site));
        } else if mc.dom().contains(v) {
            assert(c.under(v));
        }
    }
    assert forall|v: int| #[trigger] m.dom().contains(v) implies b.under(v) by {
        if mc.dom().contains(v) {
            assert(c.under(v));
            let t = b.at(v);
        }
    }
}

/// SPLIT: what the subtree `c` at `(l, v0)` of `a` holds goes with it; `b` is what is left.
pub proof fn split_shares<P: Platform, E: PageTableEntryTrait>(
    tracked m: &mut Shares<P>,
    a: Owner<P, E>,
    c: Owner<P, E>,
    b: Owner<P, E>,
    l: int,
    v0: int,
) -> (tracked mc: Shares<P>)
    requires
        a.wf(), a.under(v0), a.own_at(v0), 2 <= l <= a.top, c.top == l - 1, c.prefix == slot(l, v0), c.site == a.site,
        b.top == a.top, b.prefix == a.prefix, b.site == a.site,
        forall|v: int| #![trigger c.at(v)] slot(l, v) == slot(l, v0) ==> a.under(v) && c.at(v) == a.at(v),
        forall|v: int| #![trigger b.at(v)] slot(l, v) == slot(l, v0) ==> b.at(v) is Foreign,
        forall|v: int| #![trigger b.at(v)] a.under(v) && slot(l, v) != slot(l, v0) ==> b.at(v) == a.at(v),
        backed::<P, E>(*old(m), a),
    ensures
        backed::<P, E>(*final(m), b), *final(m) == old(m).remove_keys(around(l, v0)),
        backed::<P, E>(mc, c), mc == old(m).restrict(around(l, v0)),
{
    let m0 = *m;
    assert(node_wf(a.nodes[(a.top, a.prefix)], (a.top, a.prefix), a.site));
    let tracked mc = m.tracked_remove_keys(m0.dom().intersect(around(l, v0)));
    assert(*m =~= m0.remove_keys(around(l, v0)));
    assert(mc =~= m0.restrict(around(l, v0)));
    assert forall|v: int| b.under(v) implies #[trigger] holds(*m, v, b.says(v)) by {
        assert(a.under(v));
        assert(holds(m0, v, a.says(v)));
        let t = b.at(v);
    }
    assert forall|v: int| c.under(v) implies #[trigger] holds(mc, v, c.says(v)) by {
        let t = c.at(v);
        slot_eq_up(l, a.top, v, v0);
        assert(holds(m0, v, a.says(v)));
    }
    mc
}

/// What an owner holds follows from its view.
pub proof fn lemma_backed_view<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, a: Owner<P, E>, b: Owner<P, E>)
    requires backed::<P, E>(m, a), a.same_shape(b), a.view() == b.view(),
    ensures backed::<P, E>(m, b),
{
    lemma_backed_without::<P, E>(m, m, a, b, Set::empty());
}

/// The pages of `gone` are unmapped, and their shares are taken out.
pub proof fn lemma_backed_without<P: Platform, E: PageTableEntryTrait>(
    m: Shares<P>,
    rest: Shares<P>,
    a: Owner<P, E>,
    b: Owner<P, E>,
    gone: Set<int>,
)
    requires
        backed::<P, E>(m, a), a.same_shape(b), b.view() =~= a.view().remove_keys(gone), rest =~= m.remove_keys(gone),
    ensures backed::<P, E>(rest, b),
{
    assert forall|v: int| b.under(v) implies #[trigger] holds(rest, v, b.says(v)) by {
        assert(a.under(v));
        assert(holds(m, v, a.says(v)));
        assert(b.view().dom().contains(v) <==> b.at(v) != Tr::Absent);
        assert(a.view().dom().contains(v) <==> a.at(v) != Tr::Absent);
        assert(b.view().dom().contains(v) ==> b.view()[v] == a.view()[v]);
    }
    assert forall|v: int| #[trigger] rest.dom().contains(v) implies b.under(v) by { assert(m.dom().contains(v)); }
}

/// What the pages of `gone` hold.
pub proof fn cut_shares<P: Platform>(tracked m: &mut Shares<P>, gone: Set<int>) -> (tracked out: Shares<P>)
    ensures *final(m) == old(m).remove_keys(gone), out == old(m).restrict(gone),
{
    let m0 = *m;
    let tracked out = m.tracked_remove_keys(m0.dom().intersect(gone));
    assert(*m =~= m0.remove_keys(gone));
    assert(out =~= m0.restrict(gone));
    out
}

/// TAKE: the pages of `gone` are unmapped, and what they held comes out.
pub proof fn take_shares<P: Platform, E: PageTableEntryTrait>(
    tracked m: &mut Shares<P>,
    a: Owner<P, E>,
    b: Owner<P, E>,
    gone: Set<int>,
) -> (tracked out: Shares<P>)
    requires
        backed::<P, E>(*old(m), a), a.same_shape(b), b.view() =~= a.view().remove_keys(gone),
    ensures
        backed::<P, E>(*final(m), b), *final(m) == old(m).remove_keys(gone), out == old(m).restrict(gone),
{
    let m0 = *m;
    let tracked out = cut_shares(m, gone);
    lemma_backed_without::<P, E>(m0, *m, a, b, gone);
    out
}

} // verus!
