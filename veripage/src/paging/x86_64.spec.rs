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

/// The address in a word, and what is left of it in a leaf.
pub proof fn lemma_address(level: int, w: u64)
    requires 1 <= level <= 5,
    ensures
        page_ok(X86_64Pte::PADDR_END as int, 1, X86_64Pte::spec_paddr(level, w)),
        X86_64Pte::spec_last(level, w) ==> page_ok(X86_64Pte::PADDR_END as int, level, X86_64Pte::spec_paddr(level, w)),
{
    let a = w & 0x000f_ffff_ffff_f000;
    assert(w & 0x000f_ffff_ffff_f000 < 0x10_0000_0000_0000 && w & 0x000f_ffff_ffff_f000 & 0xfff == 0) by (bit_vector);
    lemma_round_down(1, a);
    lemma_round_down(level, a);
}

pub proof fn lemma_prop_wf(level: int, w: u64)
    ensures X86_64Pte::spec_prop(level, w).wf(),
{
    assert((((!(w >> 11) & 1) | (w & 2) | ((!(w >> 63) & 1) << 2) | ((w >> 2) & 0x18) | ((w >> 4) & 0x60)) as u8) < 128
        && ((((w >> 2) | (w >> 11)) & 1) | ((w >> 7) & 2)) as u8 <= 3) by (bit_vector);
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
            &&& X86_64Pte::mmu_user(w) == p.user_rights()
        },
{
    let m = spec_offset_mask(level);
    let a = pa & 0x000f_ffff_ffff_f000 & !m;
    let f = p.flags.bits;
    let q = p.priv_flags.bits;
    let c = pat_index(p.cache);
    lemma_mask(level);
    assert(c < 8 && pat_policy(c) == p.cache);
    if page_ok(X86_64Pte::PADDR_END as int, level, pa as int) {
        lemma_round_down(level, pa & 0x000f_ffff_ffff_f000);
        assert(pa < 0x10_0000_0000_0000 && pa & !m == pa && m & 0xfff == 0xfff ==> pa & 0x000f_ffff_ffff_f000 & !m == pa) by (bit_vector);
        lemma_round_down(level, pa);
    }
    assert((pa & 0x000f_ffff_ffff_f000 & !m) & !m & 0x000f_ffff_ffff_f000 == pa & 0x000f_ffff_ffff_f000 & !m) by (bit_vector);
    assert(m & 0x1f_ffff == 0x1f_ffff ==> m & 0x1fff == 0x1fff) by (bit_vector);
    assert(w == a | leaf_bits(level, p));
    lemma_leaf_bits(a, m, f, q, c, leaf_bits(level, p), level <= 1);
}

