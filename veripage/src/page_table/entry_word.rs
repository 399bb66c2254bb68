//! What the MMU may do to a word of an entry format, told to the trusted loads.
use crate::paging::PageTableEntryTrait;
use core::marker::PhantomData;
use veripage_hw::page::MmuWord;
use vstd::prelude::*;

verus! {

/// The words of format `E`.
pub struct Ad<E: PageTableEntryTrait>(PhantomData<E>);

// SAFETY: the formats give as `same_but_ad` what their manuals say of accessed and dirty bits.
unsafe impl<E: PageTableEntryTrait> MmuWord for Ad<E> {
    open spec fn same_but_ad(a: u64, b: u64) -> bool {
        E::same_but_ad(a, b)
    }
}

} // verus!
