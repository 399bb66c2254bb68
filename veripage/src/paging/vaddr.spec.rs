//! Meaning of address ranges.
use super::*;

verus! {

/// First address past what a whole table of the scheme translates, were there no sign extension.
pub open spec fn space<C: PagingConstsTrait>() -> int {
    bytes(C::NR_LEVELS + 1)
}

/// The translated bits of `va`, as a signed number of `ADDRESS_WIDTH` bits brought to 64 bits.
pub open spec fn spec_sign_extend<C: PagingConstsTrait>(va: usize) -> usize {
    let low = va as int % space::<C>();
    if C::VA_SIGN_EXT && low >= space::<C>() / 2 { (low + 0x1_0000_0000_0000_0000 - space::<C>()) as usize } else { low as usize }
}

/// Root entries `lo..hi` are a range of addresses.
pub open spec fn top_ok<C: PagingConstsTrait>(lo: int, hi: int) -> bool {
    0 <= lo < hi <= 512 && !(C::VA_SIGN_EXT && lo < 256 && hi > 256)
}

/// `first` and `last` are the first and last address below the root entries `lo..hi`.
pub open spec fn bounds_of<C: PagingConstsTrait>(lo: int, hi: int, first: int, last: int) -> bool {
    let up = if C::VA_SIGN_EXT && lo >= 256 { 0x1_0000_0000_0000_0000 - space::<C>() } else { 0 };
    first == lo * bytes(C::NR_LEVELS as int) + up && last == hi * bytes(C::NR_LEVELS as int) - 1 + up
}

/// End of a half-open range, where 0 stands for 2^64.
pub open spec fn range_end(end: usize) -> int {
    if end == 0 { 0x1_0000_0000_0000_0000 } else { end as int }
}

/// `[start, end)` is not empty and lies below the root entries `lo..hi`.
pub open spec fn valid_range<C: PagingConstsTrait>(lo: int, hi: int, start: int, end: int) -> bool {
    top_ok::<C>(lo, hi) && start < end && exists|first: int, last: int|
        #[trigger] bounds_of::<C>(lo, hi, first, last) && first <= start && end <= last + 1
}

pub proof fn lemma_sign_extend<C: PagingConstsTrait>(va: usize)
{
}

pub proof fn lemma_bounds<C: PagingConstsTrait>(lo: usize, hi: usize)
    requires top_ok::<C>(lo as int, hi as int),
{
}

} // verus!
