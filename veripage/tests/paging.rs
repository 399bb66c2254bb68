//! Every test runs on every entry format and, where it speaks of levels, on each of them.
use core::ops::Range;
use veripage::paging::*;

/// What user mode may do with a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rights {
    r: bool,
    w: bool,
    x: bool,
}

/// A format as the manual tells it, written down a second time.
struct Manual {
    /// Highest level with leaves.
    highest: PagingLevel,
    /// Bits of a physical address.
    paddr_width: u32,
    /// How many of the 2560 properties a leaf can express.
    supported: usize,
    /// Bits that a leaf at a level may have.
    leaf: fn(PagingLevel) -> u64,
    /// Bits that a pointer to a table may have.
    table: u64,
    /// Does the MMU use the word as a leaf?
    mmu_leaf: fn(PagingLevel, u64) -> bool,
    /// What the MMU lets user mode do through a leaf.
    mmu_user: fn(u64) -> Rights,
}

const NOTHING: Rights = Rights {
    r: false,
    w: false,
    x: false,
};

fn bit(w: u64, n: u32) -> bool {
    w >> n & 1 != 0
}

const fn bits(low: u32, high: u32) -> u64 {
    (u64::MAX >> (63 - high)) & (u64::MAX << low)
}

/// Lowest address bit of a leaf's page.
fn page_shift(level: PagingLevel) -> u32 {
    12 + 9 * (level as u32 - 1)
}

const X86_64_MANUAL: Manual = Manual {
    highest: 3,
    paddr_width: 52,
    supported: 1440,
    leaf: |level| {
        bits(0, 11)
            | bits(page_shift(level), 51)
            | bits(63, 63)
            | if level > 1 { 1 << 12 } else { 0 }
    },
    table: bits(0, 2) | bits(12, 51),
    mmu_leaf: |level, w| bit(w, 0) && (level == 1 || bit(w, 7)),
    mmu_user: |w| {
        if !bit(w, 0) || !bit(w, 2) {
            return NOTHING;
        }
        Rights {
            r: true,
            w: bit(w, 1),
            x: !bit(w, 63),
        }
    },
};

const RISCV_MANUAL: Manual = Manual {
    highest: 5,
    paddr_width: 56,
    supported: 1152,
    leaf: |level| bits(0, 9) | bits(page_shift(level) - 2, 53) | bits(61, 62),
    table: 1 | bits(10, 53),
    mmu_leaf: |_, w| !bit(w, 0) || w & 0xe != 0,
    mmu_user: |w| {
        if !bit(w, 0) || !bit(w, 4) {
            return NOTHING;
        }
        Rights {
            r: bit(w, 1),
            w: bit(w, 2),
            x: bit(w, 3),
        }
    },
};

const AARCH64_MANUAL: Manual = Manual {
    highest: 3,
    paddr_width: 48,
    supported: 1600,
    leaf: |level| {
        let page = if level == 1 { 2 } else { 0 };
        1 | page | bits(2, 4) | bits(6, 11) | bits(page_shift(level), 47) | bits(53, 58)
    },
    table: 3 | bits(12, 47),
    mmu_leaf: |level, w| bit(w, 0) && bit(w, 1) == (level == 1),
    mmu_user: |w| Rights {
        r: bit(w, 6),
        w: bit(w, 6) && !bit(w, 7),
        x: !bit(w, 54),
    },
};

const LOONGARCH64_MANUAL: Manual = Manual {
    highest: 3,
    paddr_width: 48,
    supported: 1536,
    leaf: |level| {
        let global = if level > 1 { 1 << 12 } else { 0 };
        bits(0, 11) | global | bits(page_shift(level), 47) | bits(61, 62)
    },
    table: bits(12, 47),
    mmu_leaf: |level, w| level == 1 || bit(w, 6),
    mmu_user: |w| {
        if w >> 2 & 3 != 3 {
            return NOTHING;
        }
        Rights {
            r: !bit(w, 61),
            // Without D, a store raises an exception that tells the kernel to set it.
            w: bit(w, 1) || bit(w, 8),
            x: !bit(w, 62),
        }
    },
};

const CACHES: [CachePolicy; 5] = [
    CachePolicy::Writeback,
    CachePolicy::Writethrough,
    CachePolicy::Uncacheable,
    CachePolicy::WriteCombining,
    CachePolicy::WriteProtected,
];

