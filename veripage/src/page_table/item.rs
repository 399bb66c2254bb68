//! What kernel and user tables map: frames that somebody counts, or plain addresses.
#[cfg(not(verus_only))]
use super::config::Shares;
#[cfg(verus_only)]
use super::shares::*;
use crate::frame::segment;
#[cfg(verus_only)]
use crate::frame::segment::{all_of, frames_in};
#[cfg(verus_only)]
use crate::frame::slot::{slot_at, Kind, Share};
use crate::frame::{DynFrame, DynSegment, FrameRef};
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{page_size, PageFlags, PageProperty, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "item.spec.rs"]
pub(crate) mod spec;
#[cfg(verus_only)]
use spec::*;

/// Something mapped, or to be mapped, as one page.
///
/// The flag `AVAIL1` of the property tells the kinds apart while an item is an entry, so it is not the
/// caller's.
#[verus_verify(reject_recursive_types(P))]
pub enum MappedItem<P: Platform> {
    /// A base page: one share of a frame.
    Tracked(DynFrame<P>, PageProperty),
    /// A huge page: one share of each of its frames. Their number is the page's size, and they start at
    /// a multiple of it.
    TrackedHuge(DynSegment<P>, PageProperty),
    /// Memory that nobody counts: a device, or frames that never go away.
    Untracked(Paddr, PagingLevel, PageProperty),
}

#[verus_verify]
impl<P: Platform> MappedItem<P> {
    /// Physical address of its first byte.
    #[verus_spec(r => ensures r == self.raw().0)]
    pub fn paddr(&self) -> Paddr {
        match self {
            MappedItem::Tracked(frame, _) => frame.start_paddr(),
            MappedItem::TrackedHuge(frames, _) => frames.start_paddr(),
            MappedItem::Untracked(pa, _, _) => *pa,
        }
    }

    /// Level of its page; 0 if there is no page of its size.
    #[verus_spec(r => ensures r == self.raw().1)]
    pub fn level(&self) -> PagingLevel {
        match self {
            MappedItem::Tracked(..) => 1,
            MappedItem::TrackedHuge(frames, _) => level_of(frames.size()),
            MappedItem::Untracked(_, level, _) => *level,
        }
    }

    /// Its property; the flag that tells the kinds apart is not to be relied on.
    #[verus_spec(r => ensures marked(r, counted(self.raw().2)) == self.raw().2)]
    pub fn prop(&self) -> PageProperty {
        let prop = match self {
            MappedItem::Tracked(_, prop)
            | MappedItem::TrackedHuge(_, prop)
            | MappedItem::Untracked(_, _, prop) => *prop,
        };
        proof! { lemma_marked(prop, true); lemma_marked(prop, false); }
        prop
    }

