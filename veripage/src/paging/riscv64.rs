//! riscv64 entries, the same for Sv39, Sv48 and Sv57 (RISC-V privileged architecture,
//! "Sv39: Page-Based 39-bit Virtual-Memory System", and "Svpbmt").
//!
//! ```text
//! 63 62 61 60..54   53.......10 9   8   7 6 5 4 3 2 1 0
//! N  PBMT  reserved PPN         AVL2,1  D A G U X W R V
//! ```
//! Every level may hold leaves: a valid entry with R = W = X = 0 points to a table. N (Svnapot) and
//! the reserved bits stay zero; in pointers D, A and U as well.
//!
//! A page without any right cannot be a valid leaf. It is an invalid entry (V = 0), which hardware
//! ignores whole, with R = 1; so an entry is present if V or R is set. Pages that
//! may be written but not read are reserved by the manual, `supports` declines them.
//!
//! Cache policies are Svpbmt's: PMA (0) for write-back, NC (1) for write-combining, IO (2) for
//! uncacheable. A hart without Svpbmt (or with `menvcfg.PBMTE` = 0) must be given write-back only.
//! Write-through and write-protect do not exist, `supports` declines them.
#[cfg(verus_only)]
use super::{entry::page_ok, geometry::*, property::*};
use super::{
    is_aligned, offset_mask, CachePolicy, PageFlags, PageProperty, PageTableEntryTrait,
    PagingLevel, PrivilegedPageFlags,
};
use crate::Paddr;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "riscv64.spec.rs"]
mod spec;
#[cfg(verus_only)]
use spec::*;

/// A riscv64 entry.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct RiscvPte {
    word: u64,
}

/// The PBMT field; 3, which is reserved, for policies that do not exist.
#[verus_spec(ret => ensures ret == pbmt(cache))]
const fn pbmt_of(cache: CachePolicy) -> u64 {
    match cache {
        CachePolicy::Writeback => 0,
        CachePolicy::WriteCombining => 1,
        CachePolicy::Uncacheable => 2,
        CachePolicy::Writethrough => 3,
        CachePolicy::WriteProtected => 3,
    }
}

/// The policy of a PBMT field.
#[verus_spec(ret => ensures ret == mem_policy(pbmt))]
const fn policy_of(pbmt: u64) -> CachePolicy {
    match pbmt {
        0 => CachePolicy::Writeback,
        1 => CachePolicy::WriteCombining,
        _ => CachePolicy::Uncacheable,
    }
}

/// All of a leaf but the address.
#[verus_spec(ret => ensures ret == leaf_bits(prop))]
const fn encode(prop: PageProperty) -> u64 {
    let f = prop.flags.bits as u64 & 0x7f;
    let p = prop.priv_flags.bits as u64 & 3;
    let valid_read = if f & 7 == 0 { 2 } else { 1 | ((f & 1) << 1) };
    valid_read | ((f & 6) << 1) | ((f & 0x78) << 3) | (p << 4) | (pbmt_of(prop.cache) << 61)
}

verus! {

impl PageTableEntryTrait for RiscvPte {
    const PADDR_END: usize = 0x100_0000_0000_0000;

    closed spec fn bits(self) -> u64 {
        self.word
    }

    closed spec fn spec_present(w: u64) -> bool {
        w & 3 != 0
    }

    closed spec fn spec_last(level: int, w: u64) -> bool {
        level <= 1 || w & 0xe != 0
    }

    closed spec fn spec_paddr(level: int, w: u64) -> int {
        if Self::spec_last(level, w) {
            (((w & 0x003f_ffff_ffff_fc00) << 2) & !spec_offset_mask(level)) as int
        } else {
            (((w & 0x003f_ffff_ffff_fc00) << 2)) as int
        }
    }

    closed spec fn spec_prop(level: int, w: u64) -> PageProperty {
        PageProperty {
            flags: PageFlags { bits: flags_of(w) },
            cache: mem_policy(w >> 61 & 3),
            priv_flags: PrivilegedPageFlags { bits: priv_of(w) },
        }
    }

    open spec fn mmu_user(w: u64) -> Rights {
        let on = w & 1 != 0 && w & 0x10 != 0;
        Rights { r: on && w & 2 != 0, w: on && w & 4 != 0, x: on && w & 8 != 0 }
    }

    closed spec fn spec_supports(level: int, p: PageProperty) -> bool {
        &&& 1 <= level <= 5
        &&& p.wf()
        &&& p.flags.bits & 3 != 2
        &&& pbmt(p.cache) != 3
    }

    open spec fn spec_table_ok(pa: int) -> bool {
        0 <= pa < 0x100_0000_0000_0000 && pa % 4096 == 0
    }

    closed spec fn same_but_ad(a: u64, b: u64) -> bool {
        a & !0xc0 == b & !0xc0
    }

    open spec fn leaf_fields(level: int) -> u64 {
        0x6000_0000_0000_03ff | ((0x00ff_ffff_ffff_f000 & !spec_offset_mask(level)) >> 2)
    }

    open spec fn table_fields() -> u64 {
        0x003f_ffff_ffff_fc01
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
        self.word & 3 != 0
    }

    #[inline]
    fn is_last(self, level: PagingLevel) -> bool {
        level <= 1 || self.word & 0xe != 0
    }

    #[inline]
    fn paddr(self, level: PagingLevel) -> Paddr {
        let field = (self.word & 0x003f_ffff_ffff_fc00) << 2;
        if self.is_last(level) {
            (field & !offset_mask(level)) as usize
        } else {
            field as usize
        }
    }

    #[inline]
    fn prop(self, _level: PagingLevel) -> PageProperty {
        let w = self.word;
        let flags = (w & (w >> 1) & 1) | ((w >> 1) & 6) | ((w >> 3) & 0x78);
        PageProperty {
            flags: PageFlags { bits: flags as u8 },
            cache: policy_of(w >> 61 & 3),
            priv_flags: PrivilegedPageFlags { bits: ((w >> 4) & 3) as u8 },
        }
    }

    #[inline]
    fn supports(level: PagingLevel, prop: PageProperty) -> bool {
        let f = prop.flags.bits;
        level != 0 && level <= 5 && f < 128 && prop.priv_flags.bits < 4 && f & 3 != 2
            && pbmt_of(prop.cache) != 3
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
        let address = pa as u64 & 0x00ff_ffff_ffff_f000 & !offset_mask(level);
        let word = address >> 2 | encode(prop);
        proof { lemma_new_page(level as int, pa as u64, prop, word); }
        Self { word }
    }

    #[inline]
    fn new_pt(pa: Paddr) -> Self {
        let word = (pa as u64 & 0x00ff_ffff_ffff_f000) >> 2 | 1;
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
