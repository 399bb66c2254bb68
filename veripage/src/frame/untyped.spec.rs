//! Permissions for the bytes of segments.
use super::*;
verus! {

/// The bytes of a run of frames, one frame after the other.
pub proof fn bytes_of_run<'a, P: Platform, K: FrameKind>(tracked shares: &'a Map<int, Share<P>>, start: int, end: int)
    -> (tracked r: Bytes<'a>)
    requires covers::<P, K>(*shares, start, end),
    ensures r.lo() == P::LINEAR_BASE + start, r.hi() == P::LINEAR_BASE + end, r.writable(),
{
    bytes_of_part::<P, K>(shares, start, end, start)
}

/// The same, of the frames before `to`.
proof fn bytes_of_part<'a, P: Platform, K: FrameKind>(tracked shares: &'a Map<int, Share<P>>, start: int, end: int, from: int)
    -> (tracked r: Bytes<'a>)
    requires covers::<P, K>(*shares, start, end), start <= from <= end, from % 4096 == 0,
    ensures r.lo() == P::LINEAR_BASE + from, r.hi() == P::LINEAR_BASE + end, r.writable(),
    decreases end - from,
{
    if from == end {
        Bytes::none(P::LINEAR_BASE + from)
    } else {
        assert(shares.contains_key(from));
        let tracked res = shares.tracked_borrow(from).res(slot_at::<P>(from).id());
        let tracked first = Bytes::of_page(&res.page);
        first.join(bytes_of_part::<P, K>(shares, start, end, from + 4096))
    }
}

} // verus!
