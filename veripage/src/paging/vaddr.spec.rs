//! Meaning of address ranges.
use super::*;
use crate::paging::X86_64;
use vstd::arithmetic::div_mod::lemma_small_mod;

verus! {

/// First address past what a whole table of the scheme translates, were there no sign extension.
pub open spec fn space<C: PagingConstsTrait>() -> int {
    bytes(C::NR_LEVELS + 1)
}

/// The translated bits of `va`, as a signed number of `ADDRESS_WIDTH` bits brought to 64 bits.
#[verifier::opaque]
pub open spec fn spec_sign_extend<C: PagingConstsTrait>(va: usize) -> usize {
    let low = va as int % space::<C>();
    if C::VA_SIGN_EXT && low >= space::<C>() / 2 { (low + 0x1_0000_0000_0000_0000 - space::<C>()) as usize } else { low as usize }
}

/// Root entries `lo..hi` are a range of addresses.
pub open spec fn top_ok<C: PagingConstsTrait>(lo: int, hi: int) -> bool {
    0 <= lo < hi <= 512 && !(C::VA_SIGN_EXT && lo < 256 && hi > 256)
}

/// What sign extension adds to the addresses below the root entries from `lo` up.
pub open spec fn half_offset<C: PagingConstsTrait>(lo: int) -> int {
    if C::VA_SIGN_EXT && lo >= 256 { 0x1_0000_0000_0000_0000 - space::<C>() } else { 0 }
}

/// First address below the root entry `lo`.
pub open spec fn first_addr<C: PagingConstsTrait>(lo: int) -> int {
    lo * bytes(C::NR_LEVELS as int) + half_offset::<C>(lo)
}

/// First address (or 2^64) past the root entries `lo..hi`.
pub open spec fn end_addr<C: PagingConstsTrait>(lo: int, hi: int) -> int {
    hi * bytes(C::NR_LEVELS as int) + half_offset::<C>(lo)
}

/// End of a half-open range, where 0 stands for 2^64.
pub open spec fn range_end(end: usize) -> int {
    if end == 0 { 0x1_0000_0000_0000_0000 } else { end as int }
}

/// `[start, end)` is not empty and lies below the root entries `lo..hi`.
pub open spec fn valid_range<C: PagingConstsTrait>(lo: int, hi: int, start: int, end: int) -> bool {
    top_ok::<C>(lo, hi) && first_addr::<C>(lo) <= start < end <= end_addr::<C>(lo, hi)
}

/// Sign extension by masks.
pub proof fn lemma_sign(l: int, va: usize, size: usize, inside: usize, sign: usize)
    requires 4 <= l <= 6, size == bytes(l), inside == size - 1, sign == size / 2,
    ensures
        va & inside == va as int % bytes(l),
        va & sign != 0 <==> va as int % bytes(l) >= bytes(l) / 2,
        va & sign != 0 ==> va | !inside == va as int % bytes(l) + 0x1_0000_0000_0000_0000 - bytes(l),
{
    assert(va & 0x7f_ffff_ffff == va % 0x80_0000_0000 && (va & 0x40_0000_0000 != 0 <==> va % 0x80_0000_0000 >= 0x40_0000_0000)
        && va | !0x7f_ffff_ffff == va % 0x80_0000_0000 + !0x7f_ffff_ffffusize) by (bit_vector);
    assert(va & 0xffff_ffff_ffff == va % 0x1_0000_0000_0000
        && (va & 0x8000_0000_0000 != 0 <==> va % 0x1_0000_0000_0000 >= 0x8000_0000_0000)
        && va | !0xffff_ffff_ffff == va % 0x1_0000_0000_0000 + !0xffff_ffff_ffffusize) by (bit_vector);
    assert(va & 0x1ff_ffff_ffff_ffff == va % 0x200_0000_0000_0000
        && (va & 0x100_0000_0000_0000 != 0 <==> va % 0x200_0000_0000_0000 >= 0x100_0000_0000_0000)
        && va | !0x1ff_ffff_ffff_ffff == va % 0x200_0000_0000_0000 + !0x1ff_ffff_ffff_ffffusize) by (bit_vector);
    assert(!0x7f_ffff_ffffusize == 0xffff_ff80_0000_0000 && !0xffff_ffff_ffffusize == 0xffff_0000_0000_0000
        && !0x1ff_ffff_ffff_ffffusize == 0xfe00_0000_0000_0000) by (bit_vector);
}

/// Addresses that are translated whole are extended by the half that they are in.
pub proof fn lemma_extend<C: PagingConstsTrait>(va: usize)
    requires va < space::<C>() <= 0x200_0000_0000_0000,
    ensures
        spec_sign_extend::<C>(va) == va + if C::VA_SIGN_EXT && va >= space::<C>() / 2 { 0x1_0000_0000_0000_0000 - space::<C>() } else { 0 },
{
    reveal(spec_sign_extend);
    lemma_small_mod(va as nat, space::<C>() as nat);
}

/// The addresses below root entries, before and after sign extension.
pub proof fn lemma_bounds<C: PagingConstsTrait>(lo: int, hi: int)
    requires top_ok::<C>(lo, hi),
    ensures
        0 <= lo * bytes(C::NR_LEVELS as int) < space::<C>(),
        0 <= (hi - 1) * bytes(C::NR_LEVELS as int),
        (hi - 1) * bytes(C::NR_LEVELS as int) + (bytes(C::NR_LEVELS as int) - 1) == hi * bytes(C::NR_LEVELS as int) - 1,
        hi * bytes(C::NR_LEVELS as int) <= space::<C>() <= 0x200_0000_0000_0000,
        lo >= 256 <==> lo * bytes(C::NR_LEVELS as int) >= space::<C>() / 2,
        hi > 256 <==> hi * bytes(C::NR_LEVELS as int) - 1 >= space::<C>() / 2,
{
    C::lemma_consts();
    let n = C::NR_LEVELS;
    assert(n == 3 || n == 4 || n == 5);
}

/// The halves of a 4-level table, at both ends of the address space.
pub proof fn lemma_halves()
    ensures
        first_addr::<X86_64>(0) == 0,
        end_addr::<X86_64>(0, 256) == 0x0000_8000_0000_0000,
        first_addr::<X86_64>(256) == 0xffff_8000_0000_0000,
        end_addr::<X86_64>(256, 512) == 0x1_0000_0000_0000_0000,
{
    X86_64::lemma_values();
    assert(bytes(X86_64::NR_LEVELS as int) == 0x80_0000_0000 && space::<X86_64>() == 0x1_0000_0000_0000);
    assert(half_offset::<X86_64>(256) == 0xffff_0000_0000_0000);
}

} // verus!
