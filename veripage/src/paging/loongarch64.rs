//! loongarch64 entries (LoongArch reference manual vol. 1, 5.4.5 "Multi-level page table structure").
//!
//! ```text
//!           63   62 61 60..48 47......13 12  11,10  9     8 7 6 5..4 3..2 1 0
//! base page RPLV NX NR -      PA            AVL2,1 dirty W P G MAT  PLV  D V
//! huge page RPLV NX NR -      PA         G  AVL2,1 dirty W P H MAT  PLV  D V
//! table     -               address of the table, bits 0 to 11 zero
//! ```
//! A pointer is the bare address of the table, so frame 0 cannot be one (`fits_table`). Bit 6 says
//! "huge" above level 1, and "global" at level 1; a huge page's global bit is 12.
//!
//! V is the accessed flag and D the dirty flag of a writable page: the exceptions that their absence
//! raises set them, or the hardware walker does. D permits stores whatever W says, so a page that is
//! dirty but not writable keeps its flag in software bit 9. RPLV stays zero: PLV 3 is a user page, PLV 0 a kernel page.
//!
//! Memory access types: CC (1) for write-back, SUC (0) for uncacheable, WUC (2) for
//! write-combining. Write-through and write-protect do not exist, `supports` declines them.
#[cfg(verus_only)]
use super::{entry::page_ok, geometry::*, property::*};
use super::{
    is_aligned, offset_mask, CachePolicy, PageFlags, PageProperty, PageTableEntryTrait,
    PagingLevel, PrivilegedPageFlags,
};
use crate::Paddr;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "loongarch64.spec.rs"]
mod spec;
#[cfg(verus_only)]
use spec::*;

/// A loongarch64 entry.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct LoongArch64Pte {
    word: u64,
}

/// The memory access type; 3, which is reserved, for policies that do not exist.
#[verus_spec(ret => ensures ret == mat(cache))]
const fn mat_of(cache: CachePolicy) -> u64 {
    match cache {
        CachePolicy::Uncacheable => 0,
        CachePolicy::Writeback => 1,
        CachePolicy::WriteCombining => 2,
        CachePolicy::Writethrough => 3,
        CachePolicy::WriteProtected => 3,
    }
}

/// The policy of a memory access type.
#[verus_spec(ret => ensures ret == mem_policy(mat))]
const fn policy_of(mat: u64) -> CachePolicy {
    match mat {
        1 => CachePolicy::Writeback,
        2 => CachePolicy::WriteCombining,
        _ => CachePolicy::Uncacheable,
    }
}

/// All of a leaf but the address.
#[verus_spec(ret => ensures ret == leaf_bits(level as int, prop))]
const fn encode(level: PagingLevel, prop: PageProperty) -> u64 {
    let f = prop.flags.bits as u64 & 0x7f;
    let p = prop.priv_flags.bits as u64 & 3;
    let common = 0x80
        | ((f >> 3) & 1)
        | (((f >> 1) & (f >> 4) & 1) << 1)
        | ((p & 1) << 2)
        | ((p & 1) << 3)
        | (mat_of(prop.cache) << 4)
        | ((f & 2) << 7)
        | ((f & 0x10) << 5)
        | ((f & 0x60) << 5)
        | ((!f & 1) << 61)
        | ((!(f >> 2) & 1) << 62);
    if level <= 1 {
        common | ((p & 2) << 5)
    } else {
        common | 0x40 | ((p & 2) << 11)
    }
}

