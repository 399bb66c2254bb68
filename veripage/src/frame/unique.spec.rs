//! Specifications of `unique.rs`.
use super::*;
verus! {

impl<P: Platform, K: FrameKind> UniqueCore<P, K> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        &&& slot_ok::<P>(self.pa as int)
        &&& self.excl@.wf(slot_at::<P>(self.pa as int).id())
        &&& K::admits(self.excl@.res.meta.ty())
    }
    pub open(super) spec fn paddr(self) -> usize { self.pa }
    pub open(super) spec fn excl(self) -> Excl<P> { self.excl@ }
}

impl<P: Platform, K: FrameKind> UniqueFrame<P, K> {
    pub open(super) spec fn paddr(self) -> usize { self.h@.paddr() }
    /// The permission of the metadata cell.
    pub open(super) spec fn meta_perm(self) -> MetaPerm { self.h@.excl().res.meta }
}

impl<P: Platform, M: FrameMeta> UniqueFrame<P, M> {
    pub open spec fn meta_spec(self) -> M { self.meta_perm().value::<M>() }
}

} // verus!
