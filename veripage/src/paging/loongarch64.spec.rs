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
}

pub proof fn lemma_masked(level: int, w: u64)
    requires 1 <= level <= 5, LoongArch64Pte::spec_last(level, w),
    ensures page_ok(LoongArch64Pte::PADDR_END as int, level, LoongArch64Pte::spec_paddr(level, w)),
{
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
        },
{
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
}

} // verus!
