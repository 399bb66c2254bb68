//! What kind of table a table is: its machine, its format, its half of the addresses, and what is
//! mapped in it.
use super::item::MappedItem;
use crate::paging::{
    Aarch64, Aarch64Pte, LoongArch64, LoongArch64Pte, PageProperty, PageTableEntryTrait,
    PagingConstsTrait, PagingLevel, RiscvPte, Sv39, Sv48, Sv57, X86_64La57, X86_64Pte, X86_64,
};
use crate::{Paddr, Platform};
use core::marker::PhantomData;
use core::ops::Range;

/// A translation scheme together with its entries.
pub trait PagingFormat: Sized + Send + Sync + 'static {
    /// Sizes of the scheme.
    type Consts: PagingConstsTrait;
    /// Its entries.
    type Entry: PageTableEntryTrait;
}

macro_rules! formats {
    ($($consts:ident: $entry:ident),* $(,)?) => {
        $(impl PagingFormat for $consts {
            type Consts = $consts;
            type Entry = $entry;
        })*
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

/// A kind of page table.
///
/// # Safety
/// `item_into_raw` and `item_from_raw` must be inverse to each other, for all that was ever made an
/// entry; an item of several base pages may come back as items of its parts, each once.
pub unsafe trait PageTableConfig: Sized + Send + Sync + 'static {
    /// The machine.
    type P: Platform;
    /// Sizes of the translation scheme.
    type C: PagingConstsTrait;
    /// Entries of the scheme.
    type E: PageTableEntryTrait;
    /// What is mapped: a share of frames, or an address that nobody owns. Any CPU may take it out of the
    /// table, and several may have clones of it.
    type Item: Send + Sync;

    /// Root entries that belong to the table.
    const TOP_LEVEL_INDEX_RANGE: Range<usize>;
    /// May root entries lose their nodes? Not if other tables share these.
    const TOP_LEVEL_CAN_UNMAP: bool;

    /// The level of an item's page; 0 if no page has its size: such an item is never made an entry.
    fn item_level(item: &Self::Item) -> PagingLevel;

    /// Moves an item into what an entry says.
    fn item_into_raw(item: Self::Item) -> (Paddr, PagingLevel, PageProperty);

    /// Moves an item out of what an entry said.
    ///
    /// # Safety
    /// The entry held the item and does not any more; each entry gives its item back once.
    unsafe fn item_from_raw(pa: Paddr, level: PagingLevel, prop: PageProperty) -> Self::Item;

    /// Another item like the one that an entry holds.
    ///
    /// # Safety
    /// The entry holds the item, and keeps it.
    unsafe fn item_clone_raw(pa: Paddr, level: PagingLevel, prop: PageProperty) -> Self::Item;

    /// `prop` marked as the property of memory that nobody owns.
    fn untracked(prop: PageProperty) -> PageProperty;

    /// What `op` makes of an entry's property; the entry's item stays of its kind.
    fn change(prop: PageProperty, op: impl FnOnce(&mut PageProperty)) -> PageProperty;
}

/// Levels of `C`'s tables whose words may never lose a child: from this one up.
pub(crate) const fn keep_level<C: PageTableConfig>() -> PagingLevel {
    if C::TOP_LEVEL_CAN_UNMAP {
        C::C::NR_LEVELS + 1
    } else {
        C::C::NR_LEVELS
    }
}

/// The kernel half of the addresses, shared with every user table.
pub struct KernelPtConfig<P: Platform, F: PagingFormat>(PhantomData<(P, F)>);

/// The user half of the addresses.
pub struct UserPtConfig<P: Platform, F: PagingFormat>(PhantomData<(P, F)>);

macro_rules! config {
    ($name:ident, $top:expr, $can_unmap:expr) => {
        // SAFETY: `MappedItem` says so of its raw form, and no part of it depends on the table.
        unsafe impl<P: Platform, F: PagingFormat> PageTableConfig for $name<P, F> {
            type P = P;
            type C = F::Consts;
            type E = F::Entry;
            type Item = MappedItem<P>;

            const TOP_LEVEL_INDEX_RANGE: Range<usize> = $top;
            const TOP_LEVEL_CAN_UNMAP: bool = $can_unmap;

            #[inline(always)]
            fn item_level(item: &Self::Item) -> PagingLevel {
                item.level()
            }

            #[inline(always)]
            fn item_into_raw(item: Self::Item) -> (Paddr, PagingLevel, PageProperty) {
                item.into_raw()
            }

            #[inline(always)]
            unsafe fn item_from_raw(
                pa: Paddr,
                level: PagingLevel,
                prop: PageProperty,
            ) -> Self::Item {
                // SAFETY: the caller promises that the entry held the item, and gives it back once.
                unsafe { MappedItem::from_raw(pa, level, prop) }
            }

            #[inline(always)]
            unsafe fn item_clone_raw(
                pa: Paddr,
                level: PagingLevel,
                prop: PageProperty,
            ) -> Self::Item {
                // SAFETY: the caller promises that the entry holds the item for the whole call.
                unsafe { MappedItem::clone_raw(pa, level, prop) }
            }

            #[inline(always)]
            fn untracked(prop: PageProperty) -> PageProperty {
                MappedItem::<P>::mark_untracked(prop)
            }

            #[inline(always)]
            fn change(prop: PageProperty, op: impl FnOnce(&mut PageProperty)) -> PageProperty {
                MappedItem::<P>::change(prop, op)
            }
        }
    };
}

config!(KernelPtConfig, 256..512, false);
config!(UserPtConfig, 0..256, true);