/// All flag combinations times cache policies times privileges.
fn all_properties() -> impl Iterator<Item = PageProperty> {
    (0..128u8).flat_map(|flags| {
        CACHES.into_iter().flat_map(move |cache| {
            (0..4u8).map(move |privilege| PageProperty {
                flags: PageFlags::from_bits_truncate(flags),
                cache,
                priv_flags: PrivilegedPageFlags::from_bits_truncate(privilege),
            })
        })
    })
}

/// Page addresses at both ends of what a leaf can hold, and each address bit alone.
fn page_addresses(manual: &Manual, level: PagingLevel) -> Vec<usize> {
    let low = page_shift(level);
    let mut addresses = vec![0, bits(low, manual.paddr_width - 1) as usize];
    addresses.extend((low..manual.paddr_width).map(|n| 1usize << n));
    addresses
}

fn zeroed_pte_is_absent_pte<E: PageTableEntryTrait>(_: &Manual) {
    assert!(!E::from_usize(0).is_present());
    assert!(!E::new_absent().is_present());
}

fn cast_absent_pte_preserves_repr<E: PageTableEntryTrait>(_: &Manual) {
    assert_eq!(E::new_absent().as_usize(), 0);
}

fn cast_frame_pte_preserves_repr<E: PageTableEntryTrait>(manual: &Manual) {
    let prop = PageProperty::new_user(PageFlags::RWX | PageFlags::AVAIL2, CachePolicy::Uncacheable);
    for level in 1..=manual.highest {
        for pa in page_addresses(manual, level) {
            assert!(E::fits_page(pa, level));
            let pte = E::from_usize(E::new_page(pa, level, prop).as_usize());
            assert_eq!(pte.as_usize(), E::new_page(pa, level, prop).as_usize());
            assert!(pte.is_present() && pte.is_last(level));
            assert!((manual.mmu_leaf)(level, pte.as_usize() as u64));
            assert_eq!(pte.paddr(level), pa);
            assert_eq!(pte.prop(level), prop);
        }
        let end = 1 << manual.paddr_width;
        assert!(!E::fits_page(end, level));
        assert!(!E::fits_page(page_size(level) / 2, level));
    }
}

fn cast_pt_pte_preserves_repr<E: PageTableEntryTrait>(manual: &Manual) {
    for pa in page_addresses(manual, 1) {
        if !E::fits_table(pa) {
            assert_eq!(pa, 0, "only frame 0 may be no table");
            continue;
        }
        let pte = E::from_usize(E::new_pt(pa).as_usize());
        assert_eq!(pte.as_usize() as u64 & !manual.table, 0);
        assert!(pte.is_present());
        for level in 2..=5 {
            assert!(!pte.is_last(level));
            assert!(!(manual.mmu_leaf)(level, pte.as_usize() as u64));
            assert_eq!(pte.paddr(level), pa);
        }
    }
    assert!(!E::fits_table(0x800));
    assert!(!E::fits_table(1 << manual.paddr_width));
}

fn map_preserves_page_property<E: PageTableEntryTrait>(manual: &Manual) {
    for level in 1..=5 {
        let pa = bits(page_shift(level), manual.paddr_width - 1) as usize;
        let mut supported = 0;
        for prop in all_properties() {
            if !E::supports(level, prop) {
                continue;
            }
            supported += 1;
            let pte = E::new_page(pa, level, prop);
            assert_eq!(pte.prop(level), prop, "level {level}");
            assert_eq!(pte.paddr(level), pa);
            assert!(pte.is_present() && pte.is_last(level));
        }
        let expected = if level <= manual.highest {
            manual.supported
        } else {
            0
        };
        assert_eq!(supported, expected, "level {level}");
    }
}

fn set_prop_keeps_address_and_presence<E: PageTableEntryTrait>(manual: &Manual) {
    let first = PageProperty::new_kernel(PageFlags::RX, CachePolicy::Writeback);
    for level in 1..=manual.highest {
        let pa = bits(page_shift(level), manual.paddr_width - 1) as usize;
        for prop in all_properties().filter(|&prop| E::supports(level, prop)) {
            let there = E::new_page(pa, level, first).set_prop(level, prop);
            assert_eq!(there.as_usize(), E::new_page(pa, level, prop).as_usize());
            let back = there.set_prop(level, first);
            assert_eq!(back.as_usize(), E::new_page(pa, level, first).as_usize());
        }
    }
}

