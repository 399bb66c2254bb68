//! The one-byte lock of a slot. It exists for every frame, for as long as the machine does; while the
//! frame is a page-table node it owns the node.
use crate::{Paddr, Platform};
use veripage_hw::lock::{lock_cas_acquire, lock_peek, lock_store_release};
use vstd::prelude::*;

/// Locks the slot of frame `pa`, spinning while another CPU has it.
#[inline(always)]
pub fn lock<P: Platform>(pa: Paddr) {
    loop {
        if try_lock::<P>(pa) {
            return;
        }
        while lock_peek::<P>(pa) != 0 {
            P::relax();
        }
    }
}

/// Locks the slot of frame `pa` if it is free.
#[inline(always)]
pub fn try_lock<P: Platform>(pa: Paddr) -> bool {
    lock_cas_acquire::<P>(pa, Tracked::assume_new())
}

/// Unlocks the slot of frame `pa`.
#[inline(always)]
pub fn unlock<P: Platform>(pa: Paddr) {
    lock_store_release::<P>(pa, Tracked::assume_new())
}
