//! Sizes of the translation schemes, and the address arithmetic that all of them share.
#[cfg(verus_only)]
use super::geometry::*;
use crate::Vaddr;
use vstd::prelude::*;

/// Level of a page-table node or entry: 1 is the level whose entries map base pages.
pub type PagingLevel = u8;

verus! {

/// A translation scheme: how many levels, how wide the addresses. Implementors have no values.
///
/// Every scheme here has 4096-byte base pages and 512 entries of 8 bytes a node.
pub trait PagingConstsTrait: Sized + Send + Sync + 'static {
    /// Bytes of a base page.
    const BASE_PAGE_SIZE: usize;
    /// Levels of a table, 3 to 5.
    const NR_LEVELS: PagingLevel;
    /// Highest level whose entries may map a page.
    const HIGHEST_TRANSLATION_LEVEL: PagingLevel;
    /// Bytes of an entry.
    const PTE_SIZE: usize;
    /// Bits of a virtual address that are translated: 12 + 9 * `NR_LEVELS`.
    const ADDRESS_WIDTH: usize;
    /// Are the bits above `ADDRESS_WIDTH` copies of the highest translated bit?
    const VA_SIGN_EXT: bool;
    /// Physical addresses are below 2^`PADDR_WIDTH`.
    const PADDR_WIDTH: usize;

    /// What the constants of every scheme satisfy.
    proof fn lemma_consts()
        ensures
            Self::BASE_PAGE_SIZE == 4096,
            Self::PTE_SIZE == 8,
            3 <= Self::NR_LEVELS <= 5,
            2 <= Self::HIGHEST_TRANSLATION_LEVEL <= Self::NR_LEVELS,
            Self::ADDRESS_WIDTH == 12 + 9 * Self::NR_LEVELS,
            36 <= Self::PADDR_WIDTH <= 56,
    ;
}

} // verus!

macro_rules! paging_consts {
    ($(#[$doc:meta])* $name:ident, $levels:tt, $highest:tt, $width:tt, $pa:tt) => {
        verus! {

        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name;

        impl PagingConstsTrait for $name {
            const BASE_PAGE_SIZE: usize = 4096;
            const NR_LEVELS: PagingLevel = $levels;
            const HIGHEST_TRANSLATION_LEVEL: PagingLevel = $highest;
            const PTE_SIZE: usize = 8;
            const ADDRESS_WIDTH: usize = $width;
            const VA_SIGN_EXT: bool = true;
            const PADDR_WIDTH: usize = $pa;

            proof fn lemma_consts() {
            }
        }

        impl $name {
            /// The values, for proofs elsewhere.
            pub proof fn lemma_values()
                ensures
                    <Self as PagingConstsTrait>::NR_LEVELS == $levels,
                    <Self as PagingConstsTrait>::HIGHEST_TRANSLATION_LEVEL == $highest,
                    <Self as PagingConstsTrait>::ADDRESS_WIDTH == $width,
                    <Self as PagingConstsTrait>::VA_SIGN_EXT,
                    <Self as PagingConstsTrait>::PADDR_WIDTH == $pa,
            {
            }
        }

        } // verus!
    };
}

paging_consts!(
    /// x86-64, 4-level paging (Intel SDM vol. 3A, 4.5).
    X86_64, 4, 3, 48, 52
);
paging_consts!(
    /// x86-64, 5-level paging (CR4.LA57 = 1; Intel SDM vol. 3A, 4.5).
    X86_64La57, 5, 3, 57, 52
);
paging_consts!(
    /// riscv64, Sv39 (RISC-V privileged architecture, "Sv39: Page-Based 39-bit Virtual-Memory System").
    Sv39, 3, 3, 39, 56
);
paging_consts!(
    /// riscv64, Sv48 (RISC-V privileged architecture, "Sv48").
    Sv48, 4, 4, 48, 56
);
paging_consts!(
    /// riscv64, Sv57 (RISC-V privileged architecture, "Sv57").
    Sv57, 5, 5, 57, 56
);
paging_consts!(
    /// aarch64, 4-KiB granule, stage 1 (Arm ARM DDI 0487, D8).
    ///
    /// One root holds both halves, as elsewhere: `TCR_EL1.T0SZ = T1SZ = 17` gives each half 256
    /// root entries; `TTBR0_EL1` is the root's address and `TTBR1_EL1` the root's address + 2048.
    /// Then an address is valid if bits 63 to 47 are equal.
    Aarch64, 4, 3, 48, 48
);
paging_consts!(
    /// loongarch64, four levels of 4-KiB tables (LoongArch reference manual vol. 1, 5.4).
    ///
    /// `PGDL` and `PGDH` name the same root: the high half is its upper 256 entries.
    LoongArch64, 4, 3, 48, 48
);

/// The level, or the nearest one from 1 to 6.
#[verus_spec(ret =>
    ensures ret == if level < 1 { 1 } else if level > 6 { 6 } else { level as int },
)]
const fn clamp(level: PagingLevel) -> u32 {
    if level < 1 {
        1
    } else if level > 6 {
        6
    } else {
        level as u32
    }
}

