//! Meaning of loongarch64 entries, and the bit-vector facts about them.
use super::*;

verus! {

/// Memory access types; 3 for policies without one.
pub open(super) spec fn mat(c: CachePolicy) -> u64 {
    match c {
        CachePolicy::Uncacheable => 0,
        CachePolicy::Writeback => 1,
        CachePolicy::WriteCombining => 2,
        CachePolicy::Writethrough => 3,
        CachePolicy::WriteProtected => 3,
    }
}

/// The same, read by number.
pub open(super) spec fn mem_policy(i: u64) -> CachePolicy {
    if i == 1 { CachePolicy::Writeback } else if i == 2 { CachePolicy::WriteCombining } else { CachePolicy::Uncacheable }
}

/// Readable unless NR (61), writable if W (8), executable unless NX (62), accessed if V (0), dirty if D (1) or
/// bit 9, available (10, 11).
pub open(super) spec fn flags_of(w: u64) -> u8 {
    ((!(w >> 61) & 1) | ((w >> 7) & 2) | ((!(w >> 62) & 1) << 2) | ((w & 1) << 3) | ((((w >> 1) | (w >> 9)) & 1) << 4)
        | ((w >> 5) & 0x60)) as u8
}

/// User if PLV (2, 3) is 3, global (6 at level 1, 12 above).
pub open(super) spec fn priv_of(level: int, w: u64) -> u8 {
    (((w >> 2) & (w >> 3) & 1) | ((if level <= 1 { w >> 5 } else { w >> 11 }) & 2)) as u8
}

/// A leaf's word without the address.
pub open(super) spec fn leaf_bits(level: int, p: PageProperty) -> u64 {
    let f = p.flags.bits as u64 & 0x7f;
    let q = p.priv_flags.bits as u64 & 3;
    let common = 0x80 | ((f >> 3) & 1) | (((f >> 1) & (f >> 4) & 1) << 1) | ((q & 1) << 2) | ((q & 1) << 3)
        | (mat(p.cache) << 4) | ((f & 2) << 7) | ((f & 0x10) << 5) | ((f & 0x60) << 5) | ((!f & 1) << 61)
        | ((!(f >> 2) & 1) << 62);
    if level <= 1 { common | ((q & 2) << 5) } else { common | 0x40 | ((q & 2) << 11) }
}

pub proof fn lemma_zero()
    ensures !LoongArch64Pte::spec_present(0),
{
    assert(0u64 & 1 == 0 && 0u64 & 3 == 0 && 0u64 & !3 == 0) by (bit_vector);
}

pub proof fn lemma_ad(level: int, a: u64, b: u64)
    requires LoongArch64Pte::same_but_ad(a, b),
    ensures
        LoongArch64Pte::spec_present(a) == LoongArch64Pte::spec_present(b),
        LoongArch64Pte::spec_last(level, a) == LoongArch64Pte::spec_last(level, b),
        LoongArch64Pte::spec_paddr(level, a) == LoongArch64Pte::spec_paddr(level, b),
        LoongArch64Pte::spec_prop(level, a).spec_sans_ad() == LoongArch64Pte::spec_prop(level, b).spec_sans_ad(),
{
    assert(a & !3 == b & !3 && a & 0x40 == b & 0x40 && a & 0x0000_ffff_ffff_f000 == b & 0x0000_ffff_ffff_f000
        && (a >> 4) & 3 == (b >> 4) & 3 && (a >> 2) & (a >> 3) & 1 == (b >> 2) & (b >> 3) & 1
        && (a >> 5) & 2 == (b >> 5) & 2 && (a >> 11) & 2 == (b >> 11) & 2) by (bit_vector)
        requires a & !3 == b & !3;
    assert((((!(a >> 61) & 1) | ((a >> 7) & 2) | ((!(a >> 62) & 1) << 2) | ((a & 1) << 3) | ((((a >> 1) | (a >> 9)) & 1) << 4) | ((a >> 5) & 0x60)) as u8) & 0xe7
        == (((!(b >> 61) & 1) | ((b >> 7) & 2) | ((!(b >> 62) & 1) << 2) | ((b & 1) << 3) | ((((b >> 1) | (b >> 9)) & 1) << 4) | ((b >> 5) & 0x60)) as u8) & 0xe7) by (bit_vector)
        requires a & !3 == b & !3;
}

/// The address in a word, and what is left of it in a leaf.
pub proof fn lemma_address(level: int, w: u64)
    requires 1 <= level <= 5,
    ensures
        page_ok(LoongArch64Pte::PADDR_END as int, 1, LoongArch64Pte::spec_paddr(level, w)),
        LoongArch64Pte::spec_last(level, w) ==> page_ok(LoongArch64Pte::PADDR_END as int, level, LoongArch64Pte::spec_paddr(level, w)),
{
    let a = w & 0x0000_ffff_ffff_f000;
    assert(w & 0x0000_ffff_ffff_f000 < 0x1_0000_0000_0000 && w & 0x0000_ffff_ffff_f000 & 0xfff == 0) by (bit_vector);
    lemma_round_down(1, a);
    lemma_round_down(level, a);
}

pub proof fn lemma_prop_wf(level: int, w: u64)
    ensures LoongArch64Pte::spec_prop(level, w).wf(),
{
    assert((((!(w >> 61) & 1) | ((w >> 7) & 2) | ((!(w >> 62) & 1) << 2) | ((w & 1) << 3) | ((((w >> 1) | (w >> 9)) & 1) << 4) | ((w >> 5) & 0x60)) as u8) < 128
        && (((w >> 2) & (w >> 3) & 1) | ((w >> 5) & 2)) as u8 <= 3 && (((w >> 2) & (w >> 3) & 1) | ((w >> 11) & 2)) as u8 <= 3) by (bit_vector);
}

pub proof fn lemma_new_page(level: int, pa: u64, p: PageProperty, w: u64)
    requires
        w == (pa & 0x0000_ffff_ffff_f000 & !spec_offset_mask(level)) | leaf_bits(level, p),
        0 <= level <= 255,
    ensures
        w & !LoongArch64Pte::leaf_fields(level) == 0,
        page_ok(LoongArch64Pte::PADDR_END as int, level, pa as int) && LoongArch64Pte::spec_supports(level, p) ==> {
            &&& LoongArch64Pte::spec_present(w)
            &&& LoongArch64Pte::spec_last(level, w)
            &&& LoongArch64Pte::spec_paddr(level, w) == pa
            &&& LoongArch64Pte::spec_prop(level, w) == p
            &&& LoongArch64Pte::mmu_user(w) == p.user_rights()
        },
{
    let m = spec_offset_mask(level);
    let a = pa & 0x0000_ffff_ffff_f000 & !m;
    let c = mat(p.cache);
    lemma_mask(level);
    assert(c < 4 && (c < 3 ==> mem_policy(c) == p.cache));
    if page_ok(LoongArch64Pte::PADDR_END as int, level, pa as int) {
        lemma_round_down(level, pa);
        assert(pa < 0x1_0000_0000_0000 && pa & !m == pa && m & 0xfff == 0xfff ==> pa & 0x0000_ffff_ffff_f000 & !m == pa) by (bit_vector);
    }
    assert((pa & 0x0000_ffff_ffff_f000 & !m) & !m & 0x0000_ffff_ffff_f000 == pa & 0x0000_ffff_ffff_f000 & !m) by (bit_vector);
    assert(m & 0x1f_ffff == 0x1f_ffff ==> m & 0x1fff == 0x1fff) by (bit_vector);
    lemma_leaf_bits(a, m, p.flags.bits, p.priv_flags.bits, c, leaf_bits(level, p), level <= 1);
}

/// The fields of a leaf's word do not touch each other.
proof fn lemma_leaf_bits(a: u64, m: u64, f: u8, q: u8, c: u64, b: u64, small: bool)
    requires
        a & !m & 0x0000_ffff_ffff_f000 == a,
        m & 0xfff == 0xfff,
        !small ==> m & 0x1fff == 0x1fff,
        c < 4,
        b == ({
            let f7 = f as u64 & 0x7f;
            let q2 = q as u64 & 3;
            let common = 0x80 | ((f7 >> 3) & 1) | (((f7 >> 1) & (f7 >> 4) & 1) << 1) | ((q2 & 1) << 2) | ((q2 & 1) << 3) | (c << 4)
                | ((f7 & 2) << 7) | ((f7 & 0x10) << 5) | ((f7 & 0x60) << 5) | ((!f7 & 1) << 61) | ((!(f7 >> 2) & 1) << 62);
            if small { common | ((q2 & 2) << 5) } else { common | 0x40 | ((q2 & 2) << 11) }
        }),
    ensures
        (a | b) & !3 != 0,
        !small ==> (a | b) & 0x40 != 0,
        (a | b) & 0x0000_ffff_ffff_f000 & !m == a,
        (a | b) >> 4 & 3 == c,
        (a | b) & !(if small { 0x6000_ffff_ffff_ffff } else { 0x6000_0000_0000_1fff | (0x0000_ffff_ffff_f000 & !m) }) == 0,
        f < 128 && q < 4 ==> LoongArch64Pte::mmu_user(a | b) == rights_of(f, q),
        f < 128 && q < 4 ==> flags_of(a | b) == f && priv_of(if small { 1 } else { 2 }, a | b) == q,
{
    let w = a | b;
    let f7 = f as u64 & 0x7f;
    let q2 = q as u64 & 3;
    let common = 0x80 | ((f7 >> 3) & 1) | (((f7 >> 1) & (f7 >> 4) & 1) << 1) | ((q2 & 1) << 2) | ((q2 & 1) << 3) | (c << 4)
                | ((f7 & 2) << 7) | ((f7 & 0x10) << 5) | ((f7 & 0x60) << 5) | ((!f7 & 1) << 61) | ((!(f7 >> 2) & 1) << 62);
    assert(a & 0xfff == 0 && a & !0x0000_ffff_ffff_f000 == 0) by (bit_vector)
        requires a & !m & 0x0000_ffff_ffff_f000 == a, m & 0xfff == 0xfff;
    assert(common & !0x6000_0000_0000_0fbf == 0 && common & 0x80 != 0 && common >> 4 & 3 == c
        && (common >> 2) & (common >> 3) & 1 == q2 & 1) by (bit_vector)
        requires c < 4, f7 == f as u64 & 0x7f, common == 0x80 | ((f7 >> 3) & 1) | (((f7 >> 1) & (f7 >> 4) & 1) << 1) | ((q2 & 1) << 2) | ((q2 & 1) << 3) | (c << 4)
                | ((f7 & 2) << 7) | ((f7 & 0x10) << 5) | ((f7 & 0x60) << 5) | ((!f7 & 1) << 61) | ((!(f7 >> 2) & 1) << 62);
    if f < 128 && q < 4 {
        assert((((!(common >> 61) & 1) | ((common >> 7) & 2) | ((!(common >> 62) & 1) << 2) | ((common & 1) << 3) | ((((common >> 1) | (common >> 9)) & 1) << 4) | ((common >> 5) & 0x60)) as u8) == f) by (bit_vector)
            requires f < 128, c < 4, f7 == f as u64 & 0x7f, common == 0x80 | ((f7 >> 3) & 1) | (((f7 >> 1) & (f7 >> 4) & 1) << 1) | ((q2 & 1) << 2) | ((q2 & 1) << 3) | (c << 4)
                | ((f7 & 2) << 7) | ((f7 & 0x10) << 5) | ((f7 & 0x60) << 5) | ((!f7 & 1) << 61) | ((!(f7 >> 2) & 1) << 62);
        assert(((q2 & 1) | (q2 & 2)) as u8 == q) by (bit_vector) requires q < 4, q2 == q as u64 & 3;
    }
    if f < 128 && q < 4 {
        assert((common & 0xc == 0xc <==> q & 1 != 0) && (common & 0x2000_0000_0000_0000 == 0 <==> f & 1 != 0)
            && ((common & 2 != 0 || common & 0x100 != 0) <==> f & 2 != 0)
            && (common & 0x4000_0000_0000_0000 == 0 <==> f & 4 != 0)) by (bit_vector)
            requires f < 128, c < 4, q < 4, f7 == f as u64 & 0x7f, q2 == q as u64 & 3, common == 0x80 | ((f7 >> 3) & 1) | (((f7 >> 1) & (f7 >> 4) & 1) << 1) | ((q2 & 1) << 2) | ((q2 & 1) << 3) | (c << 4)
                | ((f7 & 2) << 7) | ((f7 & 0x10) << 5) | ((f7 & 0x60) << 5) | ((!f7 & 1) << 61) | ((!(f7 >> 2) & 1) << 62);
    }
    if small {
        assert(w & 0xffff_0000_0000_0fbf == common && w & 0x0000_ffff_ffff_f000 & !m == a && (w >> 5) & 2 == q2 & 2
            && w & !0x6000_ffff_ffff_ffff == 0) by (bit_vector)
            requires w == a | (common | ((q2 & 2) << 5)), common & !0x6000_0000_0000_0fbf == 0, a & 0xfff == 0,
                a & !0x0000_ffff_ffff_f000 == 0, a & !m & 0x0000_ffff_ffff_f000 == a, m & 0xfff == 0xfff;
    } else {
        assert(w & 0xffff_0000_0000_0fbf == common && w & 0x40 != 0 && w & 0x0000_ffff_ffff_f000 & !m == a
            && (w >> 11) & 2 == q2 & 2 && w & !(0x6000_0000_0000_1fff | (0x0000_ffff_ffff_f000 & !m)) == 0) by (bit_vector)
            requires w == a | (common | 0x40 | ((q2 & 2) << 11)), common & !0x6000_0000_0000_0fbf == 0, a & 0xfff == 0,
                a & !0x0000_ffff_ffff_f000 == 0, a & !m & 0x0000_ffff_ffff_f000 == a, m & 0x1fff == 0x1fff;
    }
    assert(w & 0xc == common & 0xc && w & 2 == common & 2 && w & 0x100 == common & 0x100
        && w & 0x2000_0000_0000_0000 == common & 0x2000_0000_0000_0000
        && w & 0x4000_0000_0000_0000 == common & 0x4000_0000_0000_0000) by (bit_vector)
        requires w & 0xffff_0000_0000_0fbf == common;
    assert(w & 0x80 == common & 0x80 && (w & 0x80 != 0 ==> w & !3 != 0) && w >> 4 & 3 == common >> 4 & 3
        && (w >> 2) & (w >> 3) & 1 == (common >> 2) & (common >> 3) & 1) by (bit_vector)
        requires w & 0xffff_0000_0000_0fbf == common;
    assert((((!(w >> 61) & 1) | ((w >> 7) & 2) | ((!(w >> 62) & 1) << 2) | ((w & 1) << 3) | ((((w >> 1) | (w >> 9)) & 1) << 4) | ((w >> 5) & 0x60)) as u8)
        == (((!(common >> 61) & 1) | ((common >> 7) & 2) | ((!(common >> 62) & 1) << 2) | ((common & 1) << 3) | ((((common >> 1) | (common >> 9)) & 1) << 4) | ((common >> 5) & 0x60)) as u8)) by (bit_vector)
        requires w & 0xffff_0000_0000_0fbf == common;
}

pub proof fn lemma_new_pt(pa: u64, w: u64)
    requires w == pa & 0x0000_ffff_ffff_f000,
    ensures
        w & !LoongArch64Pte::table_fields() == 0,
        LoongArch64Pte::spec_table_ok(pa as int) ==> {
            &&& LoongArch64Pte::spec_present(w)
            &&& forall|l: int| 2 <= l <= 5 ==> !#[trigger] LoongArch64Pte::spec_last(l, w)
            &&& forall|l: int| 2 <= l <= 5 ==> #[trigger] LoongArch64Pte::spec_paddr(l, w) == pa
        },
{
    let x = pa & 0x0000_ffff_ffff_f000;
    assert(x & !0x0000_ffff_ffff_f000 == 0 && x & 0x40 == 0) by (bit_vector) requires x == pa & 0x0000_ffff_ffff_f000;
    assert(0 < pa && pa < 0x1_0000_0000_0000 && pa % 4096 == 0 ==> x & 0x0000_ffff_ffff_f000 == pa && x & !3 != 0) by (bit_vector)
        requires x == pa & 0x0000_ffff_ffff_f000;
}

} // verus!
