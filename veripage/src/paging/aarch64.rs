//! aarch64 descriptors: 4-KiB granule, stage 1, EL1&0 (Arm ARM DDI 0487, D8.3).
//!
//! ```text
//! 58   57,56  55    54  53  47..........12 11 10 9..8 7  6  5  4..2     1    0
//! user AVL2,1 dirty UXN PXN output address nG AF SH   RO EL0 NS AttrIndx page valid
//! ```
//! Level 1 here is the architecture's level 3. Bit 1 is set in pages (level 1) and tables, clear in
//! blocks (levels 2 and 3). Bits 55 to 58 are software's: dirty, the two available bits, and the
//! user flag. Hardware's dirty state (DBM) is not used; hardware may set AF. NS, the contiguous bit
//! and the rest stay zero, all pages are inner shareable.
//!
//! A user page that may not be read has AP\[1\] = 0 (no access from EL0), with UXN by its `X`; it cannot be
//! writable. EL1 reads every page, so `supports` declines unreadable kernel pages. User pages
//! are never executable at EL1, nor kernel pages at EL0.
//!
//! `AttrIndx` indexes `MAIR_EL1`, which must hold [`MAIR_EL1`].
#[cfg(verus_only)]
use super::{entry::page_ok, geometry::*, property::*};
use super::{
    is_aligned, offset_mask, CachePolicy, PageFlags, PageProperty, PageTableEntryTrait,
    PagingLevel, PrivilegedPageFlags,
};
use crate::Paddr;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "aarch64.spec.rs"]
mod spec;
#[cfg(verus_only)]
use spec::*;

/// What `MAIR_EL1` must hold. Attributes, from index 0 up: 0 normal write-back (0xff), 1 normal
/// write-through (0xbb), 2 device-nGnRnE (0x00) for uncacheable, 3 normal non-cacheable (0x44) for
/// write-combining, 4 normal write-through without write-allocate (0xaa) for write-protect.
pub const MAIR_EL1: u64 = 0x0000_00aa_4400_bbff;

/// An aarch64 descriptor.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Aarch64Pte {
    word: u64,
}

/// The index into `MAIR_EL1`.
#[verus_spec(ret => ensures ret == attr(cache))]
const fn attr_of(cache: CachePolicy) -> u64 {
    match cache {
        CachePolicy::Writeback => 0,
        CachePolicy::Writethrough => 1,
        CachePolicy::Uncacheable => 2,
        CachePolicy::WriteCombining => 3,
        CachePolicy::WriteProtected => 4,
    }
}

/// The policy of an index into `MAIR_EL1`.
#[verus_spec(ret => ensures ret == mem_policy(attr))]
const fn policy_of(attr: u64) -> CachePolicy {
    match attr {
        0 => CachePolicy::Writeback,
        1 => CachePolicy::Writethrough,
        3 => CachePolicy::WriteCombining,
        4 => CachePolicy::WriteProtected,
        _ => CachePolicy::Uncacheable,
    }
}

/// All of a leaf but the address.
#[verus_spec(ret => ensures ret == leaf_bits(level as int, prop))]
const fn encode(level: PagingLevel, prop: PageProperty) -> u64 {
    let f = prop.flags.bits as u64 & 0x7f;
    let p = prop.priv_flags.bits as u64 & 3;
    let user = p & 1;
    let no_exec = (!f >> 2) & 1;
    let kind = if level <= 1 { 3 } else { 1 };
    kind | (attr_of(prop.cache) << 2)
        | ((user & f) << 6)
        | ((!f & 2) << 6)
        | (3 << 8)
        | ((f & 8) << 7)
        | ((!p & 2) << 10)
        | ((no_exec | user) << 53)
        | ((no_exec | (user ^ 1)) << 54)
        | ((f & 0x70) << 51)
        | (user << 58)
}

verus! {

impl PageTableEntryTrait for Aarch64Pte {
    const PADDR_END: usize = 0x1_0000_0000_0000;

    closed spec fn bits(self) -> u64 {
        self.word
    }

    closed spec fn spec_present(w: u64) -> bool {
        w & 1 != 0
    }

    closed spec fn spec_last(level: int, w: u64) -> bool {
        level <= 1 || w & 2 == 0
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
            cache: mem_policy(w >> 2 & 7),
            priv_flags: PrivilegedPageFlags { bits: priv_of(w) },
        }
    }

    open spec fn mmu_user(w: u64) -> Rights {
        let on = w & 1 != 0;
        Rights {
            r: on && w & 0x40 != 0,
            w: on && w & 0x40 != 0 && w & 0x80 == 0,
            x: on && w & 0x0040_0000_0000_0000 == 0,
        }
    }

    closed spec fn spec_supports(level: int, p: PageProperty) -> bool {
        let f = p.flags.bits;
        1 <= level <= 3 && p.wf() && (f & 1 == 1 || (f & 2 == 0 && p.priv_flags.bits & 1 == 1))
    }

    open spec fn spec_table_ok(pa: int) -> bool {
        0 <= pa < 0x1_0000_0000_0000 && pa % 4096 == 0
    }

    closed spec fn same_but_ad(a: u64, b: u64) -> bool {
        a & !0x400 == b & !0x400
    }

    open spec fn leaf_fields(level: int) -> u64 {
        (if level <= 1 { 0x07e0_0000_0000_0fdfu64 } else { 0x07e0_0000_0000_0fddu64 })
            | (0x0000_ffff_ffff_f000 & !spec_offset_mask(level))
    }

    open spec fn table_fields() -> u64 {
        0x0000_ffff_ffff_f003
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
        self.word & 1 != 0
    }

    #[inline]
    fn is_last(self, level: PagingLevel) -> bool {
        level <= 1 || self.word & 2 == 0
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
    fn prop(self, _level: PagingLevel) -> PageProperty {
        let w = self.word;
        let user = (w >> 58) & 1;
        let readable = (!user | (w >> 6)) & 1;
        let no_exec = (if user != 0 { w >> 54 } else { w >> 53 }) & 1;
        let flags = readable | ((!w >> 6) & 2) | ((no_exec ^ 1) << 2) | ((w >> 7) & 8) | ((w >> 51) & 0x70);
        PageProperty {
            flags: PageFlags { bits: flags as u8 },
            cache: policy_of(w >> 2 & 7),
            priv_flags: PrivilegedPageFlags { bits: (user | ((!w >> 10) & 2)) as u8 },
        }
    }

    #[inline]
    fn supports(level: PagingLevel, prop: PageProperty) -> bool {
        let f = prop.flags.bits;
        level != 0 && level <= 3 && f < 128 && prop.priv_flags.bits < 4
            && (f & 1 == 1 || (f & 2 == 0 && prop.priv_flags.bits & 1 == 1))
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
        let address = pa as u64 & 0x0000_ffff_ffff_f000 & !offset_mask(level);
        let word = address | encode(level, prop);
        proof { lemma_new_page(level as int, pa as u64, prop, word); }
        Self { word }
    }

    #[inline]
    fn new_pt(pa: Paddr) -> Self {
        let word = pa as u64 & 0x0000_ffff_ffff_f000 | 3;
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