    /// Moves the item into what an entry says, with a share of each of its frames, numbered from 0 on.
    /// An item of a size that no page has loses its shares.
    #[inline(always)]
    #[verus_spec(r =>
        ensures (r.0, r.1, r.2) == self.raw(), r.1 != 0 ==> held_by(r.3@, 0, self.raw()),
    )]
    pub(crate) fn into_raw(self) -> (Paddr, PagingLevel, PageProperty, Tracked<Shares<P>>) {
        let level = self.level();
        proof_decl! {
            let tracked mut m: Shares<P> = Map::tracked_empty();
        }
        let (pa, level, prop) = match self {
            MappedItem::Tracked(frame, prop) => {
                proof! { lemma_marked(prop, true); }
                proof_decl! {
                    let tracked s: Share<P>;
                }
                proof_with!(=> Tracked(s));
                let pa = frame.into_raw();
                proof! { m.tracked_insert(0, s); }
                (pa, 1, tracked(prop))
            }
            MappedItem::TrackedHuge(frames, prop) => {
                proof! { lemma_marked(prop, true); }
                proof_decl! {
                    let tracked s: Shares<P>;
                }
                proof_with!(=> Tracked(s));
                let range = frames.into_raw();
                proof! {
                    if level != 0 {
                        m = numbered::<P>(s, range.start as int, span(level as int));
                    }
                }
                (range.start, level, tracked(prop))
            }
            MappedItem::Untracked(pa, level, prop) => {
                proof! { lemma_marked(prop, false); }
                (pa, level, untracked(prop))
            }
        };
        (pa, level, prop, verus_exec_expr!(Tracked(m)))
    }

    /// # Safety
    /// The raw form came from [`into_raw`](Self::into_raw), or is a part of such a page, and each of its
    /// frames' shares is made an item once.
    #[inline(always)]
    #[verus_spec(r =>
        requires held_by(_shares@, 0, (pa, level, prop)),
        ensures r.raw() == (pa, level, prop),
    )]
    pub(crate) unsafe fn from_raw(
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
        _shares: Tracked<Shares<P>>,
    ) -> Self {
        proof_decl! {
            let tracked shares = _shares.get();
        }
        proof! { lemma_marked(prop, true); lemma_marked(prop, false); lemma_flag(prop); }
        let plain = tracked(prop);
        if prop.flags.contains(PageFlags::AVAIL1) {
            MappedItem::Untracked(pa, level, plain)
        } else if level == 1 {
            proof! { assert(shares.dom().contains(0)); }
            proof_decl! {
                let tracked mut m = shares;
                let tracked s = m.tracked_remove(0);
            }
            // SAFETY: the entry held a share of the frame.
            let frame = unsafe {
                proof_with!(Tracked(s));
                DynFrame::from_raw(pa)
            };
            MappedItem::Tracked(frame, plain)
        } else {
            proof! {
                lemma_run::<P>(shares, 0, span(level as int), pa as int);
                P::bounds();
            }
            proof_decl! {
                let tracked m = addressed::<P>(shares, pa as int, span(level as int));
            }
            // SAFETY: the entry held a share of each frame.
            let frames = unsafe {
                proof_with!(Tracked(m));
                DynSegment::from_raw(pa..pa + page_size(level))
            };
            MappedItem::TrackedHuge(frames, plain)
        }
    }

    /// Another item like the one that the entry for page `v` holds, whose shares are among `held`.
    ///
    /// # Safety
    /// An entry with this raw form exists for the whole call.
    #[inline(always)]
    #[verus_spec(r =>
        requires lent(*_held@, _v@, (pa, level, prop)),
        ensures r.raw() == (pa, level, prop),
    )]
    pub(crate) unsafe fn clone_raw(
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
        _held: Tracked<&Shares<P>>,
        _v: Ghost<int>,
    ) -> Self {
        proof_decl! {
            let tracked held = _held.get();
            let ghost v = _v@;
        }
        proof! { lemma_marked(prop, true); lemma_marked(prop, false); lemma_flag(prop); }
        let plain = tracked(prop);
        if prop.flags.contains(PageFlags::AVAIL1) {
            MappedItem::Untracked(pa, level, plain)
        } else if level == 1 {
            proof! { assert(held.dom().contains(v)); }
            // SAFETY: the entry holds a share of the frame, and stays for the call.
            let frame = unsafe {
                proof_with!(Tracked(held.tracked_borrow(v)));
                FrameRef::borrow_paddr(pa)
            };
            MappedItem::Tracked(frame.to_frame(), plain)
        } else {
            proof_decl! {
                let ghost key = |a: int| v + (a - pa) / 4096;
            }
            proof! {
                lemma_run::<P>(*held, v, span(level as int), pa as int);
                P::bounds();
                lemma_lends::<P>(*held, v, span(level as int), pa as int, key);
            }
            proof_with!(Tracked(held), Ghost(key));
            let frames = segment::share_run(pa, pa + page_size(level));
            MappedItem::TrackedHuge(frames, plain)
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

/// `prop` with the flag of memory that nobody counts.
#[inline(always)]
#[verus_spec(r => ensures r == marked(prop, false))]
pub(crate) fn untracked(prop: PageProperty) -> PageProperty {
    PageProperty {
        flags: prop.flags.union(PageFlags::AVAIL1),
        ..prop
    }
}

/// `prop` without that flag.
#[inline(always)]
#[verus_spec(r => ensures r == marked(prop, true))]
pub(crate) fn tracked(prop: PageProperty) -> PageProperty {
    PageProperty {
        flags: prop.flags.difference(PageFlags::AVAIL1),
        ..prop
    }
}

/// `prop` with that flag as `like` has it.
#[inline(always)]
#[verus_spec(r => ensures r == marked(prop, counted(like)))]
pub(crate) fn of_kind(prop: PageProperty, like: PageProperty) -> PageProperty {
    proof! { lemma_flag(like); }
    if like.flags.contains(PageFlags::AVAIL1) {
        untracked(prop)
    } else {
        tracked(prop)
    }
}

/// The level whose pages have `size` bytes, or 0.
#[verus_spec(r => ensures r == level_with(size as int))]
fn level_of(size: usize) -> PagingLevel {
    let mut level = 5;
    #[cfg_attr(verus_only, verus_spec(
        invariant level <= 5, forall|l: int| level < l <= 5 ==> size != #[trigger] bytes(l),
        ensures level == level_with(size as int),
        decreases level,
    ))]
    while level > 0 && page_size(level) != size {
        level -= 1;
    }
    level
}
