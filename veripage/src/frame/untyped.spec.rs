//! Permissions for the bytes of segments.
use super::*;
verus! {

/// The bytes of a run of frames, one frame after the other.
pub proof fn readable_run<'a, P: Platform, K: FrameKind>(tracked shares: &'a Map<int, Share<P>>, start: int, end: int)
    -> (tracked r: ReadBytes<'a>)
    requires covers::<P, K>(*shares, start, end),
    ensures r.lo() == P::LINEAR_BASE + start, r.hi() == P::LINEAR_BASE + end,
{
    readable_part::<P, K>(shares, start, end, start)
}

/// The same, of the frames before `to`.
proof fn readable_part<'a, P: Platform, K: FrameKind>(tracked shares: &'a Map<int, Share<P>>, start: int, end: int, from: int)
    -> (tracked r: ReadBytes<'a>)
    requires covers::<P, K>(*shares, start, end), start <= from <= end, from % 4096 == 0,
    ensures r.lo() == P::LINEAR_BASE + from, r.hi() == P::LINEAR_BASE + end,
    decreases end - from,
{
    if from == end {
        ReadBytes::none(P::LINEAR_BASE + from)
    } else {
        assert(shares.contains_key(from));
        let tracked res = shares.tracked_borrow(from).res(slot_at::<P>(from).id());
        let tracked first = ReadBytes::of_page(&res.page);
        first.join(readable_part::<P, K>(shares, start, end, from + 4096))
    }
}

/// The bytes of a run of frames, one frame after the other.
pub proof fn writable_run<'a, P: Platform, K: FrameKind>(tracked shares: &'a Map<int, Share<P>>, start: int, end: int)
    -> (tracked r: WriteBytes<'a>)
    requires covers::<P, K>(*shares, start, end),
    ensures r.lo() == P::LINEAR_BASE + start, r.hi() == P::LINEAR_BASE + end,
{
    writable_part::<P, K>(shares, start, end, start)
}

/// The same, of the frames before `to`.
proof fn writable_part<'a, P: Platform, K: FrameKind>(tracked shares: &'a Map<int, Share<P>>, start: int, end: int, from: int)
    -> (tracked r: WriteBytes<'a>)
    requires covers::<P, K>(*shares, start, end), start <= from <= end, from % 4096 == 0,
    ensures r.lo() == P::LINEAR_BASE + from, r.hi() == P::LINEAR_BASE + end,
    decreases end - from,
{
    if from == end {
        WriteBytes::none(P::LINEAR_BASE + from)
    } else {
        assert(shares.contains_key(from));
        let tracked res = shares.tracked_borrow(from).res(slot_at::<P>(from).id());
        let tracked first = WriteBytes::of_page(&res.page);
        first.join(writable_part::<P, K>(shares, start, end, from + 4096))
    }
}

} // verus!
