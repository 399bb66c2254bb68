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

/// A share of kind `k` of each frame of `start..end`, and of no other.
pub open spec fn all_of<P: Platform, K: FrameKind>(shares: Map<int, Share<P>>, start: int, end: int, k: Kind) -> bool {
    &&& run_of::<P>(start, end)
    &&& forall|pa: int| #[trigger] shares.contains_key(pa) <==> frames_in(pa, start, end)
    &&& forall|pa: int| #[trigger] shares.contains_key(pa) ==> share_ok::<P, K>(shares[pa], pa, k)
}

/// What a segment holds.
pub open spec fn covers<P: Platform, K: FrameKind>(shares: Map<int, Share<P>>, start: int, end: int) -> bool {
    all_of::<P, K>(shares, start, end, Kind::Cover)
}

/// By what key the share of a frame is found.
pub type Key = spec_fn(int) -> int;

/// `held` has a share of each frame of `start..end`, that of frame `pa` as `key(pa)`.
pub open spec fn lends<P: Platform, K: FrameKind>(held: Map<int, Share<P>>, key: Key, start: int, end: int) -> bool {
    forall|pa: int| #[trigger] frames_in(pa, start, end) ==> {
        &&& held.contains_key(key(pa)) && slot_ok::<P>(pa)
        &&& held[key(pa)].wf(slot_at::<P>(pa).id()) && K::admits(held[key(pa)].meta().ty())
    }
}

/// `s` is a share of kind `k` of the frame at `pa`, whose metadata is a `K`.
pub open spec fn share_ok<P: Platform, K: FrameKind>(s: Share<P>, pa: int, k: Kind) -> bool {
    slot_ok::<P>(pa) && s.wf(slot_at::<P>(pa).id()) && s.kind() == k && K::admits(s.meta().ty())
}

/// Shares of a run, moved to another term of `rc == H + P + C`.
pub proof fn retag_all<P: Platform, K: FrameKind>(tracked shares: Map<int, Share<P>>, start: int, end: int, from: Kind, to: Kind) -> (tracked r: Map<int, Share<P>>)
    requires all_of::<P, K>(shares, start, end, from),
    ensures all_of::<P, K>(r, start, end, to),
    decreases end - start,
{
    if start == end {
        shares
    } else {
        let tracked mut rest = shares;
        lemma_all_first::<P, K>(shares, start, end, from);
        let tracked s = rest.tracked_remove(start);
        let tracked mut r = retag_all::<P, K>(rest, start + 4096, end, from, to);
        r.tracked_insert(start, s.retag(slot_at::<P>(start).id(), to));
        r
    }
}

/// The metadata of all frames of `start..end` are of kind `K`.
pub open spec fn all_admit<P: Platform, K: FrameKind>(shares: Map<int, Share<P>>, start: int, end: int) -> bool {
    forall|pa: int| #[trigger] shares.contains_key(pa) && frames_in(pa, start, end) ==> K::admits(shares[pa].meta().ty())
}

/// The first frame of a run that is not empty is in it.
pub proof fn lemma_all_first<P: Platform, K: FrameKind>(shares: Map<int, Share<P>>, start: int, end: int, k: Kind)
    requires all_of::<P, K>(shares, start, end, k), start < end,
    ensures shares.contains_key(start), share_ok::<P, K>(shares[start], start, k), start + 4096 <= end,
        all_of::<P, K>(shares.remove(start), start + 4096, end, k),
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