/// The fields of a leaf's word do not touch each other.
proof fn lemma_leaf_bits(a: u64, m: u64, f: u8, q: u8, c: u64, b: u64, small: bool)
    requires
        a & !m & 0x000f_ffff_ffff_f000 == a,
        m & 0xfff == 0xfff,
        !small ==> m & 0x1fff == 0x1fff,
        c < 8,
        b == ({
            let f6 = f as u64 & 0x7f;
            let q6 = q as u64;
            let common = 1 | (f6 & 2) | ((q6 & f6 & 1) << 2) | ((c & 3) << 3) | ((f6 & 0x18) << 2) | ((q6 & 2) << 7)
                | ((f6 & 0x60) << 4) | ((!f6 & 1) << 11) | ((!(f6 >> 2) & 1) << 63);
            if small { common | ((c >> 2) << 7) } else { common | 0x80 | ((c >> 2) << 12) }
        }),
    ensures
        (a | b) & 1 != 0,
        !small ==> (a | b) & 0x80 != 0,
        (a | b) & 0x000f_ffff_ffff_f000 & !m == a,
        pat_bits(if small { 1 } else { 2 }, a | b) == c,
        (a | b) & !(if small { 0x800f_ffff_ffff_ffff } else { 0x8000_0000_0000_1fff | (0x000f_ffff_ffff_f000 & !m) }) == 0,
        f < 128 && q < 4 && (f & 1 == 1 || (f & 7 == 0 && q & 1 == 1)) ==> flags_of(a | b) == f && priv_of(a | b) == q
            && X86_64Pte::mmu_user(a | b) == rights_of(f, q),
{
    let w = a | b;
    let f6 = f as u64 & 0x7f;
    let q6 = q as u64;
    let common = 1 | (f6 & 2) | ((q6 & f6 & 1) << 2) | ((c & 3) << 3) | ((f6 & 0x18) << 2) | ((q6 & 2) << 7)
        | ((f6 & 0x60) << 4) | ((!f6 & 1) << 11) | ((!(f6 >> 2) & 1) << 63);
    assert(a & 0xfff == 0 && a & !0x000f_ffff_ffff_f000 == 0) by (bit_vector)
        requires a & !m & 0x000f_ffff_ffff_f000 == a, m & 0xfff == 0xfff;
    assert(common & 1 == 1 && common & 0x7ff0_0000_0000_f080 == 0 && common & 0x000f_ffff_ffff_0000 == 0
        && (common >> 3) & 3 == c & 3) by (bit_vector)
        requires
            common == 1 | (f6 & 2) | ((q6 & f6 & 1) << 2) | ((c & 3) << 3) | ((f6 & 0x18) << 2) | ((q6 & 2) << 7)
                | ((f6 & 0x60) << 4) | ((!f6 & 1) << 11) | ((!(f6 >> 2) & 1) << 63);
    if f < 128 && q < 4 && (f & 1 == 1 || (f & 7 == 0 && q & 1 == 1)) {
        assert(((!(common >> 11) & 1) | (common & 2) | ((!(common >> 63) & 1) << 2) | ((common >> 2) & 0x18) | ((common >> 4) & 0x60)) as u8 == f
            && ((((common >> 2) | (common >> 11)) & 1) | ((common >> 7) & 2)) as u8 == q
            && (common & 4 != 0 <==> q & 1 != 0 && f & 1 != 0) && (common & 2 != 0 <==> f & 2 != 0)
            && (common & 0x8000_0000_0000_0000 == 0 <==> f & 4 != 0)
            && (f & 1 == 0 ==> f & 2 == 0 && f & 4 == 0) && (f & 1 == 0 || f & 1 == 1)) by (bit_vector)
            requires
                f < 128, q < 4, f & 1 == 1 || (f & 7 == 0 && q & 1 == 1), f6 == f as u64 & 0x7f, q6 == q as u64,
                common == 1 | (f6 & 2) | ((q6 & f6 & 1) << 2) | ((c & 3) << 3) | ((f6 & 0x18) << 2) | ((q6 & 2) << 7)
                    | ((f6 & 0x60) << 4) | ((!f6 & 1) << 11) | ((!(f6 >> 2) & 1) << 63);
    }
    // What stands outside bits 7 and 12 and the address is the common part.
    if small {
        assert(w & 0xfff0_0000_0000_0f7f == common && w & 0x000f_ffff_ffff_f000 & !m == a && (w >> 7) & 1 == c >> 2
            && w & !0x800f_ffff_ffff_ffff == 0) by (bit_vector)
            requires w == a | (common | ((c >> 2) << 7)), c < 8, common & 0x7ff0_0000_0000_f080 == 0,
                common & 0x000f_ffff_ffff_0000 == 0, a & 0xfff == 0, a & !0x000f_ffff_ffff_f000 == 0,
                a & !m & 0x000f_ffff_ffff_f000 == a, m & 0xfff == 0xfff;
    } else {
        assert(w & 0xfff0_0000_0000_0f7f == common && w & 0x80 != 0 && w & 0x000f_ffff_ffff_f000 & !m == a && (w >> 12) & 1 == c >> 2
            && w & !(0x8000_0000_0000_1fff | (0x000f_ffff_ffff_f000 & !m)) == 0) by (bit_vector)
            requires w == a | (common | 0x80 | ((c >> 2) << 12)), c < 8, common & 0x7ff0_0000_0000_f080 == 0,
                common & 0x000f_ffff_ffff_0000 == 0, a & 0xfff == 0, a & !0x000f_ffff_ffff_f000 == 0,
                a & !m & 0x000f_ffff_ffff_f000 == a, m & 0x1fff == 0x1fff;
    }
    assert(w & 4 == common & 4 && w & 0x8000_0000_0000_0000 == common & 0x8000_0000_0000_0000) by (bit_vector)
        requires w & 0xfff0_0000_0000_0f7f == common;
    assert(w & 1 == common & 1 && (w >> 3) & 3 == (common >> 3) & 3
        && (!(w >> 11) & 1) == (!(common >> 11) & 1) && w & 2 == common & 2 && (!(w >> 63) & 1) == (!(common >> 63) & 1)
        && (w >> 2) & 0x18 == (common >> 2) & 0x18 && (w >> 4) & 0x60 == (common >> 4) & 0x60
        && ((w >> 2) | (w >> 11)) & 1 == ((common >> 2) | (common >> 11)) & 1 && (w >> 7) & 2 == (common >> 7) & 2) by (bit_vector)
        requires w & 0xfff0_0000_0000_0f7f == common;
    assert((c & 3) | ((c >> 2 & 1) << 2) == c && (c >> 2) & 1 == c >> 2) by (bit_vector) requires c < 8;
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
