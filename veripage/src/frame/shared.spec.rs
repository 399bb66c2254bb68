//! Specifications of `shared.rs`.
use super::*;
verus! {

impl<P: Platform, K: FrameKind> FrameCore<P, K> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        &&& slot_ok::<P>(self.pa as int)
        &&& self.share@.wf(slot_at::<P>(self.pa as int).id()) && self.share@.kind() is Handle
        &&& K::admits(self.share@.meta().ty())
    }
    pub open(super) spec fn paddr(self) -> usize { self.pa }
    pub open(super) spec fn share(self) -> Share<P> { self.share@ }
}

impl<P: Platform, K: FrameKind> Frame<P, K> {
    pub open(super) spec fn paddr(self) -> usize { self.h@.paddr() }
    pub open(super) spec fn share(self) -> Share<P> { self.h@.share() }
}

impl<P: Platform, M: FrameMeta> Frame<P, M> {
    pub open spec fn meta_spec(self) -> M { self.share().meta().value::<M>() }
}

impl<'a, P: Platform, K: FrameKind> FrameRef<'a, P, K> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        &&& slot_ok::<P>(self.pa as int)
        &&& self.share@.wf(slot_at::<P>(self.pa as int).id())
        &&& K::admits(self.share@.meta().ty())
    }
    pub open(super) spec fn paddr(self) -> usize { self.pa }
}

} // verus!
