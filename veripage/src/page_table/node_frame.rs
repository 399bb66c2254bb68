//! Where the frames of nodes come from, and where they go.
use crate::paging::PageTableEntryTrait;
use crate::{Paddr, Platform};

/// A frame for a node of format `E`; its contents are arbitrary.
pub(super) fn take_frame<P: Platform, E: PageTableEntryTrait>() -> Option<Paddr> {
    let pa = P::alloc_frames(1, crate::PAGE_SIZE)?;
    if E::fits_table(pa) {
        return Some(pa);
    }
    give_frame::<P>(pa);
    None
}

/// Gives the frame of a former node back.
pub(super) fn give_frame<P: Platform>(pa: Paddr) {
    #[cfg(feature = "model")]
    veripage_hw::model::poison::<P>(pa);
    P::dealloc_frames(pa, 1)
}
