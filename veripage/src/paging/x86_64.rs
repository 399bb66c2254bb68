//! x86-64 entries, for 4 and 5 levels (Intel SDM vol. 3A, 4.5, tables 4-15 to 4-20).
//!
//! ```text
//! 63  62..59 58..52 51...............12 11   10 9   8 7      6 5 4   3   2  1  0
//! XD  (key)  ignored address            none AVL1,2 G PAT/PS D A PCD PWT US RW P
//! ```
//! Bit 7 is PAT at level 1 and PS above; a huge page's PAT is bit 12. XD is the inverse of `X`.
//! Bits 52 to 62 stay zero.
//!
//! Hardware grants reading with every present entry. A user page without any right is therefore
//! a supervisor page with software bit 11 ("none") set. (Not an entry with P = 0 that keeps its
//! address: some processors read through these speculatively.) `supports` declines pages that may be
//! written or executed but not read, and unreadable kernel pages.
//!
//! Cache policies index the page attribute table, which must hold [`IA32_PAT`]; its lower half is
//! the power-on value.
#[cfg(verus_only)]
use super::{entry::page_ok, geometry::*, property::*};
use super::{
    is_aligned, offset_mask, CachePolicy, PageFlags, PageProperty, PageTableEntryTrait,
    PagingLevel, PrivilegedPageFlags,
};
use crate::Paddr;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "x86_64.spec.rs"]
mod spec;
#[cfg(verus_only)]
use spec::*;

/// What the MSR 0x277 must hold: WB, WT, UC-, UC, WC, WP, UC-, UC, from index 0 up.
pub const IA32_PAT: u64 = 0x0007_0501_0007_0406;

/// An x86-64 entry.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct X86_64Pte {
    word: u64,
}

/// Index into the page attribute table.
#[verus_spec(ret => ensures ret == pat_index(cache))]
const fn pat_of(cache: CachePolicy) -> u64 {
    match cache {
        CachePolicy::Writeback => 0,
        CachePolicy::Writethrough => 1,
        CachePolicy::Uncacheable => 3,
        CachePolicy::WriteCombining => 4,
        CachePolicy::WriteProtected => 5,
    }
}

/// The policy at an index of the page attribute table.
#[verus_spec(ret => ensures ret == pat_policy(index))]
const fn policy_of(index: u64) -> CachePolicy {
    match index {
        0 => CachePolicy::Writeback,
        1 => CachePolicy::Writethrough,
        4 => CachePolicy::WriteCombining,
        5 => CachePolicy::WriteProtected,
        _ => CachePolicy::Uncacheable,
    }
}

/// All of a leaf but the address.
#[verus_spec(ret => ensures ret == leaf_bits(level as int, prop))]
const fn encode(level: PagingLevel, prop: PageProperty) -> u64 {
    let f = prop.flags.bits as u64 & 0x7f;
    let p = prop.priv_flags.bits as u64;
    let c = pat_of(prop.cache);
    let common = 1
        | (f & 2)
        | ((p & f & 1) << 2)
        | ((c & 3) << 3)
        | ((f & 0x18) << 2)
        | ((p & 2) << 7)
        | ((f & 0x60) << 4)
        | ((!f & 1) << 11)
        | ((!(f >> 2) & 1) << 63);
    if level <= 1 {
        common | ((c >> 2) << 7)
    } else {
        common | 0x80 | ((c >> 2) << 12)
    }
}

