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
}

pub proof fn lemma_masked(level: int, w: u64)
    requires 1 <= level <= 5, Aarch64Pte::spec_last(level, w),
    ensures page_ok(Aarch64Pte::PADDR_END as int, level, Aarch64Pte::spec_paddr(level, w)),
{
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
        },
{
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
}

} // verus!
