//! What kernel and user tables map: frames that somebody counts, or plain addresses.
use crate::frame::{DynFrame, DynSegment};
use crate::paging::{page_size, PageFlags, PageProperty, PagingLevel};
use crate::{Paddr, Platform};
use core::mem::ManuallyDrop;

/// Something mapped, or to be mapped, as one page.
///
/// The flag `AVAIL1` of the property tells the kinds apart while an item is an entry, so it is not the
/// caller's.
pub enum MappedItem<P: Platform> {
    /// A base page: one share of a frame.
    Tracked(DynFrame<P>, PageProperty),
    /// A huge page: one share of each of its frames. Their number is the page's size, and they start at
    /// a multiple of it.
    TrackedHuge(DynSegment<P>, PageProperty),
    /// Memory that nobody counts: a device, or frames that never go away.
    Untracked(Paddr, PagingLevel, PageProperty),
}

impl<P: Platform> MappedItem<P> {
    /// Physical address of its first byte.
    pub fn paddr(&self) -> Paddr {
        match self {
            MappedItem::Tracked(frame, _) => frame.start_paddr(),
            MappedItem::TrackedHuge(frames, _) => frames.start_paddr(),
            MappedItem::Untracked(pa, _, _) => *pa,
        }
    }

    /// Level of its page; 0 if there is no page of its size.
    pub fn level(&self) -> PagingLevel {
        match self {
            MappedItem::Tracked(..) => 1,
            MappedItem::TrackedHuge(frames, _) => level_of(frames.size()),
            MappedItem::Untracked(_, level, _) => *level,
        }
    }

    /// Its property, without the flag that tells the kinds apart.
    pub fn prop(&self) -> PageProperty {
        match self {
            MappedItem::Tracked(_, prop)
            | MappedItem::TrackedHuge(_, prop)
            | MappedItem::Untracked(_, _, prop) => *prop,
        }
    }

    /// `prop` with the flag of memory that nobody counts.
    #[inline(always)]
    pub(crate) fn mark_untracked(prop: PageProperty) -> PageProperty {
        PageProperty {
            flags: prop.flags.union(PageFlags::AVAIL1),
            ..prop
        }
    }

    /// `prop` without that flag.
    #[inline(always)]
    pub(crate) fn mark_tracked(prop: PageProperty) -> PageProperty {
        PageProperty {
            flags: prop.flags.difference(PageFlags::AVAIL1),
            ..prop
        }
    }

    /// What `op` makes of `prop`, except for that flag, which it does not see.
    #[inline(always)]
    pub(crate) fn change(prop: PageProperty, op: impl FnOnce(&mut PageProperty)) -> PageProperty {
        let mut changed = Self::mark_tracked(prop);
        op(&mut changed);
        if prop.flags.contains(PageFlags::AVAIL1) {
            Self::mark_untracked(changed)
        } else {
            Self::mark_tracked(changed)
        }
    }

    #[inline(always)]
    pub(crate) fn into_raw(self) -> (Paddr, PagingLevel, PageProperty) {
        let level = self.level();
        match self {
            MappedItem::Tracked(frame, prop) => (frame.into_raw(), 1, Self::mark_tracked(prop)),
            MappedItem::TrackedHuge(frames, prop) => {
                (frames.into_raw().start, level, Self::mark_tracked(prop))
            }
            MappedItem::Untracked(pa, level, prop) => (pa, level, Self::mark_untracked(prop)),
        }
    }

    /// # Safety
    /// The raw form came from [`into_raw`](Self::into_raw), or is a part of such a page, and each of its
    /// frames' shares is made an item once.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(pa: Paddr, level: PagingLevel, prop: PageProperty) -> Self {
        let plain = Self::mark_tracked(prop);
        if prop.flags.contains(PageFlags::AVAIL1) {
            MappedItem::Untracked(pa, level, plain)
        } else if level == 1 {
            // SAFETY: the entry held a share of the frame.
            MappedItem::Tracked(unsafe { DynFrame::from_raw(pa) }, plain)
        } else {
            // SAFETY: the entry held a share of each frame.
            MappedItem::TrackedHuge(
                unsafe { DynSegment::from_raw(pa..pa + page_size(level)) },
                plain,
            )
        }
    }

    /// # Safety
    /// An entry with this raw form exists for the whole call.
    #[inline(always)]
    pub(crate) unsafe fn clone_raw(pa: Paddr, level: PagingLevel, prop: PageProperty) -> Self {
        // SAFETY: this one is never dropped, so the entry keeps its shares.
        let held = ManuallyDrop::new(unsafe { Self::from_raw(pa, level, prop) });
        match &*held {
            MappedItem::Tracked(frame, prop) => MappedItem::Tracked(frame.clone(), *prop),
            MappedItem::TrackedHuge(frames, prop) => {
                MappedItem::TrackedHuge(frames.share_all(), *prop)
            }
            MappedItem::Untracked(pa, level, prop) => MappedItem::Untracked(*pa, *level, *prop),
        }
    }
}

impl<P: Platform> core::fmt::Debug for MappedItem<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let kind = match self {
            MappedItem::Untracked(..) => "Untracked",
            _ => "Tracked",
        };
        write!(
            f,
            "{kind}({:#x}, {}, {:?})",
            self.paddr(),
            self.level(),
            self.prop()
        )
    }
}

/// The level whose pages have `size` bytes, or 0.
fn level_of(size: usize) -> PagingLevel {
    let mut level = 5;
    while level > 0 && page_size(level) != size {
        level -= 1;
    }
    level
}