verus! {

impl PageTableEntryTrait for LoongArch64Pte {
    const PADDR_END: usize = 0x1_0000_0000_0000;

    closed spec fn bits(self) -> u64 {
        self.word
    }

    closed spec fn spec_present(w: u64) -> bool {
        w & !3 != 0
    }

    closed spec fn spec_last(level: int, w: u64) -> bool {
        level <= 1 || w & 0x40 != 0
    }

    closed spec fn spec_paddr(level: int, w: u64) -> int {
        if Self::spec_last(level, w) {
            ((w & 0x0000_ffff_ffff_f000) & !spec_offset_mask(level)) as int
        } else {
            ((w & 0x0000_ffff_ffff_f000)) as int
        }
    }

    closed spec fn spec_prop(level: int, w: u64) -> PageProperty {
        PageProperty {
            flags: PageFlags { bits: flags_of(w) },
            cache: mem_policy(w >> 4 & 3),
            priv_flags: PrivilegedPageFlags { bits: priv_of(level, w) },
        }
    }

    open spec fn mmu_user(w: u64) -> Rights {
        let on = w & 0xc == 0xc;
        Rights {
            r: on && w & 0x2000_0000_0000_0000 == 0,
            w: on && (w & 2 != 0 || w & 0x100 != 0),
            x: on && w & 0x4000_0000_0000_0000 == 0,
        }
    }

    closed spec fn spec_supports(level: int, p: PageProperty) -> bool {
        1 <= level <= 3 && p.wf() && mat(p.cache) != 3
    }

    open spec fn spec_table_ok(pa: int) -> bool {
        0 < pa < 0x1_0000_0000_0000 && pa % 4096 == 0
    }

    closed spec fn same_but_ad(a: u64, b: u64) -> bool {
        a & !3 == b & !3
    }

    open spec fn leaf_fields(level: int) -> u64 {
        if level <= 1 {
            0x6000_ffff_ffff_ffff
        } else {
            0x6000_0000_0000_1fff | (0x0000_ffff_ffff_f000 & !spec_offset_mask(level))
        }
    }

    open spec fn table_fields() -> u64 {
        0x0000_ffff_ffff_f000
    }

    proof fn zero_absent() {
        lemma_zero();
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
        self.word & !3 != 0
    }

    #[inline]
    fn is_last(self, level: PagingLevel) -> bool {
        level <= 1 || self.word & 0x40 != 0
    }

    #[inline]
    fn paddr(self, level: PagingLevel) -> Paddr {
        let field = self.word & 0x0000_ffff_ffff_f000;
        if self.is_last(level) {
            (field & !offset_mask(level)) as usize
        } else {
            field as usize
        }
    }

    #[inline]
    fn prop(self, level: PagingLevel) -> PageProperty {
        let w = self.word;
        let flags = (!(w >> 61) & 1)
            | ((w >> 7) & 2)
            | ((!(w >> 62) & 1) << 2)
            | ((w & 1) << 3)
            | ((((w >> 1) | (w >> 9)) & 1) << 4)
            | ((w >> 5) & 0x60);
        let user = (w >> 2) & (w >> 3) & 1;
        let global = if level <= 1 { w >> 5 } else { w >> 11 };
        PageProperty {
            flags: PageFlags { bits: flags as u8 },
            cache: policy_of(w >> 4 & 3),
            priv_flags: PrivilegedPageFlags { bits: (user | (global & 2)) as u8 },
        }
    }

    #[inline]
    fn supports(level: PagingLevel, prop: PageProperty) -> bool {
        level != 0 && level <= 3 && prop.flags.bits < 128 && prop.priv_flags.bits < 4
            && mat_of(prop.cache) != 3
    }

    #[inline]
    fn fits_page(pa: Paddr, level: PagingLevel) -> bool {
        pa < Self::PADDR_END && is_aligned(pa, level)
    }

    #[inline]
    fn fits_table(pa: Paddr) -> bool {
        0 < pa && pa < Self::PADDR_END && is_aligned(pa, 1)
    }

    #[inline]
    fn new_page(pa: Paddr, level: PagingLevel, prop: PageProperty) -> Self {
        let address = pa as u64 & 0x0000_ffff_ffff_f000 & !offset_mask(level);
        let word = address | encode(level, prop);
        proof { lemma_new_page(level as int, pa as u64, prop, word); }
        Self { word }
    }

    #[inline]
    fn new_pt(pa: Paddr) -> Self {
        let word = pa as u64 & 0x0000_ffff_ffff_f000;
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
