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
}

pub proof fn lemma_masked(level: int, w: u64)
    requires 1 <= level <= 5, RiscvPte::spec_last(level, w),
    ensures page_ok(RiscvPte::PADDR_END as int, level, RiscvPte::spec_paddr(level, w)),
{
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
        },
{
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
}

} // verus!