fn user_mode_gets_the_rights_of_the_property<E: PageTableEntryTrait>(manual: &Manual) {
    for level in 1..=manual.highest {
        for prop in all_properties().filter(|&prop| E::supports(level, prop)) {
            let w = E::new_page(0, level, prop).as_usize() as u64;
            let expected = if prop.priv_flags.contains(PrivilegedPageFlags::USER) {
                Rights {
                    r: prop.flags.contains(PageFlags::R),
                    w: prop.flags.contains(PageFlags::W),
                    x: prop.flags.contains(PageFlags::X),
                }
            } else {
                NOTHING
            };
            assert_eq!(
                (manual.mmu_user)(w),
                expected,
                "level {level} {prop:?} {w:#x}"
            );
        }
    }
}

fn no_bit_outside_the_fields<E: PageTableEntryTrait>(manual: &Manual) {
    let junk = PageProperty {
        flags: PageFlags { bits: 0xff },
        cache: CachePolicy::WriteProtected,
        priv_flags: PrivilegedPageFlags { bits: 0xff },
    };
    for level in 1..=manual.highest {
        for pa in [0, 1, 0xfff, usize::MAX, usize::MAX << 21] {
            for prop in all_properties().chain([junk]) {
                let w = E::new_page(pa, level, prop).as_usize() as u64;
                assert_eq!(
                    w & !(manual.leaf)(level),
                    0,
                    "level {level} {prop:?} {w:#x}"
                );
                let w = E::from_usize(pa).set_prop(level, prop).as_usize() as u64;
                assert_eq!(
                    w & !(manual.leaf)(level),
                    0,
                    "level {level} {prop:?} {w:#x}"
                );
            }
            assert_eq!(E::new_pt(pa).as_usize() as u64 & !manual.table, 0);
        }
    }
    assert!(!E::supports(1, junk));
}

fn bad_levels_do_no_harm<E: PageTableEntryTrait>(_: &Manual) {
    let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    for level in [0, 6, 7, 64, 255] {
        assert!(!E::supports(level, prop));
        for w in [0, 1, usize::MAX] {
            let pte = E::from_usize(w);
            assert_eq!(pte.as_usize(), w);
            assert!(pte.paddr(level) < E::PADDR_END);
            assert_eq!(pte.is_last(level), pte.is_last(level.clamp(1, 6)));
            let again = pte.set_prop(level, pte.prop(level));
            assert_eq!(
                again.as_usize(),
                E::new_page(pte.paddr(level), level, pte.prop(level)).as_usize()
            );
        }
    }
}

macro_rules! every_format {
    ($($test:ident)*) => {
        every_format!(@ x86_64 X86_64Pte X86_64_MANUAL; $($test)*);
        every_format!(@ riscv64 RiscvPte RISCV_MANUAL; $($test)*);
        every_format!(@ aarch64 Aarch64Pte AARCH64_MANUAL; $($test)*);
        every_format!(@ loongarch64 LoongArch64Pte LOONGARCH64_MANUAL; $($test)*);
    };
    (@ $format:ident $entry:ident $manual:ident; $($test:ident)*) => {
        mod $format {
            $(#[test]
            fn $test() {
                super::$test::<super::$entry>(&super::$manual);
            })*
        }
    };
}

every_format! {
    zeroed_pte_is_absent_pte
    cast_absent_pte_preserves_repr
    cast_frame_pte_preserves_repr
    cast_pt_pte_preserves_repr
    map_preserves_page_property
    set_prop_keeps_address_and_presence
    user_mode_gets_the_rights_of_the_property
    no_bit_outside_the_fields
    bad_levels_do_no_harm
}

/// Runs the same on each scheme, or on each scheme with its format.
macro_rules! every_scheme {
    ($test:ident of scheme) => {
        $test::<X86_64>();
        $test::<X86_64La57>();
        $test::<Sv39>();
        $test::<Sv48>();
        $test::<Sv57>();
        $test::<Aarch64>();
        $test::<LoongArch64>();
    };
    ($test:ident of scheme and format) => {
        $test::<X86_64, X86_64Pte>();
        $test::<X86_64La57, X86_64Pte>();
        $test::<Sv39, RiscvPte>();
        $test::<Sv48, RiscvPte>();
        $test::<Sv57, RiscvPte>();
        $test::<Aarch64, Aarch64Pte>();
        $test::<LoongArch64, LoongArch64Pte>();
    };
}

