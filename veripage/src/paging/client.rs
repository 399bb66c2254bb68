//! A client that knows the contracts only: it is verified, and it runs as a test.
#[cfg(verus_only)]
use super::{geometry::*, largest_pages::*, vaddr::*};
use super::{
    is_valid_range, largest_pages, page_size, CachePolicy, LargestPagesError, PageFlags,
    PageProperty, PageTableEntryTrait, PagingConstsTrait, PagingLevel, X86_64,
};
use crate::{Paddr, Vaddr};
use vstd::prelude::*;

/// The `i`-th of the 512 entries that together say what the huge page `pte` says.
#[verus_spec(ret =>
    requires
        E::spec_last(level as int, pte.bits()),
        E::spec_supports(level as int, E::spec_prop(level as int, pte.bits())),
        level > 1,
        i < 512,
    ensures
        E::spec_present(ret.bits()),
        E::spec_last(level - 1, ret.bits()),
        E::spec_paddr(level - 1, ret.bits()) == E::spec_paddr(level as int, pte.bits()) + i * bytes(level - 1),
        E::spec_prop(level - 1, ret.bits()) == E::spec_prop(level as int, pte.bits()),
)]
fn part_of<E: PageTableEntryTrait>(pte: E, level: PagingLevel, i: usize) -> E {
    proof! {
        let prop = E::spec_prop(level as int, pte.bits());
        E::supports_wf(level as int, prop);
        E::supports_lower(level as int, prop);
        E::paddr_end_aligned();
        E::leaf_paddr_ok(level as int, pte.bits());
        lemma_part(E::PADDR_END as int, level as int, E::spec_paddr(level as int, pte.bits()), i as int);
    }
    let pa = pte.paddr(level) + i * page_size(level - 1);
    E::new_page(pa, level - 1, pte.prop(level))
}

/// Maps, reads back, protects; `None` if the format cannot express that.
#[verus_spec(ret =>
    ensures
        ret is Some ==> {
            &&& E::spec_paddr(level as int, ret->Some_0.bits()) == pa
            &&& E::spec_prop(level as int, ret->Some_0.bits()).flags == PageFlags::R
        },
)]
fn map_and_protect<E: PageTableEntryTrait>(pa: Paddr, level: PagingLevel) -> Option<E> {
    let writable = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    let readable = PageProperty::new_user(PageFlags::R, CachePolicy::Writeback);
    if !E::supports(level, writable) || !E::supports(level, readable) || !E::fits_page(pa, level) {
        return None;
    }
    let pte = E::new_page(pa, level, writable);
    let there = pte.paddr(level);
    let prop = pte.prop(level);
    proof! {
        assert(there == pa && prop == writable);
    }
    if !pte.is_present() || !pte.is_last(level) || there != pa || prop.flags.bits() != 3 {
        proof! {
            assert(false);
        }
        return None;
    }
    Some(pte.set_prop(level, readable))
}

/// Number of pages that the run is split into. No tiling has fewer.
#[verus_spec(ret =>
    ensures
        ret matches Ok(n) ==> n == pages_of(C::HIGHEST_TRANSLATION_LEVEL as int, va as int, pa as int, len as int).len(),
        forall|t: Seq<int>| ret is Ok && #[trigger] tiles(t, C::HIGHEST_TRANSLATION_LEVEL as int, va as int, pa as int, len as int)
            ==> ret->Ok_0 <= t.len(),
)]
fn count_pages<C: PagingConstsTrait>(
    va: Vaddr,
    pa: Paddr,
    len: usize,
) -> Result<usize, LargestPagesError> {
    let mut run = largest_pages::<C>(va, pa, len)?;
    let mut n: usize = 0;
    proof! {
        C::lemma_consts();
        run.lemma_wf();
        assert forall|t: Seq<int>| #[trigger] tiles(t, C::HIGHEST_TRANSLATION_LEVEL as int, va as int, pa as int, len as int)
            implies pages_of(C::HIGHEST_TRANSLATION_LEVEL as int, va as int, pa as int, len as int).len() <= t.len() by {
            lemma_fewest(C::HIGHEST_TRANSLATION_LEVEL as int, va as int, pa as int, len as int, t);
        }
    }
    #[cfg_attr(verus_only, verus_spec(
        invariant
            run.wf(),
            n + run.at().2 <= len,
            n + run.pages().len() == pages_of(C::HIGHEST_TRANSLATION_LEVEL as int, va as int, pa as int, len as int).len(),
        ensures
            run.at().2 == 0,
        decreases run.at().2,
    ))]
    loop {
        if run.next_page().is_none() {
            break;
        }
        n += 1;
    }
    Ok(n)
}

/// The last page of either half of a 4-level table is valid, the page after the lower half is not.
#[verus_spec(ret => ensures ret)]
fn halves_end_right() -> bool {
    let user_last = is_valid_range::<X86_64>(&(0..256), &(0x7fff_ffff_f000..0x8000_0000_0000));
    let past_user = is_valid_range::<X86_64>(&(0..256), &(0x7fff_ffff_f000..0x8000_0000_1000));
    let end_of_space = 0;
    let kernel_last = is_valid_range::<X86_64>(&(256..512), &(0xffff_ffff_ffff_f000..end_of_space));
    proof! {
        lemma_halves();
    }
    user_last && !past_user && kernel_last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paging::{Aarch64Pte, LoongArch64Pte, RiscvPte, Sv48, X86_64Pte};

    fn split_and_protect<E: PageTableEntryTrait>() {
        let pte = map_and_protect::<E>(0x8000_0000, 3).unwrap();
        let part = part_of(part_of(pte, 3, 1), 2, 511);
        assert_eq!(part.paddr(1), 0x8000_0000 + 0x20_0000 + 511 * 4096);
        assert_eq!(part.prop(1), pte.prop(3));
        assert!(map_and_protect::<E>(0x8000_1000, 2).is_none());
    }

    #[test]
    fn parts_of_a_huge_page_say_the_same() {
        split_and_protect::<X86_64Pte>();
        split_and_protect::<RiscvPte>();
        split_and_protect::<Aarch64Pte>();
        split_and_protect::<LoongArch64Pte>();
    }

    #[test]
    fn ranges_at_both_ends_are_valid() {
        assert!(halves_end_right());
    }

    #[test]
    fn pages_are_counted() {
        // 511 pages up to 2 MiB, one large page, one page.
        assert_eq!(count_pages::<X86_64>(0x1000, 0x1000, 0x40_0000), Ok(513));
        assert_eq!(count_pages::<X86_64>(0, 0, 512 << 30), Ok(512));
        assert_eq!(count_pages::<Sv48>(0, 0, 512 << 30), Ok(1));
    }
}
