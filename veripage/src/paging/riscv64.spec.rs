//! Meaning of riscv64 entries, and the bit-vector facts about them.
use super::*;

verus! {

/// Svpbmt's types; 3 for policies without one.
pub open(super) spec fn pbmt(c: CachePolicy) -> u64 {
    match c {
        CachePolicy::Writeback => 0,
        CachePolicy::WriteCombining => 1,
        CachePolicy::Uncacheable => 2,
        CachePolicy::Writethrough => 3,
        CachePolicy::WriteProtected => 3,
    }
}

/// The same, read by number.
pub open(super) spec fn mem_policy(i: u64) -> CachePolicy {
    if i == 0 { CachePolicy::Writeback } else if i == 1 { CachePolicy::WriteCombining } else { CachePolicy::Uncacheable }
}

/// Readable if V (0) and R (1), writable (2), executable (3), accessed (6), dirty (7), available (8, 9).
pub open(super) spec fn flags_of(w: u64) -> u8 {
    ((w & (w >> 1) & 1) | ((w >> 1) & 6) | ((w >> 3) & 0x78)) as u8
}

/// User (4), global (5).
pub open(super) spec fn priv_of(w: u64) -> u8 {
    ((w >> 4) & 3) as u8
}

/// A leaf's word without the address.
pub open(super) spec fn leaf_bits(p: PageProperty) -> u64 {
    let f = p.flags.bits as u64 & 0x7f;
    let q = p.priv_flags.bits as u64 & 3;
    (if f & 7 == 0 { 2u64 } else { 1u64 | ((f & 1) << 1) }) | ((f & 6) << 1) | ((f & 0x78) << 3) | (q << 4) | (pbmt(p.cache) << 61)
}

pub proof fn lemma_zero()
    ensures !RiscvPte::spec_present(0),
{
    assert(0u64 & 1 == 0 && 0u64 & 3 == 0 && 0u64 & !3 == 0) by (bit_vector);
}

pub proof fn lemma_ad(level: int, a: u64, b: u64)
    requires RiscvPte::same_but_ad(a, b),
    ensures
        RiscvPte::spec_present(a) == RiscvPte::spec_present(b),
        RiscvPte::spec_last(level, a) == RiscvPte::spec_last(level, b),
        RiscvPte::spec_paddr(level, a) == RiscvPte::spec_paddr(level, b),
        RiscvPte::spec_prop(level, a).spec_sans_ad() == RiscvPte::spec_prop(level, b).spec_sans_ad(),
{
    assert(a & 3 == b & 3 && a & 0xe == b & 0xe && a & 0x003f_ffff_ffff_fc00 == b & 0x003f_ffff_ffff_fc00
        && (a >> 61) & 3 == (b >> 61) & 3 && (a >> 4) & 3 == (b >> 4) & 3) by (bit_vector)
        requires a & !0xc0 == b & !0xc0;
    assert((((a & (a >> 1) & 1) | ((a >> 1) & 6) | ((a >> 3) & 0x78)) as u8) & 0xe7
        == (((b & (b >> 1) & 1) | ((b >> 1) & 6) | ((b >> 3) & 0x78)) as u8) & 0xe7) by (bit_vector)
        requires a & !0xc0 == b & !0xc0;
}

/// The address in a word, and what is left of it in a leaf.
pub proof fn lemma_address(level: int, w: u64)
    requires 1 <= level <= 5,
    ensures
        page_ok(RiscvPte::PADDR_END as int, 1, RiscvPte::spec_paddr(level, w)),
        RiscvPte::spec_last(level, w) ==> page_ok(RiscvPte::PADDR_END as int, level, RiscvPte::spec_paddr(level, w)),
{
    let a = (w & 0x003f_ffff_ffff_fc00) << 2;
    assert((w & 0x003f_ffff_ffff_fc00) << 2 < 0x100_0000_0000_0000 && (w & 0x003f_ffff_ffff_fc00) << 2 & 0xfff == 0) by (bit_vector);
    lemma_round_down(1, a);
    lemma_round_down(level, a);
}

pub proof fn lemma_prop_wf(level: int, w: u64)
    ensures RiscvPte::spec_prop(level, w).wf(),
{
    assert((((w & (w >> 1) & 1) | ((w >> 1) & 6) | ((w >> 3) & 0x78)) as u8) < 128
        && ((w >> 4) & 3) as u8 <= 3) by (bit_vector);
}

pub proof fn lemma_new_page(level: int, pa: u64, p: PageProperty, w: u64)
    requires
        w == ((pa & 0x00ff_ffff_ffff_f000 & !spec_offset_mask(level)) >> 2) | leaf_bits(p),
        0 <= level <= 255,
    ensures
        w & !RiscvPte::leaf_fields(level) == 0,
        page_ok(RiscvPte::PADDR_END as int, level, pa as int) && RiscvPte::spec_supports(level, p) ==> {
            &&& RiscvPte::spec_present(w)
            &&& RiscvPte::spec_last(level, w)
            &&& RiscvPte::spec_paddr(level, w) == pa
            &&& RiscvPte::spec_prop(level, w) == p
            &&& RiscvPte::mmu_user(w) == p.user_rights()
        },
{
    let m = spec_offset_mask(level);
    let a = pa & 0x00ff_ffff_ffff_f000 & !m;
    let c = pbmt(p.cache);
    lemma_mask(level);
    assert(c < 4 && (c < 3 ==> mem_policy(c) == p.cache));
    if page_ok(RiscvPte::PADDR_END as int, level, pa as int) {
        lemma_round_down(level, pa);
        assert(pa < 0x100_0000_0000_0000 && pa & !m == pa && m & 0xfff == 0xfff ==> pa & 0x00ff_ffff_ffff_f000 & !m == pa) by (bit_vector);
    }
    assert((pa & 0x00ff_ffff_ffff_f000 & !m) & !m & 0x00ff_ffff_ffff_f000 == pa & 0x00ff_ffff_ffff_f000 & !m) by (bit_vector);
    lemma_leaf_bits(a, m, p.flags.bits, p.priv_flags.bits, c, leaf_bits(p));
}

/// The fields of a leaf's word do not touch each other.
proof fn lemma_leaf_bits(a: u64, m: u64, f: u8, q: u8, c: u64, b: u64)
    requires
        a & !m & 0x00ff_ffff_ffff_f000 == a,
        m & 0xfff == 0xfff,
        c < 4,
        b == ({
            let f7 = f as u64 & 0x7f;
            let q2 = q as u64 & 3;
            (if f7 & 7 == 0 { 2u64 } else { 1u64 | ((f7 & 1) << 1) }) | ((f7 & 6) << 1) | ((f7 & 0x78) << 3) | (q2 << 4) | (c << 61)
        }),
    ensures
        ((a >> 2) | b) & 3 != 0,
        ((a >> 2) | b) & 0xe != 0,
        ((((a >> 2) | b) & 0x003f_ffff_ffff_fc00) << 2) & !m == a,
        ((a >> 2) | b) >> 61 & 3 == c,
        ((a >> 2) | b) & !(0x6000_0000_0000_03ff | ((0x00ff_ffff_ffff_f000 & !m) >> 2)) == 0,
        f < 128 && q < 4 && f & 3 != 2 ==> flags_of((a >> 2) | b) == f && priv_of((a >> 2) | b) == q
            && RiscvPte::mmu_user((a >> 2) | b) == rights_of(f, q),
{
    let w = (a >> 2) | b;
    let f7 = f as u64 & 0x7f;
    let q2 = q as u64 & 3;
    assert(f7 < 128 && q2 < 4) by (bit_vector) requires f7 == f as u64 & 0x7f, q2 == q as u64 & 3;
    assert(b & !0x6000_0000_0000_03ff == 0 && b & 3 != 0 && b & 0xe != 0 && b >> 61 == c) by (bit_vector)
        requires
            c < 4, f7 < 128, q2 < 4,
            b == (if f7 & 7 == 0 { 2u64 } else { 1u64 | ((f7 & 1) << 1) }) | ((f7 & 6) << 1) | ((f7 & 0x78) << 3) | (q2 << 4) | (c << 61);
    if f < 128 && q < 4 && f & 3 != 2 {
        assert((((b & (b >> 1) & 1) | ((b >> 1) & 6) | ((b >> 3) & 0x78)) as u8) == f && ((b >> 4) & 3) as u8 == q
            && (b & 1 != 0 <==> f & 7 != 0) && (b & 0x10 != 0 <==> q & 1 != 0) && (b & 4 != 0 <==> f & 2 != 0)
            && (b & 8 != 0 <==> f & 4 != 0) && (b & 1 != 0 ==> (b & 2 != 0 <==> f & 1 != 0))
            && (f & 7 == 0 ==> f & 1 == 0 && f & 2 == 0 && f & 4 == 0)) by (bit_vector)
            requires
                f < 128, q < 4, f & 3 != 2, f7 == f as u64 & 0x7f, q2 == q as u64 & 3,
                b == (if f7 & 7 == 0 { 2u64 } else { 1u64 | ((f7 & 1) << 1) }) | ((f7 & 6) << 1) | ((f7 & 0x78) << 3) | (q2 << 4) | (c << 61);
    }
    assert(w & 0x6000_0000_0000_03ff == b && ((w & 0x003f_ffff_ffff_fc00) << 2) & !m == a
        && w & !(0x6000_0000_0000_03ff | ((0x00ff_ffff_ffff_f000 & !m) >> 2)) == 0) by (bit_vector)
        requires w == (a >> 2) | b, b & !0x6000_0000_0000_03ff == 0, a & !m & 0x00ff_ffff_ffff_f000 == a, m & 0xfff == 0xfff;
    assert(w & 1 == b & 1 && w & 2 == b & 2 && w & 4 == b & 4 && w & 8 == b & 8 && w & 0x10 == b & 0x10) by (bit_vector)
        requires w & 0x6000_0000_0000_03ff == b;
    assert(w & 3 == b & 3 && w & 0xe == b & 0xe && w >> 61 & 3 == b >> 61 & 3 && (w >> 4) & 3 == (b >> 4) & 3
        && w & (w >> 1) & 1 == b & (b >> 1) & 1 && (w >> 1) & 6 == (b >> 1) & 6 && (w >> 3) & 0x78 == (b >> 3) & 0x78) by (bit_vector)
        requires w & 0x6000_0000_0000_03ff == b;
    assert(c & 3 == c) by (bit_vector) requires c < 4;
}

pub proof fn lemma_new_pt(pa: u64, w: u64)
    requires w == (pa & 0x00ff_ffff_ffff_f000) >> 2 | 1,
    ensures
        w & !RiscvPte::table_fields() == 0,
        RiscvPte::spec_table_ok(pa as int) ==> {
            &&& RiscvPte::spec_present(w)
            &&& forall|l: int| 2 <= l <= 5 ==> !#[trigger] RiscvPte::spec_last(l, w)
            &&& forall|l: int| 2 <= l <= 5 ==> #[trigger] RiscvPte::spec_paddr(l, w) == pa
        },
{
    let x = (pa & 0x00ff_ffff_ffff_f000) >> 2 | 1;
    assert(x & !0x003f_ffff_ffff_fc01 == 0 && x & 3 != 0 && x & 0xe == 0) by (bit_vector)
        requires x == (pa & 0x00ff_ffff_ffff_f000) >> 2 | 1;
    assert(pa < 0x100_0000_0000_0000 && pa % 4096 == 0 ==> (x & 0x003f_ffff_ffff_fc00) << 2 == pa) by (bit_vector)
        requires x == (pa & 0x00ff_ffff_ffff_f000) >> 2 | 1;
}

} // verus!