/// Entries of a node.
#[verus_spec(ret => ensures ret == 512)]
pub const fn nr_subpage_per_huge() -> usize {
    512
}

/// Address bits that select an entry of a node.
#[verus_spec(ret => ensures ret == 9)]
pub const fn nr_pte_index_bits() -> usize {
    9
}

/// Lowest address bit of the index into a level-`level` node: 12, 21, 30, 39, 48; 57 for level 6.
/// Levels outside 1..=6 count as the nearest of them, here and below.
#[verus_spec(ret =>
    ensures ret == if level <= 1 { 12int } else if level >= 6 { 57 } else { 3 + 9 * level },
)]
pub const fn pte_index_bit_offset(level: PagingLevel) -> u32 {
    3 + 9 * clamp(level)
}

/// Bytes that one entry of a level-`level` node covers. Level 6 is what a whole 5-level table covers.
#[verus_spec(ret => ensures ret == bytes(level as int), ret == span(level as int) * 4096)]
pub const fn page_size(level: PagingLevel) -> usize {
    let shift = pte_index_bit_offset(level);
    proof! { lemma_powers(level as int); }
    1usize << shift
}

/// Index of `va`'s entry in its level-`level` node, below 512.
#[verus_spec(ret => ensures ret == slot(level as int, va as int / 4096) % 512, ret < 512)]
pub const fn pte_index(va: Vaddr, level: PagingLevel) -> usize {
    let shift = pte_index_bit_offset(level);
    proof! {
        lemma_shr(level as int, va);
        let q = va >> shift;
        assert(q & 511 == q % 512) by (bit_vector);
    }
    (va >> shift) & 511
}

/// First address of the level-`level` slot around `va`.
#[verus_spec(ret =>
    ensures
        ret == first(level as int, va as int / 4096) * 4096,
        ret <= va <= ret + (bytes(level as int) - 1),
        aligned(level as int, ret as int),
)]
pub const fn slot_base(va: Vaddr, level: PagingLevel) -> Vaddr {
    let inside = page_size(level) - 1;
    proof! {
        lemma_round_down(level as int, va as u64);
        lemma_as_u64(va, inside);
        first_is_round_down(level as int, va as int);
    }
    va & !inside
}

/// Last address of the level-`level` slot around `va`.
#[verus_spec(ret => ensures ret == first(level as int, va as int / 4096) * 4096 + (bytes(level as int) - 1))]
pub const fn slot_last(va: Vaddr, level: PagingLevel) -> Vaddr {
    slot_base(va, level) + (page_size(level) - 1)
}

/// Do `a` and `b` lie in the same level-`level` slot?
#[verus_spec(ret =>
    ensures ret == (slot(level as int, a as int / 4096) == slot(level as int, b as int / 4096)),
)]
pub const fn same_slot(a: Vaddr, b: Vaddr, level: PagingLevel) -> bool {
    let shift = pte_index_bit_offset(level);
    proof! {
        lemma_shr(level as int, a);
        lemma_shr(level as int, b);
    }
    a >> shift == b >> shift
}

/// Is `addr` a multiple of the bytes that a level-`level` entry covers?
#[verus_spec(ret => ensures ret == aligned(level as int, addr as int))]
pub const fn is_aligned(addr: usize, level: PagingLevel) -> bool {
    let inside = page_size(level) - 1;
    proof! {
        lemma_round_down(level as int, addr as u64);
        lemma_as_u64(addr, inside);
    }
    addr & inside == 0
}

/// The address bits inside a level-`level` page: its size minus one.
#[verus_spec(ret => ensures ret == spec_offset_mask(level as int))]
pub const fn offset_mask(level: PagingLevel) -> u64 {
    (page_size(level) - 1) as u64
}
