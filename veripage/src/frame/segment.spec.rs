//! Specifications of `segment.rs`.
use super::*;
verus! {

/// `start..end` is a run of whole frames, possibly empty.
pub open spec fn run_of<P: Platform>(start: int, end: int) -> bool {
    0 <= start <= end <= P::MAX_PADDR && start % 4096 == 0 && end % 4096 == 0
}

/// `pa` is the address of a frame in `start..end`.
pub open spec fn frames_in(pa: int, start: int, end: int) -> bool {
    start <= pa < end && pa % 4096 == 0
}

/// A share of each frame of `start..end`, and of no other.
pub open spec fn covers<P: Platform, K: FrameKind>(shares: Map<int, Share<P>>, start: int, end: int) -> bool {
    &&& run_of::<P>(start, end)
    &&& forall|pa: int| #[trigger] shares.contains_key(pa) <==> frames_in(pa, start, end)
    &&& forall|pa: int| #[trigger] shares.contains_key(pa) ==> share_ok::<P, K>(shares[pa], pa)
}

/// `s` is a share of the frame at `pa`, as a segment holds it.
pub open spec fn share_ok<P: Platform, K: FrameKind>(s: Share<P>, pa: int) -> bool {
    slot_ok::<P>(pa) && s.wf(slot_at::<P>(pa).id()) && s.kind() is Cover && K::admits(s.meta().ty())
}

/// The metadata of all frames of `start..end` are of kind `K`.
pub open spec fn all_admit<P: Platform, K: FrameKind>(shares: Map<int, Share<P>>, start: int, end: int) -> bool {
    forall|pa: int| #[trigger] shares.contains_key(pa) && frames_in(pa, start, end) ==> K::admits(shares[pa].meta().ty())
}

/// The first frame of a run that is not empty is in it.
pub proof fn lemma_covers_first<P: Platform, K: FrameKind>(shares: Map<int, Share<P>>, start: int, end: int)
    requires covers::<P, K>(shares, start, end), start < end,
    ensures shares.contains_key(start), share_ok::<P, K>(shares[start], start), start + 4096 <= end,
        covers::<P, K>(shares.remove(start), start + 4096, end),
{
    assert(frames_in(start, start, end));
    assert(shares.contains_key(start));
}

impl<P: Platform, K: FrameKind> SegCore<P, K> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        covers::<P, K>(self.shares@, self.start as int, self.end as int)
    }
    pub open(super) spec fn start(self) -> usize { self.start }
    pub open(super) spec fn end(self) -> usize { self.end }
    pub open(super) spec fn shares(self) -> Map<int, Share<P>> { self.shares@ }
}

impl<P: Platform, K: FrameKind> Segment<P, K> {
    pub open(super) spec fn start(self) -> usize { self.h@.start() }
    pub open(super) spec fn end(self) -> usize { self.h@.end() }
    pub open(super) spec fn shares(self) -> Map<int, Share<P>> { self.h@.shares() }
}

} // verus!
