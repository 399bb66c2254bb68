//! What a chain of frames is.
use super::*;
pub use crate::frame::seat::{Listed, Members};
pub use crate::frame::slot::{names, slot_at, slot_ok, Excl, FrameRes};

verus! {

/// The frames of a chain, from front to back, where its cursor stands, and what the chain has of each.
#[verifier::reject_recursive_types(P)]
pub tracked struct ChainGhost<P: Platform> {
    /// Addresses.
    pub ghost order: Seq<int>,
    /// Where the cursor stands; past the back at `order.len()`.
    pub ghost pos: int,
    pub frames: Map<int, Listed<P>>,
    pub auth: Option<Members>,
}

/// The metadata cell of the frame at `pa` holds a link.
pub open spec fn cell_ok<P: Platform, M>(f: Listed<P>, pa: int) -> bool {
    &&& slot_ok::<P>(pa)
    &&& f.meta.cell() == slot_at::<P>(pa).id().meta
    &&& f.meta.has_a::<Link<M>>()
}

/// The frame at `pa` is in the list `name`.
pub open spec fn frame_ok<P: Platform, M>(f: Listed<P>, pa: int, name: int) -> bool {
    let slot = slot_at::<P>(pa);
    &&& cell_ok::<P, M>(f, pa)
    &&& pa / 4096 < NONE
    &&& f.tok.instance_id() == slot.id().inst
    &&& f.empty.id() == slot.id().frac
    &&& f.seated(slot.seat_spec().id(), name)
}

pub open spec fn link_of<P: Platform, M>(f: Listed<P>) -> Link<M> {
    f.meta.value::<Link<M>>()
}

/// `b` is `a` with other neighbours.
pub open(in super::super) spec fn kept<P: Platform, M>(a: Listed<P>, b: Listed<P>, prev: int, next: int) -> bool {
    &&& b.tok == a.tok && b.empty == a.empty && b.list == a.list
    &&& b.meta.cell() == a.meta.cell() && b.meta.has_a::<Link<M>>()
    &&& link_of::<P, M>(b).meta == link_of::<P, M>(a).meta
    &&& link_of::<P, M>(b).prev == prev && link_of::<P, M>(b).next == next
}

/// `b` is `a` with other metadata besides the links.
pub open(in super::super) spec fn same_links<P: Platform, M>(a: Listed<P>, b: Listed<P>) -> bool {
    &&& b.tok == a.tok && b.empty == a.empty && b.list == a.list
    &&& b.meta.cell() == a.meta.cell() && b.meta.has_a::<Link<M>>()
    &&& link_of::<P, M>(b).prev == link_of::<P, M>(a).prev
    &&& link_of::<P, M>(b).next == link_of::<P, M>(a).next
}

impl<P: Platform> ChainGhost<P> {
    /// The number of the frame at position `k`, or the end mark.
    pub open spec fn num(self, k: int) -> int {
        if 0 <= k < self.order.len() { self.order[k] / 4096 } else { NONE as int }
    }

    pub open spec fn at(self, k: int) -> Listed<P> {
        self.frames[self.order[k]]
    }

    /// The frame at position `k` is the list's, and linked with its neighbours.
    pub open(in super::super) spec fn node_ok<M>(self, k: int, name: int) -> bool {
        &&& self.frames.dom().contains(self.order[k])
        &&& frame_ok::<P, M>(self.at(k), self.order[k], name)
        &&& link_of::<P, M>(self.at(k)).prev == self.num(k - 1)
        &&& link_of::<P, M>(self.at(k)).next == self.num(k + 1)
    }

    pub open(in super::super) spec fn linked<M>(self, name: int) -> bool {
        &&& forall|k: int| 0 <= k < self.order.len() ==> #[trigger] self.node_ok::<M>(k, name)
        &&& forall|i: int, j: int| 0 <= i < j < self.order.len() ==> self.order[i] != self.order[j]
        &&& forall|x: int| #[trigger] self.frames.dom().contains(x) ==> self.order.contains(x)
        &&& 0 <= self.pos <= self.order.len()
    }

    /// The frames and their metadata, from front to back.
    pub open(in super::super) spec fn items<M>(self) -> Seq<(Paddr, M)> {
        Seq::new(self.order.len(), |k: int| (self.order[k] as usize, link_of::<P, M>(self.at(k)).meta))
    }

    /// What the chain with the name `name` must have to take frames in.
    pub open spec fn named(self, name: int) -> bool {
        &&& 0 < name < TAKEN
        &&& has_slot::<P>(4096 * (name - 1))
        &&& self.auth matches Some(a) && a.id() == (names::<P>())(name) && a@.dom() =~= self.frames.dom()
    }

    /// Nothing.
    pub proof fn none() -> (tracked r: Self)
        ensures
            r.order.len() == 0, r.pos == 0, r.frames =~= Map::empty(), r.auth is None,
    {
        ChainGhost { order: Seq::empty(), pos: 0, frames: Map::tracked_empty(), auth: None }
    }
}

/// The place before `pos` among `len` frames and the end.
pub open spec fn before(pos: int, len: int) -> int {
    if pos > 0 { pos - 1 } else { len }
}

impl<P: Platform, M: FrameMeta> Chain<P, M> {
    /// All but the name.
    pub open(in super::super) spec fn linked(self) -> bool {
        &&& self.g@.linked::<M>(self.name as int)
        &&& self.size == self.g@.order.len()
        &&& self.front == self.g@.num(0)
        &&& self.back == self.g@.num(self.size - 1)
        &&& self.at == self.g@.num(self.g@.pos)
    }

    pub open(in super::super) spec fn wf(self) -> bool {
        &&& self.linked()
        &&& self.size == 0 ==> self.name == 0 && self.g@.auth is None
        &&& self.size > 0 ==> self.g@.named(self.name as int)
    }

    pub open(in super::super) spec fn order(self) -> Seq<int> { self.g@.order }

    pub open(in super::super) spec fn view(self) -> Seq<(Paddr, M)> { self.g@.items::<M>() }

    pub open(in super::super) spec fn pos(self) -> int { self.g@.pos }

    /// The number of the frame at position `k`, or the end mark.
    pub open(in super::super) spec fn num(self, k: int) -> int { self.g@.num(k) }
}

} // verus!
