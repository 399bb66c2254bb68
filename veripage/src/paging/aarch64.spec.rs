//! Meaning of aarch64 descriptors, and the bit-vector facts about them.
use super::*;

verus! {

/// Indices of `MAIR_EL1`.
pub open(super) spec fn attr(c: CachePolicy) -> u64 {
    match c {
        CachePolicy::Writeback => 0,
        CachePolicy::Writethrough => 1,
        CachePolicy::Uncacheable => 2,
        CachePolicy::WriteCombining => 3,
        CachePolicy::WriteProtected => 4,
    }
}

/// The same, read by index.
pub open(super) spec fn mem_policy(i: u64) -> CachePolicy {
    if i == 0 { CachePolicy::Writeback } else if i == 1 { CachePolicy::Writethrough }
    else if i == 3 { CachePolicy::WriteCombining } else if i == 4 { CachePolicy::WriteProtected }
    else { CachePolicy::Uncacheable }
}

/// Readable unless a user page without AP\[1\] (6), writable unless AP\[2\] (7), executable unless UXN (54)
/// of a user page or PXN (53) of a kernel page, accessed (10), dirty (55), available (56, 57).
pub open(super) spec fn flags_of(w: u64) -> u8 {
    let user = (w >> 58) & 1;
    let readable = (!user | (w >> 6)) & 1;
    let no_exec = (if user != 0 { w >> 54 } else { w >> 53 }) & 1;
    (readable | ((!w >> 6) & 2) | ((no_exec ^ 1) << 2) | ((w >> 7) & 8) | ((w >> 51) & 0x70)) as u8
}

/// User (58), global unless nG (11).
pub open(super) spec fn priv_of(w: u64) -> u8 {
    (((w >> 58) & 1) | ((!w >> 10) & 2)) as u8
}

/// A leaf's word without the address.
pub open(super) spec fn leaf_bits(level: int, p: PageProperty) -> u64 {
    let f = p.flags.bits as u64 & 0x7f;
    let q = p.priv_flags.bits as u64 & 3;
    let user = q & 1;
    let no_exec = (!f >> 2) & 1;
    (if level <= 1 { 3u64 } else { 1u64 }) | (attr(p.cache) << 2) | ((user & f) << 6) | ((!f & 2) << 6) | (3u64 << 8)
        | ((f & 8) << 7) | ((!q & 2) << 10) | ((no_exec | user) << 53) | ((no_exec | (user ^ 1)) << 54)
        | ((f & 0x70) << 51) | (user << 58)
}

pub proof fn lemma_zero()
    ensures !Aarch64Pte::spec_present(0),
{
    assert(0u64 & 1 == 0 && 0u64 & 3 == 0 && 0u64 & !3 == 0) by (bit_vector);
}

pub proof fn lemma_ad(level: int, a: u64, b: u64)
    requires Aarch64Pte::same_but_ad(a, b),
    ensures
        Aarch64Pte::spec_present(a) == Aarch64Pte::spec_present(b),
        Aarch64Pte::spec_last(level, a) == Aarch64Pte::spec_last(level, b),
        Aarch64Pte::spec_paddr(level, a) == Aarch64Pte::spec_paddr(level, b),
        Aarch64Pte::spec_prop(level, a).spec_sans_ad() == Aarch64Pte::spec_prop(level, b).spec_sans_ad(),
{
    assert(a & 1 == b & 1 && a & 2 == b & 2 && a & 0x0000_ffff_ffff_f000 == b & 0x0000_ffff_ffff_f000
        && (a >> 2) & 7 == (b >> 2) & 7) by (bit_vector)
        requires a & !0x400 == b & !0x400;
    assert(((((((!((a >> 58) & 1)) | (a >> 6)) & 1) | ((!a >> 6) & 2) | (((if (a >> 58) & 1 != 0 { a >> 54 } else { a >> 53 }) & 1 ^ 1) << 2) | ((a >> 7) & 8) | ((a >> 51) & 0x70)) as u8) & 0xe7)
        == ((((((!((b >> 58) & 1)) | (b >> 6)) & 1) | ((!b >> 6) & 2) | (((if (b >> 58) & 1 != 0 { b >> 54 } else { b >> 53 }) & 1 ^ 1) << 2) | ((b >> 7) & 8) | ((b >> 51) & 0x70)) as u8) & 0xe7)) by (bit_vector)
        requires a & !0x400 == b & !0x400;
    assert((((a >> 58) & 1) | ((!a >> 10) & 2)) as u8 == (((b >> 58) & 1) | ((!b >> 10) & 2)) as u8) by (bit_vector)
        requires a & !0x400 == b & !0x400;
}

/// The address in a word, and what is left of it in a leaf.
pub proof fn lemma_address(level: int, w: u64)
    requires 1 <= level <= 5,
    ensures
        page_ok(Aarch64Pte::PADDR_END as int, 1, Aarch64Pte::spec_paddr(level, w)),
        Aarch64Pte::spec_last(level, w) ==> page_ok(Aarch64Pte::PADDR_END as int, level, Aarch64Pte::spec_paddr(level, w)),
{
    let a = w & 0x0000_ffff_ffff_f000;
    assert(w & 0x0000_ffff_ffff_f000 < 0x1_0000_0000_0000 && w & 0x0000_ffff_ffff_f000 & 0xfff == 0) by (bit_vector);
    lemma_round_down(1, a);
    lemma_round_down(level, a);
}

pub proof fn lemma_prop_wf(level: int, w: u64)
    ensures Aarch64Pte::spec_prop(level, w).wf(),
{
    assert((((((!((w >> 58) & 1)) | (w >> 6)) & 1) | ((!w >> 6) & 2) | (((if (w >> 58) & 1 != 0 { w >> 54 } else { w >> 53 }) & 1 ^ 1) << 2) | ((w >> 7) & 8) | ((w >> 51) & 0x70)) as u8) < 128
        && (((w >> 58) & 1) | ((!w >> 10) & 2)) as u8 <= 3) by (bit_vector);
}

pub proof fn lemma_new_page(level: int, pa: u64, p: PageProperty, w: u64)
    requires
        w == (pa & 0x0000_ffff_ffff_f000 & !spec_offset_mask(level)) | leaf_bits(level, p),
        0 <= level <= 255,
    ensures
        w & !Aarch64Pte::leaf_fields(level) == 0,
        page_ok(Aarch64Pte::PADDR_END as int, level, pa as int) && Aarch64Pte::spec_supports(level, p) ==> {
            &&& Aarch64Pte::spec_present(w)
            &&& Aarch64Pte::spec_last(level, w)
            &&& Aarch64Pte::spec_paddr(level, w) == pa
            &&& Aarch64Pte::spec_prop(level, w) == p
            &&& Aarch64Pte::mmu_user(w) == p.user_rights()
        },
{
    let m = spec_offset_mask(level);
    let a = pa & 0x0000_ffff_ffff_f000 & !m;
    let c = attr(p.cache);
    let k = if level <= 1 { 3u64 } else { 1u64 };
    lemma_mask(level);
    assert(c < 8 && mem_policy(c) == p.cache);
    if page_ok(Aarch64Pte::PADDR_END as int, level, pa as int) {
        lemma_round_down(level, pa);
        assert(pa < 0x1_0000_0000_0000 && pa & !m == pa && m & 0xfff == 0xfff ==> pa & 0x0000_ffff_ffff_f000 & !m == pa) by (bit_vector);
    }
    assert((pa & 0x0000_ffff_ffff_f000 & !m) & !m & 0x0000_ffff_ffff_f000 == pa & 0x0000_ffff_ffff_f000 & !m) by (bit_vector);
    lemma_leaf_bits(a, m, p.flags.bits, p.priv_flags.bits, c, k, leaf_bits(level, p));
    assert(0x07e0_0000_0000_0fdcu64 | 3 == 0x07e0_0000_0000_0fdf && 0x07e0_0000_0000_0fdcu64 | 1 == 0x07e0_0000_0000_0fdd) by (bit_vector);
}

/// The fields of a leaf's word do not touch each other.
proof fn lemma_leaf_bits(a: u64, m: u64, f: u8, q: u8, c: u64, k: u64, b: u64)
    requires
        a & !m & 0x0000_ffff_ffff_f000 == a,
        m & 0xfff == 0xfff,
        c < 8,
        k == 1 || k == 3,
        b == ({
            let f7 = f as u64 & 0x7f;
            let q2 = q as u64 & 3;
            let u = q2 & 1;
            let n = (!f7 >> 2) & 1;
            k | (c << 2) | ((u & f7) << 6) | ((!f7 & 2) << 6) | (3u64 << 8) | ((f7 & 8) << 7) | ((!q2 & 2) << 10)
                | ((n | u) << 53) | ((n | (u ^ 1)) << 54) | ((f7 & 0x70) << 51) | (u << 58)
        }),
    ensures
        (a | b) & 1 != 0,
        k == 1 ==> (a | b) & 2 == 0,
        (a | b) & 0x0000_ffff_ffff_f000 & !m == a,
        (a | b) >> 2 & 7 == c,
        (a | b) & !((0x07e0_0000_0000_0fdc | k) | (0x0000_ffff_ffff_f000 & !m)) == 0,
        f < 128 && q < 4 && (f & 1 == 1 || (f & 2 == 0 && q & 1 == 1)) ==> flags_of(a | b) == f && priv_of(a | b) == q
            && Aarch64Pte::mmu_user(a | b) == rights_of(f, q),
{
    let w = a | b;
    let f7 = f as u64 & 0x7f;
    let q2 = q as u64 & 3;
    let u = q2 & 1;
    let n = (!f7 >> 2) & 1;
    assert(b & !(0x07e0_0000_0000_0fdc | k) == 0 && b & 3 == k && b >> 2 & 7 == c) by (bit_vector)
        requires
            c < 8, k == 1 || k == 3, u == q2 & 1, n == (!f7 >> 2) & 1, f7 == f as u64 & 0x7f,
            b == k | (c << 2) | ((u & f7) << 6) | ((!f7 & 2) << 6) | (3u64 << 8) | ((f7 & 8) << 7) | ((!q2 & 2) << 10)
                | ((n | u) << 53) | ((n | (u ^ 1)) << 54) | ((f7 & 0x70) << 51) | (u << 58);
    if f < 128 && q < 4 && (f & 1 == 1 || (f & 2 == 0 && q & 1 == 1)) {
        assert((((((!((b >> 58) & 1)) | (b >> 6)) & 1) | ((!b >> 6) & 2) | (((if (b >> 58) & 1 != 0 { b >> 54 } else { b >> 53 }) & 1 ^ 1) << 2) | ((b >> 7) & 8) | ((b >> 51) & 0x70)) as u8) == f
            && (((b >> 58) & 1) | ((!b >> 10) & 2)) as u8 == q
            && (b & 0x40 != 0 <==> q & 1 != 0 && f & 1 != 0) && (b & 0x80 == 0 <==> f & 2 != 0)
            && (b & 0x0040_0000_0000_0000 == 0 <==> q & 1 != 0 && f & 4 != 0) && (f & 1 == 0 ==> q & 1 == 0 || f & 2 == 0)) by (bit_vector)
            requires
                c < 8, k == 1 || k == 3, f < 128, q < 4, f & 1 == 1 || (f & 2 == 0 && q & 1 == 1),
                f7 == f as u64 & 0x7f, q2 == q as u64 & 3, u == q2 & 1, n == (!f7 >> 2) & 1,
                b == k | (c << 2) | ((u & f7) << 6) | ((!f7 & 2) << 6) | (3u64 << 8) | ((f7 & 8) << 7) | ((!q2 & 2) << 10)
                | ((n | u) << 53) | ((n | (u ^ 1)) << 54) | ((f7 & 0x70) << 51) | (u << 58);
    }
    assert(w & 0xffff_0000_0000_0fff == b && w & 0x0000_ffff_ffff_f000 & !m == a
        && w & !((0x07e0_0000_0000_0fdc | k) | (0x0000_ffff_ffff_f000 & !m)) == 0) by (bit_vector)
        requires w == a | b, b & !(0x07e0_0000_0000_0fdc | k) == 0, a & !m & 0x0000_ffff_ffff_f000 == a, m & 0xfff == 0xfff,
            k == 1 || k == 3;
    assert(w & 0x40 == b & 0x40 && w & 0x80 == b & 0x80 && w & 0x0040_0000_0000_0000 == b & 0x0040_0000_0000_0000) by (bit_vector)
        requires w & 0xffff_0000_0000_0fff == b;
    assert(w & 3 == b & 3 && w >> 2 & 7 == b >> 2 & 7) by (bit_vector) requires w & 0xffff_0000_0000_0fff == b;
    assert((((((!((w >> 58) & 1)) | (w >> 6)) & 1) | ((!w >> 6) & 2) | (((if (w >> 58) & 1 != 0 { w >> 54 } else { w >> 53 }) & 1 ^ 1) << 2) | ((w >> 7) & 8) | ((w >> 51) & 0x70)) as u8)
        == (((((!((b >> 58) & 1)) | (b >> 6)) & 1) | ((!b >> 6) & 2) | (((if (b >> 58) & 1 != 0 { b >> 54 } else { b >> 53 }) & 1 ^ 1) << 2) | ((b >> 7) & 8) | ((b >> 51) & 0x70)) as u8)
        && (((w >> 58) & 1) | ((!w >> 10) & 2)) as u8 == (((b >> 58) & 1) | ((!b >> 10) & 2)) as u8) by (bit_vector)
        requires w & 0xffff_0000_0000_0fff == b;
    assert(w & 3 == k ==> w & 1 != 0 && (k == 1 ==> w & 2 == 0)) by (bit_vector) requires k == 1 || k == 3;
}

pub proof fn lemma_new_pt(pa: u64, w: u64)
    requires w == pa & 0x0000_ffff_ffff_f000 | 3,
    ensures
        w & !Aarch64Pte::table_fields() == 0,
        Aarch64Pte::spec_table_ok(pa as int) ==> {
            &&& Aarch64Pte::spec_present(w)
            &&& forall|l: int| 2 <= l <= 5 ==> !#[trigger] Aarch64Pte::spec_last(l, w)
            &&& forall|l: int| 2 <= l <= 5 ==> #[trigger] Aarch64Pte::spec_paddr(l, w) == pa
        },
{
    let x = pa & 0x0000_ffff_ffff_f000 | 3;
    assert(x & !0x0000_ffff_ffff_f003 == 0 && x & 1 != 0 && x & 2 != 0) by (bit_vector)
        requires x == pa & 0x0000_ffff_ffff_f000 | 3;
    assert(pa < 0x1_0000_0000_0000 && pa % 4096 == 0 ==> x & 0x0000_ffff_ffff_f000 == pa) by (bit_vector)
        requires x == pa & 0x0000_ffff_ffff_f000 | 3;
}

} // verus!