verus! {

impl PageTableEntryTrait for X86_64Pte {
    const PADDR_END: usize = 0x10_0000_0000_0000;

    closed spec fn bits(self) -> u64 {
        self.word
    }

    closed spec fn spec_present(w: u64) -> bool {
        w & 1 != 0
    }

    closed spec fn spec_last(level: int, w: u64) -> bool {
        level <= 1 || w & 0x80 != 0
    }

    closed spec fn spec_paddr(level: int, w: u64) -> int {
        if Self::spec_last(level, w) {
            (w & 0x000f_ffff_ffff_f000 & !spec_offset_mask(level)) as int
        } else {
            (w & 0x000f_ffff_ffff_f000) as int
        }
    }

    closed spec fn spec_prop(level: int, w: u64) -> PageProperty {
        PageProperty {
            flags: PageFlags { bits: flags_of(w) },
            cache: pat_policy(pat_bits(level, w)),
            priv_flags: PrivilegedPageFlags { bits: priv_of(w) },
        }
    }

    open spec fn mmu_user(w: u64) -> Rights {
        let on = w & 1 != 0 && w & 4 != 0;
        Rights { r: on, w: on && w & 2 != 0, x: on && w & 0x8000_0000_0000_0000 == 0 }
    }

    closed spec fn spec_supports(level: int, p: PageProperty) -> bool {
        let f = p.flags.bits;
        1 <= level <= 3 && p.wf() && (f & 1 == 1 || (f & 7 == 0 && p.priv_flags.bits & 1 == 1))
    }

    open spec fn spec_table_ok(pa: int) -> bool {
        0 <= pa < 0x10_0000_0000_0000 && pa % 4096 == 0
    }

    closed spec fn same_but_ad(a: u64, b: u64) -> bool {
        a & !0x60 == b & !0x60
    }

    open spec fn leaf_fields(level: int) -> u64 {
        if level <= 1 {
            0x800f_ffff_ffff_ffff
        } else {
            0x8000_0000_0000_1fff | (0x000f_ffff_ffff_f000 & !spec_offset_mask(level))
        }
    }

    open spec fn table_fields() -> u64 {
        0x000f_ffff_ffff_f007
    }

    proof fn zero_absent() {
        assert(0u64 & 1 == 0) by (bit_vector);
    }

    proof fn ad_irrelevant(level: int, a: u64, b: u64) {
        lemma_ad(level, a, b);
    }

    proof fn ad_refl(w: u64) {
    }

    proof fn ad_trans(a: u64, b: u64, c: u64) {
    }

    proof fn base_is_last(w: u64) {
    }

    proof fn leaf_paddr_ok(level: int, w: u64) {
        lemma_address(level, w);
    }

    proof fn paddr_ok(level: int, w: u64) {
        lemma_address(level, w);
    }

    proof fn paddr_end_aligned() {
    }

    proof fn prop_wf(level: int, w: u64) {
        lemma_prop_wf(level, w);
    }

    proof fn supports_wf(level: int, p: PageProperty) {
    }

    proof fn supports_lower(level: int, p: PageProperty) {
    }

    proof fn supports_ad(level: int, p: PageProperty, q: PageProperty) {
        lemma_sans_ad(p.flags.bits, q.flags.bits);
    }

    #[inline]
    fn from_usize(w: usize) -> Self {
        Self { word: w as u64 }
    }

    #[inline]
    fn as_usize(self) -> usize {
        self.word as usize
    }

    #[inline]
    fn new_absent() -> Self {
        proof { Self::zero_absent(); }
        Self { word: 0 }
    }

    #[inline]
    fn is_present(self) -> bool {
        self.word & 1 != 0
    }

    #[inline]
    fn is_last(self, level: PagingLevel) -> bool {
        level <= 1 || self.word & 0x80 != 0
    }

    #[inline]
    fn paddr(self, level: PagingLevel) -> Paddr {
        let field = self.word & 0x000f_ffff_ffff_f000;
        if self.is_last(level) {
            (field & !offset_mask(level)) as usize
        } else {
            field as usize
        }
    }

    #[inline]
    fn prop(self, level: PagingLevel) -> PageProperty {
        let w = self.word;
        let flags = (!(w >> 11) & 1) | (w & 2) | ((!(w >> 63) & 1) << 2) | ((w >> 2) & 0x18) | ((w >> 4) & 0x60);
        let pat = if level <= 1 { w >> 7 } else { w >> 12 };
        PageProperty {
            flags: PageFlags { bits: flags as u8 },
            cache: policy_of(((w >> 3) & 3) | ((pat & 1) << 2)),
            priv_flags: PrivilegedPageFlags { bits: ((((w >> 2) | (w >> 11)) & 1) | ((w >> 7) & 2)) as u8 },
        }
    }

    #[inline]
    fn supports(level: PagingLevel, prop: PageProperty) -> bool {
        let f = prop.flags.bits;
        level != 0 && level <= 3 && f < 128 && prop.priv_flags.bits < 4
            && (f & 1 == 1 || (f & 7 == 0 && prop.priv_flags.bits & 1 == 1))
    }

    #[inline]
    fn fits_page(pa: Paddr, level: PagingLevel) -> bool {
        pa < Self::PADDR_END && is_aligned(pa, level)
    }

    #[inline]
    fn fits_table(pa: Paddr) -> bool {
        pa < Self::PADDR_END && is_aligned(pa, 1)
    }

    #[inline]
    fn new_page(pa: Paddr, level: PagingLevel, prop: PageProperty) -> Self {
        let address = pa as u64 & 0x000f_ffff_ffff_f000 & !offset_mask(level);
        let word = address | encode(level, prop);
        proof { lemma_new_page(level as int, pa as u64, prop, word); }
        Self { word }
    }

    #[inline]
    fn new_pt(pa: Paddr) -> Self {
        let word = pa as u64 & 0x000f_ffff_ffff_f000 | 7;
        proof { lemma_new_pt(pa as u64, word); }
        Self { word }
    }

    #[inline]
    fn set_prop(self, level: PagingLevel, prop: PageProperty) -> Self {
        proof {
            if Self::spec_last(level as int, self.word) && 1 <= level <= 5 {
                Self::leaf_paddr_ok(level as int, self.word);
            }
        }
        Self::new_page(self.paddr(level), level, prop)
    }
}

} // verus!
