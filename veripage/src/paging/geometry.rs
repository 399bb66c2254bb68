//! Ghost geometry of page tables: pages, slots and the intervals that they cover.
//!
//! A page is numbered by its full 64-bit address divided by 4096 (so below 2^52, at both ends of
//! the address space), a level-`l` slot by that number divided by 512^(l-1). Slot `s` of level `l`
//! is entry `s % 512` of its node. Everything is defined by constant cases on the level, so that no
//! proof meets a symbolic product or divisor.
use vstd::arithmetic::div_mod::{
    lemma_div_denominator, lemma_fundamental_div_mod, lemma_mod_multiples_vanish,
};
use vstd::prelude::*;

verus! {

/// 4-KiB pages covered by one entry of a level-`l` node.
pub open spec fn span(l: int) -> int {
    if l <= 1 { 1 } else if l == 2 { 512 } else if l == 3 { 262144 } else if l == 4 { 134217728 }
    else if l == 5 { 68719476736 } else { 35184372088832 }
}

/// Global number of the level-`l` slot that covers page `v`.
#[verifier::opaque]
pub open spec fn slot(l: int, v: int) -> int {
    if l <= 1 { v } else if l == 2 { v / 512 } else if l == 3 { v / 262144 } else if l == 4 { v / 134217728 }
    else if l == 5 { v / 68719476736 } else { v / 35184372088832 }
}

/// First page of the level-`l` slot number `s`.
#[verifier::opaque]
pub open spec fn base(l: int, s: int) -> int {
    if l <= 1 { s } else if l == 2 { s * 512 } else if l == 3 { s * 262144 } else if l == 4 { s * 134217728 }
    else if l == 5 { s * 68719476736 } else { s * 35184372088832 }
}

/// First page of the level-`l` slot around `v`.
pub open spec fn first(l: int, v: int) -> int {
    base(l, slot(l, v))
}

/// Page offset of `v` inside its level-`l` slot.
pub open spec fn off(l: int, v: int) -> int {
    v - first(l, v)
}

/// Bytes covered by one entry of a level-`l` node.
pub open spec fn bytes(l: int) -> int {
    if l <= 1 { 0x1000 } else if l == 2 { 0x20_0000 } else if l == 3 { 0x4000_0000 } else if l == 4 { 0x80_0000_0000 }
    else if l == 5 { 0x1_0000_0000_0000 } else { 0x200_0000_0000_0000 }
}

/// `a` is a multiple of the bytes that a level-`l` entry covers.
pub open spec fn aligned(l: int, a: int) -> bool {
    if l <= 1 { a % 0x1000 == 0 } else if l == 2 { a % 0x20_0000 == 0 } else if l == 3 { a % 0x4000_0000 == 0 }
    else if l == 4 { a % 0x80_0000_0000 == 0 } else if l == 5 { a % 0x1_0000_0000_0000 == 0 }
    else { a % 0x200_0000_0000_0000 == 0 }
}

/// The address bits inside a level-`l` page.
pub open spec fn spec_offset_mask(l: int) -> u64 {
    if l <= 1 { 0xfff } else if l == 2 { 0x1f_ffff } else if l == 3 { 0x3fff_ffff } else if l == 4 { 0x7f_ffff_ffff }
    else if l == 5 { 0xffff_ffff_ffff } else { 0x1ff_ffff_ffff_ffff }
}

pub proof fn bytes_is_span(l: int)
    ensures bytes(l) == span(l) * 4096,
{
}

pub broadcast proof fn slot_up(l: int, v: int)
    requires 1 <= l <= 5,
    ensures #[trigger] slot(l + 1, v) == slot(l, v) / 512,
{
    reveal(slot);
}

/// Everything the cursor needs to know about intervals.
pub proof fn slot_bounds(l: int, v: int)
    requires 1 <= l <= 6,
    ensures
        first(l, v) <= v < first(l, v) + span(l),
        l == 1 ==> first(l, v) == v,
        0 <= v ==> 0 <= slot(l, v) <= v,
        span(l) >= 1,
{
    reveal(slot);
    reveal(base);
}

/// `v` is in slot `s` iff it is in the slot's interval.
pub proof fn slot_iff(l: int, v: int, s: int)
    requires 1 <= l <= 6,
    ensures slot(l, v) == s <==> base(l, s) <= v < base(l, s) + span(l), slot(l, base(l, s)) == s,
{
    reveal(slot);
    reveal(base);
}

/// Pages of one slot share all slots above.
pub proof fn slot_eq_up(l: int, m: int, v: int, w: int)
    requires 1 <= l <= m <= 6, slot(l, v) == slot(l, w),
    ensures slot(m, v) == slot(m, w),
    decreases m,
{
    broadcast use slot_up;
    if l < m {
        slot_eq_up(l, m - 1, v, w);
        assert(slot(m - 1 + 1, v) == slot(m - 1 + 1, w));
    }
}

pub proof fn slot_mono(l: int, v: int, w: int)
    requires 1 <= l <= 6, v <= w,
    ensures slot(l, v) <= slot(l, w),
{
    reveal(slot);
}

/// Clearing the bits inside a page rounds down to it.
pub proof fn lemma_round_down(l: int, a: u64)
    ensures
        aligned(l, (a & !spec_offset_mask(l)) as int),
        a & !spec_offset_mask(l) <= a,
        a & !spec_offset_mask(l) == a - a % (bytes(l) as u64),
        aligned(l, a as int) ==> a & !spec_offset_mask(l) == a,
        aligned(l, a as int) <==> a & spec_offset_mask(l) == 0,
{
    if l <= 1 {
        assert(a & !0xfffu64 == a - a % 0x1000 && a & 0xfffu64 == a % 0x1000
            && (a - a % 0x1000) as u64 % 0x1000 == 0) by (bit_vector);
    } else if l == 2 {
        assert(a & !0x1f_ffffu64 == a - a % 0x20_0000 && a & 0x1f_ffffu64 == a % 0x20_0000
            && (a - a % 0x20_0000) as u64 % 0x20_0000 == 0) by (bit_vector);
    } else if l == 3 {
        assert(a & !0x3fff_ffffu64 == a - a % 0x4000_0000 && a & 0x3fff_ffffu64 == a % 0x4000_0000
            && (a - a % 0x4000_0000) as u64 % 0x4000_0000 == 0) by (bit_vector);
    } else if l == 4 {
        assert(a & !0x7f_ffff_ffffu64 == a - a % 0x80_0000_0000 && a & 0x7f_ffff_ffffu64 == a % 0x80_0000_0000
            && (a - a % 0x80_0000_0000) as u64 % 0x80_0000_0000 == 0) by (bit_vector);
    } else if l == 5 {
        assert(a & !0xffff_ffff_ffffu64 == a - a % 0x1_0000_0000_0000 && a & 0xffff_ffff_ffffu64 == a % 0x1_0000_0000_0000
            && (a - a % 0x1_0000_0000_0000) as u64 % 0x1_0000_0000_0000 == 0) by (bit_vector);
    } else {
        assert(a & !0x1ff_ffff_ffff_ffffu64 == a - a % 0x200_0000_0000_0000 && a & 0x1ff_ffff_ffff_ffffu64 == a % 0x200_0000_0000_0000
            && (a - a % 0x200_0000_0000_0000) as u64 % 0x200_0000_0000_0000 == 0) by (bit_vector);
    }
}

/// Masks of pages hold the masks of smaller pages, and no more than address bits.
pub proof fn lemma_mask(l: int)
    ensures
        spec_offset_mask(l) & 0xfff == 0xfff,
        l > 1 ==> spec_offset_mask(l) & 0x1f_ffff == 0x1f_ffff,
        spec_offset_mask(l) & !0x1ff_ffff_ffff_ffff == 0,
{
    assert(0xfffu64 & 0xfff == 0xfff && 0x1f_ffffu64 & 0xfff == 0xfff && 0x3fff_ffffu64 & 0xfff == 0xfff
        && 0x7f_ffff_ffffu64 & 0xfff == 0xfff && 0xffff_ffff_ffffu64 & 0xfff == 0xfff
        && 0x1ff_ffff_ffff_ffffu64 & 0xfff == 0xfff) by (bit_vector);
    assert(0x1f_ffffu64 & 0x1f_ffff == 0x1f_ffff && 0x3fff_ffffu64 & 0x1f_ffff == 0x1f_ffff
        && 0x7f_ffff_ffffu64 & 0x1f_ffff == 0x1f_ffff && 0xffff_ffff_ffffu64 & 0x1f_ffff == 0x1f_ffff
        && 0x1ff_ffff_ffff_ffffu64 & 0x1f_ffff == 0x1f_ffff) by (bit_vector);
    assert(0xfffu64 & !0x1ff_ffff_ffff_ffff == 0 && 0x1f_ffffu64 & !0x1ff_ffff_ffff_ffff == 0
        && 0x3fff_ffffu64 & !0x1ff_ffff_ffff_ffff == 0 && 0x7f_ffff_ffffu64 & !0x1ff_ffff_ffff_ffff == 0
        && 0xffff_ffff_ffffu64 & !0x1ff_ffff_ffff_ffff == 0 && 0x1ff_ffff_ffff_ffffu64 & !0x1ff_ffff_ffff_ffff == 0) by (bit_vector);
}

/// Rounding an address down to a slot.
pub proof fn first_is_round_down(l: int, va: int)
    requires 0 <= va,
    ensures first(l, va / 4096) * 4096 == va - va % bytes(l),
{
    let v = va / 4096;
    if l <= 1 {
        assert(first(l, v) == v) by { reveal(slot); reveal(base); }
    } else if l == 2 {
        assert(first(l, v) == v / 512 * 512) by { reveal(slot); reveal(base); }
        lemma_div_denominator(va, 4096, 512);
        lemma_fundamental_div_mod(va, 0x20_0000);
    } else if l == 3 {
        assert(first(l, v) == v / 262144 * 262144) by { reveal(slot); reveal(base); }
        lemma_div_denominator(va, 4096, 262144);
        lemma_fundamental_div_mod(va, 0x4000_0000);
    } else if l == 4 {
        assert(first(l, v) == v / 134217728 * 134217728) by { reveal(slot); reveal(base); }
        lemma_div_denominator(va, 4096, 134217728);
        lemma_fundamental_div_mod(va, 0x80_0000_0000);
    } else if l == 5 {
        assert(first(l, v) == v / 68719476736 * 68719476736) by { reveal(slot); reveal(base); }
        lemma_div_denominator(va, 4096, 68719476736);
        lemma_fundamental_div_mod(va, 0x1_0000_0000_0000);
    } else {
        assert(first(l, v) == v / 35184372088832 * 35184372088832) by { reveal(slot); reveal(base); }
        lemma_div_denominator(va, 4096, 35184372088832);
        lemma_fundamental_div_mod(va, 0x200_0000_0000_0000);
    }
}

/// Pages are aligned to all smaller sizes.
pub proof fn lemma_aligned_down(l: int, m: int, va: int)
    requires 1 <= l <= m <= 5, aligned(m, va),
    ensures aligned(l, va),
{
}

/// Multiples of `c` are `c` apart.
pub proof fn lemma_between(c: int, va: int, d: int, end: int)
    requires c > 0, va % c == 0, (va + d) % c == 0, end % c == 0, 0 <= d < end,
    ensures d + c <= end,
{
    lemma_fundamental_div_mod(va, c);
    lemma_fundamental_div_mod(va + d, c);
    lemma_fundamental_div_mod(end, c);
    let (p, q, r) = (va / c, (va + d) / c, end / c);
    assert(d == c * (q - p)) by (nonlinear_arith) requires va == c * p, va + d == c * q;
    assert(q - p < r) by (nonlinear_arith) requires c > 0, d == c * (q - p), end == c * r, d < end;
    assert(c * (q - p) + c <= c * r) by (nonlinear_arith) requires c > 0, q - p + 1 <= r;
}

/// The `i`-th part of a page is a page of the next level, and the page ends within physical memory.
pub proof fn lemma_part(end: int, l: int, pa: int, i: int)
    requires 2 <= l <= 5, aligned(5, end), 0 <= pa < end, aligned(l, pa), 0 <= i < 512,
    ensures
        aligned(l - 1, pa + i * bytes(l - 1)),
        pa <= pa + i * bytes(l - 1) < pa + bytes(l) <= end,
{
    lemma_aligned_down(l, 5, end);
    lemma_aligned_down(l - 1, l, pa);
    if l == 2 {
        lemma_part_of(0x1000, end, pa, i);
    } else if l == 3 {
        lemma_part_of(0x20_0000, end, pa, i);
    } else if l == 4 {
        lemma_part_of(0x4000_0000, end, pa, i);
    } else {
        lemma_part_of(0x80_0000_0000, end, pa, i);
    }
}

/// The same for parts of `c` bytes.
proof fn lemma_part_of(c: int, end: int, pa: int, i: int)
    requires c > 0, end % (512 * c) == 0, 0 <= pa < end, pa % (512 * c) == 0, pa % c == 0, 0 <= i < 512,
    ensures (pa + i * c) % c == 0, 0 <= i * c < 512 * c, pa + 512 * c <= end,
{
    lemma_between(512 * c, 0, pa, end);
    lemma_mod_multiples_vanish(i, pa, c);
    assert(i * c == c * i && 0 <= i * c < 512 * c) by (nonlinear_arith) requires 0 <= i < 512, c > 0;
}

/// Bit position of the level-`l` index.
pub open spec fn shift_of(l: int) -> u32 {
    if l <= 1 { 12 } else if l == 2 { 21 } else if l == 3 { 30 } else if l == 4 { 39 } else if l == 5 { 48 } else { 57 }
}

pub proof fn lemma_powers(l: int)
    ensures 1usize << shift_of(l) == bytes(l),
{
    assert(1usize << 12u32 == 0x1000 && 1usize << 21u32 == 0x20_0000 && 1usize << 30u32 == 0x4000_0000
        && 1usize << 39u32 == 0x80_0000_0000 && 1usize << 48u32 == 0x1_0000_0000_0000
        && 1usize << 57u32 == 0x200_0000_0000_0000) by (bit_vector);
}

/// Shifting an address right gives the slot.
pub proof fn lemma_shr(l: int, va: usize)
    ensures va >> shift_of(l) == slot(l, va as int / 4096),
{
    reveal(slot);
    assert(va >> 12u32 == va / 4096 && va >> 21u32 == va / 4096 / 512 && va >> 30u32 == va / 4096 / 262144
        && va >> 39u32 == va / 4096 / 134217728 && va >> 48u32 == va / 4096 / 68719476736
        && va >> 57u32 == va / 4096 / 35184372088832) by (bit_vector);
}

/// Masks of addresses are masks of words.
pub proof fn lemma_as_u64(a: usize, m: usize)
    ensures (a as u64) & (m as u64) == a & m, (a as u64) & !(m as u64) == a & !m,
{
    assert((a as u64) & (m as u64) == (a & m) as u64 && (a as u64) & !(m as u64) == (a & !m) as u64) by (bit_vector);
}

} // verus!
