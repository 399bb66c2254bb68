//! What kind of table a table is, but for what it maps: its machine, its format, its part of the addresses.
use super::geom::{pages_of, NR_PAGES};
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::base;
#[cfg(verus_only)]
use crate::paging::vaddr::{range_end, top_ok, valid_range};
use crate::paging::{
    is_valid_range, Aarch64, Aarch64Pte, LoongArch64, LoongArch64Pte, PageTableEntryTrait,
    PagingConstsTrait, PagingLevel, RiscvPte, Sv39, Sv48, Sv57, X86_64La57, X86_64Pte, X86_64,
};
use crate::{Platform, Vaddr};
use core::marker::PhantomData;
use core::ops::Range;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "kind.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

verus! {

/// A translation scheme together with its entries.
pub trait PagingFormat: Sized + Send + Sync + 'static {
    /// Sizes of the scheme.
    type Consts: PagingConstsTrait;
    /// Its entries.
    type Entry: PageTableEntryTrait;
}

/// The machine, the format and the addresses of a kind of page table.
///
/// # Safety
/// The root entries are not none, at most 512, whole pairs of neighbours, and of one half if addresses are sign-extended.
pub unsafe trait TableKind: Sized + Send + Sync + 'static {
    /// The machine.
    type P: Platform;
    /// Sizes of the translation scheme.
    type C: PagingConstsTrait;
    /// Entries of the scheme.
    type E: PageTableEntryTrait;

    /// Root entries that belong to the table.
    const TOP_LEVEL_INDEX_RANGE: Range<usize>;
    /// May root entries lose their nodes? Not if other tables share these.
    const TOP_LEVEL_CAN_UNMAP: bool;

    /// What is true of every kind.
    proof fn lemma_kind()
        ensures
            top_ok::<Self::C>(Self::TOP_LEVEL_INDEX_RANGE.start as int, Self::TOP_LEVEL_INDEX_RANGE.end as int),
            Self::TOP_LEVEL_INDEX_RANGE.start % 2 == 0,
            Self::TOP_LEVEL_INDEX_RANGE.end % 2 == 0,
    ;
}

} // verus!

macro_rules! formats {
    ($($consts:ident: $entry:ident),* $(,)?) => {
        verus! {
        $(impl PagingFormat for $consts {
            type Consts = $consts;
            type Entry = $entry;
        })*
        } // verus!
    };
}

formats! {
    X86_64: X86_64Pte,
    X86_64La57: X86_64Pte,
    Sv39: RiscvPte,
    Sv48: RiscvPte,
    Sv57: RiscvPte,
    Aarch64: Aarch64Pte,
    LoongArch64: LoongArch64Pte,
}

/// Root entries of the kernel half.
#[verus_verify]
pub const KERNEL_HALF: Range<usize> = Range {
    start: 256,
    end: 512,
};

/// Root entries of the user half.
#[verus_verify]
pub const USER_HALF: Range<usize> = Range { start: 0, end: 256 };

macro_rules! half {
    ($(#[$doc:meta])* $name:ident, $half:tt, $can_unmap:tt) => {
        verus! {

        $(#[$doc])*
        #[verifier::reject_recursive_types(P)]
        #[verifier::reject_recursive_types(F)]
        pub struct $name<P: Platform, F: PagingFormat>(PhantomData<(P, F)>);

        // SAFETY: `lemma_kind`.
        unsafe impl<P: Platform, F: PagingFormat> TableKind for $name<P, F> {
            type P = P;
            type C = F::Consts;
            type E = F::Entry;

            const TOP_LEVEL_INDEX_RANGE: Range<usize> = $half;
            const TOP_LEVEL_CAN_UNMAP: bool = $can_unmap;

            proof fn lemma_kind() {
            }
        }

        } // verus!
    };
}

half!(
    /// The kernel half of the addresses, shared with every user table.
    KernelPtConfig, KERNEL_HALF, false
);
half!(
    /// The user half of the addresses.
    UserPtConfig, USER_HALF, true
);

/// Page number of root entry 0, as addresses of `K`'s part have it.
#[verus_spec(ret => ensures ret == root_page::<K>())]
pub(crate) fn root_base<K: TableKind>() -> usize {
    proof! {
        K::lemma_kind();
        K::C::lemma_consts();
        reveal(base);
    }
    if K::TOP_LEVEL_INDEX_RANGE.start >= 256 && K::C::VA_SIGN_EXT {
        NR_PAGES - pages_of(512, K::C::NR_LEVELS)
    } else {
        0
    }
}

/// Levels of `K`'s tables whose words may never lose a child: from this one up.
#[verus_spec(ret =>
    ensures ret == K::C::NR_LEVELS + if K::TOP_LEVEL_CAN_UNMAP { 1int } else { 0 },
)]
pub(crate) fn keep_level<K: TableKind>() -> PagingLevel {
    proof! { K::C::lemma_consts(); }
    if K::TOP_LEVEL_CAN_UNMAP {
        K::C::NR_LEVELS + 1
    } else {
        K::C::NR_LEVELS
    }
}

/// The page numbers of a range of addresses that a table of kind `K` manages; an end of 0 stands for 2^64.
///
/// # Errors
/// - `UnalignedVaddr`: the end that is no multiple of 4096;
/// - `InvalidVaddrRange`: the range is empty, reversed, or not inside the table's addresses.
#[verus_spec(ret =>
    ensures
        match ret {
            Ok(pages) => range_ok::<K>(range.start, range.end)
                && pages.0 == range.start / 4096 && pages.1 == range_end(range.end) / 4096 && pages.0 < pages.1 <= NR_PAGES,
            Err(PageTableError::UnalignedVaddr(va)) => va % 4096 != 0
                && (va == range.start || range.start % 4096 == 0 && va == range.end),
            Err(e) => e == PageTableError::InvalidVaddrRange(range.start, range.end)
                && range.start % 4096 == 0 && range.end % 4096 == 0 && !range_ok::<K>(range.start, range.end),
        },
)]
pub(crate) fn page_range<K: TableKind>(
    range: &Range<Vaddr>,
) -> Result<(usize, usize), PageTableError> {
    if range.start % 4096 != 0 {
        return Err(PageTableError::UnalignedVaddr(range.start));
    }
    if range.end % 4096 != 0 {
        return Err(PageTableError::UnalignedVaddr(range.end));
    }
    if !is_valid_range::<K::C>(&K::TOP_LEVEL_INDEX_RANGE, range) {
        return Err(PageTableError::InvalidVaddrRange(range.start, range.end));
    }
    proof! { lemma_range_in_table::<K>(Map::empty(), range.start, range.end); }
    let end = if range.end == 0 {
        NR_PAGES
    } else {
        range.end / 4096
    };
    Ok((range.start / 4096, end))
}