fn constants_fit<C: PagingConstsTrait, E: PageTableEntryTrait>() {
    assert_eq!(C::BASE_PAGE_SIZE, page_size(1));
    assert_eq!(C::PTE_SIZE, size_of::<E>());
    assert_eq!(nr_subpage_per_huge() * C::PTE_SIZE, C::BASE_PAGE_SIZE);
    assert_eq!(1 << C::PADDR_WIDTH, E::PADDR_END);
    assert_eq!(1 << C::ADDRESS_WIDTH, page_size(C::NR_LEVELS + 1));
    let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    for level in 1..=C::NR_LEVELS {
        assert_eq!(
            E::supports(level, prop),
            level <= C::HIGHEST_TRANSLATION_LEVEL
        );
    }
}

#[test]
fn constants_agree_with_formats() {
    every_scheme!(constants_fit of scheme and format);
}

#[test]
fn addresses_split_into_indices_at_both_ends() {
    for va in [
        0,
        0xfff,
        0x7fff_ffff_f000,
        0xffff_8000_0000_0000,
        usize::MAX,
    ] {
        for level in 1..=6 {
            let size = page_size(level);
            assert_eq!(size, 4096 * 512usize.pow(level as u32 - 1));
            assert_eq!(pte_index(va, level), va / size % 512);
            assert_eq!(slot_base(va, level), va / size * size);
            assert_eq!(slot_last(va, level), va / size * size + (size - 1));
            assert_eq!(is_aligned(va, level), va % size == 0);
            assert!(same_slot(va, slot_last(va, level), level));
            assert!(!same_slot(va, va ^ size, level));
        }
        assert_eq!(pte_index(va, 0), pte_index(va, 1));
        assert_eq!(pte_index(va, 255), pte_index(va, 6));
    }
    assert_eq!(page_size(0), page_size(1));
    assert_eq!(page_size(255), page_size(6));
}

/// The range from `start` up to `end`, where an end of 0 is 2^64.
fn range(start: usize, end: usize) -> Range<usize> {
    Range { start, end }
}

fn halves<C: PagingConstsTrait>() {
    let half = 1usize << (C::ADDRESS_WIDTH - 1);
    assert_eq!(vaddr_range_bounds::<C>(&(0..256)), Some((0, half - 1)));
    assert_eq!(
        vaddr_range_bounds::<C>(&(256..512)),
        Some((half.wrapping_neg(), usize::MAX))
    );
    assert_eq!(
        vaddr_range::<C>(&(256..512)),
        Some(half.wrapping_neg()..=usize::MAX)
    );
    let entry = page_size(C::NR_LEVELS);
    assert_eq!(
        vaddr_range_bounds::<C>(&(511..512)),
        Some((entry.wrapping_neg(), usize::MAX))
    );
    assert_eq!(
        vaddr_range_bounds::<C>(&(1..2)),
        Some((entry, 2 * entry - 1))
    );
    for none in [
        0..0,
        4..4,
        range(5, 4),
        0..513,
        0..usize::MAX,
        255..257,
        0..512,
    ] {
        assert_eq!(vaddr_range_bounds::<C>(&none), None, "{none:?}");
    }
    for va in [0, half - 1, half.wrapping_neg(), usize::MAX] {
        assert_eq!(sign_extend::<C>(va), va);
        assert_eq!(sign_extend::<C>(va & (2 * half - 1)), va);
    }

    let user = 0..256;
    assert!(is_valid_range::<C>(&user, &(0..0x1000)));
    assert!(is_valid_range::<C>(&user, &(half - 0x1000..half)));
    assert!(!is_valid_range::<C>(&user, &(half - 0x1000..half + 0x1000)));
    assert!(!is_valid_range::<C>(&user, &(half..half + 0x1000)));
    assert!(!is_valid_range::<C>(&user, &range(0, 0)));
    assert!(!is_valid_range::<C>(&user, &range(0x1000, 0)));
    assert!(!is_valid_range::<C>(&user, &(0x1000..0x1000)));
    assert!(!is_valid_range::<C>(&user, &range(0x2000, 0x1000)));

    let kernel = 256..512;
    let last_page = usize::MAX - 0xfff;
    assert!(is_valid_range::<C>(&kernel, &range(last_page, 0)));
    assert!(is_valid_range::<C>(&kernel, &range(half.wrapping_neg(), 0)));
    assert!(is_valid_range::<C>(&kernel, &(last_page..usize::MAX)));
    assert!(!is_valid_range::<C>(
        &kernel,
        &range(half.wrapping_neg() - 0x1000, 0)
    ));
    assert!(!is_valid_range::<C>(&kernel, &range(0, 0)));
    assert!(!is_valid_range::<C>(&kernel, &(0..0x1000)));
}

