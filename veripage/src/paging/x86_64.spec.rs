//! Meaning of x86-64 entries, and the bit-vector facts about them.
use super::*;

verus! {

/// The page attribute table, as [`IA32_PAT`](super::IA32_PAT) sets it.
pub open(super) spec fn pat_index(c: CachePolicy) -> u64 {
    match c {
        CachePolicy::Writeback => 0,
        CachePolicy::Writethrough => 1,
        CachePolicy::Uncacheable => 3,
        CachePolicy::WriteCombining => 4,
        CachePolicy::WriteProtected => 5,
    }
}

/// The same table, read by index: 2, 6 and 7 are uncacheable as well.
pub open(super) spec fn pat_policy(i: u64) -> CachePolicy {
    if i == 0 { CachePolicy::Writeback } else if i == 1 { CachePolicy::Writethrough }
    else if i == 4 { CachePolicy::WriteCombining } else if i == 5 { CachePolicy::WriteProtected }
    else { CachePolicy::Uncacheable }
}

/// PAT, PCD, PWT.
pub open(super) spec fn pat_bits(level: int, w: u64) -> u64 {
    ((w >> 3) & 3) | (((if level <= 1 { w >> 7 } else { w >> 12 }) & 1) << 2)
}

/// Readable unless "none" (11), writable (1), executable unless XD (63), accessed (5), dirty (6), available (9, 10).
pub open(super) spec fn flags_of(w: u64) -> u8 {
    ((!(w >> 11) & 1) | (w & 2) | ((!(w >> 63) & 1) << 2) | ((w >> 2) & 0x18) | ((w >> 4) & 0x60)) as u8
}

/// User if US (2) or "none" (11), global (8).
pub open(super) spec fn priv_of(w: u64) -> u8 {
    ((((w >> 2) | (w >> 11)) & 1) | ((w >> 7) & 2)) as u8
}

/// A leaf's word without the address.
pub open(super) spec fn leaf_bits(level: int, p: PageProperty) -> u64 {
    let f = p.flags.bits as u64 & 0x7f;
    let q = p.priv_flags.bits as u64;
    let c = pat_index(p.cache);
    let common = 1 | (f & 2) | ((q & f & 1) << 2) | ((c & 3) << 3) | ((f & 0x18) << 2) | ((q & 2) << 7)
        | ((f & 0x60) << 4) | ((!f & 1) << 11) | ((!(f >> 2) & 1) << 63);
    if level <= 1 { common | ((c >> 2) << 7) } else { common | 0x80 | ((c >> 2) << 12) }
}

pub proof fn lemma_ad(level: int, a: u64, b: u64)
    requires X86_64Pte::same_but_ad(a, b),
    ensures
        X86_64Pte::spec_present(a) == X86_64Pte::spec_present(b),
        X86_64Pte::spec_last(level, a) == X86_64Pte::spec_last(level, b),
        X86_64Pte::spec_paddr(level, a) == X86_64Pte::spec_paddr(level, b),
        X86_64Pte::spec_prop(level, a).spec_sans_ad() == X86_64Pte::spec_prop(level, b).spec_sans_ad(),
{
    assert(a & 1 == b & 1 && a & 0x80 == b & 0x80 && a & 0x000f_ffff_ffff_f000 == b & 0x000f_ffff_ffff_f000
        && (a >> 3) & 3 == (b >> 3) & 3 && (a >> 7) & 1 == (b >> 7) & 1 && (a >> 12) & 1 == (b >> 12) & 1) by (bit_vector)
        requires a & !0x60 == b & !0x60;
    assert((((!(a >> 11) & 1) | (a & 2) | ((!(a >> 63) & 1) << 2) | ((a >> 2) & 0x18) | ((a >> 4) & 0x60)) as u8) & 0xe7
        == (((!(b >> 11) & 1) | (b & 2) | ((!(b >> 63) & 1) << 2) | ((b >> 2) & 0x18) | ((b >> 4) & 0x60)) as u8) & 0xe7) by (bit_vector)
        requires a & !0x60 == b & !0x60;
    assert(((((a >> 2) | (a >> 11)) & 1) | ((a >> 7) & 2)) as u8 == ((((b >> 2) | (b >> 11)) & 1) | ((b >> 7) & 2)) as u8) by (bit_vector)
        requires a & !0x60 == b & !0x60;
}

pub proof fn lemma_masked(level: int, w: u64)
    requires 1 <= level <= 5,
    ensures page_ok(X86_64Pte::PADDR_END as int, level, (w & 0x000f_ffff_ffff_f000 & !spec_offset_mask(level)) as int),
{
    let a = w & 0x000f_ffff_ffff_f000;
    assert(w & 0x000f_ffff_ffff_f000 < 0x10_0000_0000_0000) by (bit_vector);
    lemma_round_down(level, a);
}

pub proof fn lemma_new_page(level: int, pa: u64, p: PageProperty, w: u64)
    requires
        w == (pa & 0x000f_ffff_ffff_f000 & !spec_offset_mask(level)) | leaf_bits(level, p),
        0 <= level <= 255,
    ensures
        w & !X86_64Pte::leaf_fields(level) == 0,
        page_ok(X86_64Pte::PADDR_END as int, level, pa as int) && X86_64Pte::spec_supports(level, p) ==> {
            &&& X86_64Pte::spec_present(w)
            &&& X86_64Pte::spec_last(level, w)
            &&& X86_64Pte::spec_paddr(level, w) == pa
            &&& X86_64Pte::spec_prop(level, w) == p
        },
{
    let m = spec_offset_mask(level);
    let f = p.flags.bits;
    let q = p.priv_flags.bits;
    let f6 = f as u64 & 0x7f;
    let q6 = q as u64;
    let c = pat_index(p.cache);
    let common = 1 | (f6 & 2) | ((q6 & f6 & 1) << 2) | ((c & 3) << 3) | ((f6 & 0x18) << 2) | ((q6 & 2) << 7)
        | ((f6 & 0x60) << 4) | ((!f6 & 1) << 11) | ((!(f6 >> 2) & 1) << 63);
    let huge = level > 1;
    let w1 = (pa & 0x000f_ffff_ffff_f000 & !m) | (common | ((c >> 2) << 7));
    let w2 = (pa & 0x000f_ffff_ffff_f000 & !m) | (common | 0x80 | ((c >> 2) << 12));
    assert(w == if huge { w2 } else { w1 });
}

pub proof fn lemma_new_pt(pa: u64, w: u64)
    requires w == pa & 0x000f_ffff_ffff_f000 | 7,
    ensures
        w & !X86_64Pte::table_fields() == 0,
        X86_64Pte::spec_table_ok(pa as int) ==> {
            &&& X86_64Pte::spec_present(w)
            &&& forall|l: int| 2 <= l <= 5 ==> !#[trigger] X86_64Pte::spec_last(l, w)
            &&& forall|l: int| 2 <= l <= 5 ==> #[trigger] X86_64Pte::spec_paddr(l, w) == pa
        },
{
    assert((pa & 0x000f_ffff_ffff_f000 | 7) & !0x000f_ffff_ffff_f007 == 0 && (pa & 0x000f_ffff_ffff_f000 | 7) & 1 != 0
        && (pa & 0x000f_ffff_ffff_f000 | 7) & 0x80 == 0) by (bit_vector);
    assert(pa < 0x10_0000_0000_0000 && pa % 4096 == 0
        ==> (pa & 0x000f_ffff_ffff_f000 | 7) & 0x000f_ffff_ffff_f000 == pa) by (bit_vector);
}

} // verus!
