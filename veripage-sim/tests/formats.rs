//! The simulator and the core read entries alike, though they share no code: the audit's formats,
//! and what the MMU makes of the core's x86-64 entries.
mod common;
use common::*;
use proptest::prelude::*;
use veripage::paging::*;
use veripage_hw::{CpuSet, FlushOp, Platform};
use veripage_sim::audit::Format;
use veripage_sim::{Access::*, Sim};

/// Every property that some format may support.
fn properties() -> impl Iterator<Item = PageProperty> {
    use CachePolicy::*;
    let caches = [
        Writeback,
        Writethrough,
        Uncacheable,
        WriteCombining,
        WriteProtected,
    ];
    let of = move |bits: u16| {
        caches.map(|cache| PageProperty {
            flags: PageFlags::from_bits_truncate(bits as u8 & 127),
            cache,
            priv_flags: PrivilegedPageFlags::from_bits_truncate((bits >> 7) as u8),
        })
    };
    (0..512).flat_map(of)
}

/// The audit reads an entry of the core as the core does.
fn read_alike<E: PageTableEntryTrait>(format: Format, level: u8, pa: usize) {
    let mut supported = 0;
    for prop in properties().filter(|&p| E::supports(level, p)) {
        let pa = pa & (E::PADDR_END - 1) & !(page_size(level) - 1);
        let w = E::new_page(pa, level, prop).as_usize() as u64;
        assert!(
            format.present(w) && format.leaf(level, w),
            "{format:?} {level} {prop:?}"
        );
        assert_eq!(format.address(level, w), pa, "{format:?} {level} {prop:?}");
        let untracked = prop.flags.contains(PageFlags::AVAIL1);
        assert_eq!(
            format.untracked(w),
            untracked,
            "{format:?} {level} {prop:?}"
        );
        supported += 1;
    }
    assert_eq!(
        supported > 0,
        level <= format.highest_leaf(),
        "{format:?} {level}"
    );
    let pa = (pa & (E::PADDR_END - 1) & !0xfff).max(0x1000);
    let w = E::new_pt(pa).as_usize() as u64;
    if level > 1 {
        assert!(
            format.present(w) && !format.leaf(level, w),
            "{format:?} {level}"
        );
        assert_eq!(format.address(level, w), pa, "{format:?} {level}");
    }
    assert!(!format.present(E::new_absent().as_usize() as u64));
}

fn constants<C: PagingConstsTrait>(format: Format) {
    assert_eq!(format.levels(), C::NR_LEVELS, "{format:?}");
    assert_eq!(
        format.highest_leaf(),
        C::HIGHEST_TRANSLATION_LEVEL,
        "{format:?}"
    );
}

#[test]
fn levels_are_the_cores() {
    constants::<X86_64>(Format::X86_64);
    constants::<X86_64La57>(Format::X86_64La57);
    constants::<Sv39>(Format::Sv39);
    constants::<Sv48>(Format::Sv48);
    constants::<Sv57>(Format::Sv57);
    constants::<Aarch64>(Format::Aarch64);
    constants::<LoongArch64>(Format::LoongArch64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn the_audit_reads_entries_as_the_core_does(pa: usize) {
        for level in 1..=4 {
            read_alike::<X86_64Pte>(Format::X86_64, level, pa);
            read_alike::<Aarch64Pte>(Format::Aarch64, level, pa);
            read_alike::<LoongArch64Pte>(Format::LoongArch64, level, pa);
        }
        for level in 1..=5 {
            read_alike::<X86_64Pte>(Format::X86_64La57, level, pa);
            read_alike::<RiscvPte>(Format::Sv57, level, pa);
        }
    }

    /// Of two words that the audit takes for the same up to accessed and dirty bits, so does the
    /// core, whatever the words.
    #[test]
    fn accessed_and_dirty_bits_are_the_cores(w: u64, level in 1u8..4) {
        fn check<E: PageTableEntryTrait>(format: Format, level: u8, w: u64) {
            let (a, b) = (E::from_usize(w as usize), E::from_usize(format.sans_ad(w) as usize));
            assert_eq!(a.is_present(), b.is_present());
            if format.present(w) {
                assert_eq!(a.paddr(level), b.paddr(level));
                let (a, b) = (a.prop(level), b.prop(level));
                assert_eq!(a.sans_ad(), b.sans_ad(), "{format:?} {w:#x}");
            }
        }
        check::<X86_64Pte>(Format::X86_64, level, w);
        check::<RiscvPte>(Format::Sv57, level, w);
        check::<Aarch64Pte>(Format::Aarch64, level, w);
        check::<LoongArch64Pte>(Format::LoongArch64, level, w);
    }
}

#[test]
fn the_mmu_allows_what_the_property_says() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, _) = table::<ID>(VA, P);
    load::<ID>(nodes[0]);
    // No RAM: what lies there is nobody's business.
    let pa = 0x1_4000_0000;
    for level in 1..=3u8 {
        let depth = usize::from(4 - level);
        for prop in properties().filter(|&p| X86_64Pte::supports(level, p)) {
            let w = X86_64Pte::new_page(pa, level, prop).as_usize() as u64;
            set::<ID>(nodes[depth], index(VA, level.into()), w);
            let [r, w, x] =
                [PageFlags::R, PageFlags::W, PageFlags::X].map(|f| prop.flags.contains(f));
            let user = prop.priv_flags.contains(PrivilegedPageFlags::USER);
            let expected = [
                (Read, true, user && r),
                (Write, true, user && r && w),
                (Execute, true, user && r && x),
                (Read, false, true),
                (Write, false, w),
                (Execute, false, x && !user),
            ];
            let at = VA & (page_size(level) - 1);
            for (access, as_user, allowed) in expected {
                let got = m.access(VA, access, as_user).ok();
                assert_eq!(
                    got,
                    allowed.then_some(pa + at),
                    "{access:?} {as_user} {prop:?}"
                );
            }
            let global = prop.priv_flags.contains(PrivilegedPageFlags::GLOBAL);
            assert_eq!(
                m.tlb(0).iter().map(|t| t.global).collect::<Vec<_>>(),
                [global]
            );
            Sim::<ID>::flush_wait(Sim::<ID>::flush(CpuSet(1), &FlushOp::All));
            // The MMU's own bits are the property's.
            let seen = m.word(nodes[depth] + 8 * index(VA, level.into())).unwrap();
            let seen = X86_64Pte::from_usize(seen as usize).prop(level);
            assert!(seen.flags.contains(PageFlags::ACCESSED));
            assert_eq!(
                seen.flags.contains(PageFlags::DIRTY),
                w || prop.flags.contains(PageFlags::DIRTY)
            );
            assert_eq!(seen.sans_ad(), prop.sans_ad());
        }
    }
    assert_eq!(m.violations(), []);
}