#[test]
fn halves_end_where_the_address_space_ends() {
    every_scheme!(halves of scheme);
}

/// Fewest pages, found by trying every first page.
fn fewest<C: PagingConstsTrait>(va: usize, pa: usize, len: usize) -> usize {
    let pages = len / 4096;
    let mut best = vec![0usize; pages + 1];
    for from in (0..pages).rev() {
        best[from] = usize::MAX;
        for level in 1..=C::HIGHEST_TRANSLATION_LEVEL {
            let size = page_size(level) / 4096;
            let aligned = [va, pa]
                .iter()
                .all(|a| (a / 4096 + from).is_multiple_of(size));
            if aligned && from + size <= pages {
                best[from] = best[from].min(1 + best[from + size]);
            }
        }
    }
    best[0]
}

fn runs_are_tiled<C: PagingConstsTrait, E: PageTableEntryTrait>() {
    let gib = page_size(3);
    let top = usize::MAX - (8 * gib - 1);
    let mut seed = 1u64;
    let mut random = |n: usize| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize % n
    };
    for round in 0..60 {
        let skew = [0, 0, 1, 511][random(4)] * 4096;
        let va = top + random(3) * 512 * 4096 + random(600) * 4096;
        let pa = (va - top + skew) & (E::PADDR_END - 1);
        let len = match round {
            0 => 0usize.wrapping_sub(va),
            1..10 => gib + random(300_000) * 4096,
            _ => random(3000) * 4096,
        };
        let mut at = (va, pa);
        let mut count = 0;
        let mut left = len;
        for (page_va, page_pa, level) in largest_pages::<C>(va, pa, len).unwrap() {
            assert_eq!((page_va, page_pa), at);
            assert!(is_aligned(page_va, level) && is_aligned(page_pa, level));
            left -= page_size(level);
            at = (
                page_va.wrapping_add(page_size(level)),
                page_pa + page_size(level),
            );
            count += 1;
        }
        assert_eq!(left, 0);
        if round > 0 {
            assert_eq!(count, fewest::<C>(va, pa, len));
        }
    }
}

#[test]
fn largest_pages_tile_a_run_with_the_fewest_pages() {
    every_scheme!(runs_are_tiled of scheme and format);
}

fn bad_runs<C: PagingConstsTrait, E: PageTableEntryTrait>() {
    let bad = |va, pa, len| largest_pages::<C>(va, pa, len).map(|_| ()).unwrap_err();
    let last = usize::MAX - 0xfff;
    assert_eq!(
        bad(0x1001, 0, 0x1000),
        LargestPagesError::UnalignedVaddr(0x1001)
    );
    assert_eq!(
        bad(0, 0x800, 0x1000),
        LargestPagesError::UnalignedPaddr(0x800)
    );
    assert_eq!(
        bad(0, 0, 0x1fff),
        LargestPagesError::UnalignedLength(0x1fff)
    );
    assert_eq!(bad(last, 0, 0x2000), LargestPagesError::InvalidVaddr(last));
    assert_eq!(
        bad(0, E::PADDR_END, 0x1000),
        LargestPagesError::InvalidPaddr(E::PADDR_END)
    );
    assert_eq!(
        bad(0, E::PADDR_END - 0x1000, 0x2000),
        LargestPagesError::InvalidPaddr(E::PADDR_END - 0x1000)
    );
    assert_eq!(bad(0, last, 0x1000), LargestPagesError::InvalidPaddr(last));

    let mut run = largest_pages::<C>(last, E::PADDR_END - 0x1000, 0x1000).unwrap();
    assert_eq!(run.next(), Some((last, E::PADDR_END - 0x1000, 1)));
    assert_eq!(run.next(), None);
    assert_eq!(run.next(), None);
    assert_eq!(largest_pages::<C>(0x1000, 0x1000, 0).unwrap().next(), None);
}

#[test]
fn bad_runs_are_told_with_the_address() {
    every_scheme!(bad_runs of scheme and format);
}
