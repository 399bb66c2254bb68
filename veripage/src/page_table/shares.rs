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

/// The frame of which a page with translation `t` holds a share, if it holds one.
pub open spec fn counts(t: Tr) -> Option<int> {
    match t {
        Tr::Page(pa, prop) => if counted(prop) { Some(pa) } else { None },
        _ => None,
    }
}

/// `s` is a page table's share of the frame at `pa`.
pub open spec fn share_of<P: Platform>(s: Share<P>, pa: int) -> bool {
    slot_ok::<P>(pa) && s.wf(slot_at::<P>(pa).id()) && s.kind() is Pte
}

/// Page `v`, which translates to `t`, has the share that it should have in `m`.
pub open spec fn holds<P: Platform>(m: Shares<P>, v: int, t: Tr) -> bool {
    &&& m.dom().contains(v) <==> counts(t) is Some
    &&& counts(t) matches Some(pa) ==> share_of(m[v], pa)
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

} // verus!
