//! Questions to a word of a node.
#[cfg(verus_only)]
use super::model::*;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingLevel};
use crate::Paddr;
use vstd::prelude::*;

/// Does the word say anything?
#[inline(always)]
#[verus_spec(ret => ensures ret == present::<E>(w))]
pub(crate) fn word_present<E: PageTableEntryTrait>(w: u64) -> bool {
    E::from_usize(w as usize).is_present()
}

/// Does the word map a page?
#[inline(always)]
#[verus_spec(ret => ensures ret == is_leaf::<E>(level as int, w))]
pub(crate) fn word_leaf<E: PageTableEntryTrait>(w: u64, level: PagingLevel) -> bool {
    let e = E::from_usize(w as usize);
    e.is_present() && (level <= 1 || e.is_last(level))
}

/// Does the word point to a table?
#[inline(always)]
#[verus_spec(ret => ensures ret == is_table::<E>(level as int, w))]
pub(crate) fn word_table<E: PageTableEntryTrait>(w: u64, level: PagingLevel) -> bool {
    let e = E::from_usize(w as usize);
    level > 1 && e.is_present() && !e.is_last(level)
}

/// Where the word points to.
#[inline(always)]
#[verus_spec(ret => ensures ret == pte_pa::<E>(level as int, w))]
pub(crate) fn word_paddr<E: PageTableEntryTrait>(w: u64, level: PagingLevel) -> Paddr {
    E::from_usize(w as usize).paddr(level)
}

/// The property of the leaf `w`.
#[inline(always)]
#[verus_spec(ret => ensures ret == E::spec_prop(level as int, w), ret.spec_sans_ad() == page_prop::<E>(level as int, w))]
pub(crate) fn word_prop<E: PageTableEntryTrait>(w: u64, level: PagingLevel) -> PageProperty {
    E::from_usize(w as usize).prop(level)
}

/// The word that maps the page at `pa`.
#[inline(always)]
#[verus_spec(ret =>
    requires 1 <= level <= 5, leaf_ok::<E>(level as int, pa as int, prop),
    ensures
        is_leaf::<E>(level as int, ret), pte_pa::<E>(level as int, ret) == pa, page_prop::<E>(level as int, ret) == prop.spec_sans_ad(),
        E::spec_prop(level as int, ret) == prop,
)]
pub(crate) fn leaf_word<E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    prop: PageProperty,
) -> u64 {
    E::new_page(pa, level, prop).as_usize() as u64
}
