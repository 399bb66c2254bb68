//! What is mapped in a kind of table.
#[cfg(verus_only)]
use super::item::spec::*;
use super::item::MappedItem;
use super::kind::{KernelPtConfig, PagingFormat, TableKind, UserPtConfig};
#[cfg(verus_only)]
use super::shares::Shares;
use crate::paging::{PageProperty, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

/// Shares of frames are ghost: here they take no place.
#[cfg(not(verus_only))]
pub type Shares<P> = core::marker::PhantomData<P>;

verus! {

/// A kind of page table.
///
/// While an item is an entry, it is an address, a level and a property; the flag `AVAIL1` of the property
/// marks memory that nobody counts. Of other memory the entry has a share of each frame.
///
/// # Safety
/// `item_into_raw` and `item_from_raw` are inverse to each other, for all that was ever made an entry; an item
/// of several base pages may come back as items of its parts, each once. The contracts say so: who has
/// them checked promises nothing more.
pub unsafe trait PageTableConfig: TableKind {
    /// What is mapped: a share of frames, or an address that nobody owns. Any CPU may take it out of the
    /// table, and several may have clones of it.
    type Item: Send + Sync;

    /// What an item is as an entry.
    spec fn raw(item: Self::Item) -> RawItem;

    /// The level of an item's page; 0 if no page has its size: such an item is never made an entry.
    fn item_level(item: &Self::Item) -> (r: PagingLevel)
        ensures
            r == Self::raw(*item).1,
    ;

    /// Moves an item into what an entry says, with the shares of its frames, numbered from 0 on.
    fn item_into_raw(item: Self::Item) -> (r: (Paddr, PagingLevel, PageProperty, Tracked<Shares<Self::P>>))
        ensures
            (r.0, r.1, r.2) == Self::raw(item),
            r.1 != 0 ==> held_by(r.3@, 0, Self::raw(item)),
    ;

    /// Moves an item out of what an entry said.
    ///
    /// # Safety
    /// The entry held the item and does not any more; each entry gives its item back once.
    unsafe fn item_from_raw(pa: Paddr, level: PagingLevel, prop: PageProperty, shares: Tracked<Shares<Self::P>>) -> (r: Self::Item)
        requires
            held_by(shares@, 0, (pa, level, prop)),
        ensures
            Self::raw(r) == (pa, level, prop),
    ;

    /// Another item like the one that the entry for page `v` holds, whose shares are among `held`.
    ///
    /// # Safety
    /// The entry holds the item, and keeps it.
    unsafe fn item_clone_raw(pa: Paddr, level: PagingLevel, prop: PageProperty, held: Tracked<&Shares<Self::P>>, v: Ghost<int>) -> (r: Self::Item)
        requires
            lent(*held@, v@, (pa, level, prop)),
        ensures
            Self::raw(r) == (pa, level, prop),
    ;
}

} // verus!

macro_rules! config {
    ($name:ident) => {
        verus! {

        // SAFETY: the contracts are proven, from those of `MappedItem`.
        unsafe impl<P: Platform, F: PagingFormat> PageTableConfig for $name<P, F> {
            type Item = MappedItem<P>;

            open spec fn raw(item: MappedItem<P>) -> RawItem { item.raw() }

            #[inline(always)]
            fn item_level(item: &Self::Item) -> PagingLevel { item.level() }

            #[inline(always)]
            fn item_into_raw(item: Self::Item) -> (Paddr, PagingLevel, PageProperty, Tracked<Shares<P>>) {
                item.into_raw()
            }

            #[inline(always)]
            unsafe fn item_from_raw(pa: Paddr, level: PagingLevel, prop: PageProperty, shares: Tracked<Shares<P>>) -> Self::Item {
                // SAFETY: the caller has the item's shares.
                unsafe { MappedItem::from_raw(pa, level, prop, shares) }
            }

            #[inline(always)]
            unsafe fn item_clone_raw(pa: Paddr, level: PagingLevel, prop: PageProperty, held: Tracked<&Shares<P>>, v: Ghost<int>) -> Self::Item {
                // SAFETY: the caller has the item's shares for the whole call.
                unsafe { MappedItem::clone_raw(pa, level, prop, held, v) }
            }
        }

        } // verus!
    };
}

config!(KernelPtConfig);
config!(UserPtConfig);
