//! What is mapped in a kind of table.
use super::item::MappedItem;
use super::kind::{KernelPtConfig, PagingFormat, TableKind, UserPtConfig};
use crate::paging::{PageProperty, PagingLevel};
use crate::{Paddr, Platform};

/// A kind of page table.
///
/// # Safety
/// `item_into_raw` and `item_from_raw` must be inverse to each other, for all that was ever made an
/// entry; an item of several base pages may come back as items of its parts, each once.
pub unsafe trait PageTableConfig: TableKind {
    /// What is mapped: a share of frames, or an address that nobody owns. Any CPU may take it out of the
    /// table, and several may have clones of it.
    type Item: Send + Sync;

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

macro_rules! config {
    ($name:ident) => {
        // SAFETY: `MappedItem` says so of its raw form, and no part of it depends on the table.
        unsafe impl<P: Platform, F: PagingFormat> PageTableConfig for $name<P, F> {
            type Item = MappedItem<P>;

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

config!(KernelPtConfig);
config!(UserPtConfig);
