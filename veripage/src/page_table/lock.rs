//! The one-byte lock of a slot. It exists for every frame, for as long as the machine does; while the
//! frame is a page-table node it owns the node.
#![allow(clippy::unused_unit)] // ghost outputs are attached to the last expression
#[cfg(verus_only)]
use super::shares::Shares;
use crate::{Paddr, Platform};
#[cfg(verus_only)]
use veripage_hw::genesis::the_world;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::lock::{lock_cas_acquire, lock_peek, lock_store_release};
#[cfg(verus_only)]
use vstd::invariant::*;
#[cfg(verus_only)]
use vstd::modes::*;
use vstd::open_atomic_invariant;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "lock.spec.rs"]
mod ghost;
#[cfg(verus_only)]
#[path = "lock.proof.rs"]
mod lemmas;
#[cfg(verus_only)]
pub use {ghost::*, lemmas::*};

/// Locks the slot of frame `pa`, spinning while another CPU has it.
#[inline(always)]
#[verus_spec(
    with -> s: Tracked<Locked<P>>
    requires has_slot::<P>(pa as int),
    ensures locked_ok::<P>(pa as int, s@),
)]
#[cfg_attr(verus_only, verifier::exec_allows_no_decreases_clause)]
pub fn lock<P: Platform>(pa: Paddr) {
    proof_decl! {
        let tracked mut got: Option<Locked<P>>;
    }
    proof_with!(=> Tracked(got));
    let mut locked = try_lock::<P>(pa);
    #[cfg_attr(verus_only, verus_spec(
        invariant
            has_slot::<P>(pa as int),
            locked ==> (got matches Some(s) && locked_ok::<P>(pa as int, s)),
    ))]
    while !locked {
        #[cfg_attr(verus_only, verus_spec(invariant has_slot::<P>(pa as int)))]
        while held::<P>(pa) {
            P::relax();
        }
        proof_with!(=> Tracked(again));
        let now = try_lock::<P>(pa);
        proof! {
            got = again;
        }
        locked = now;
    }
    proof_decl! {
        let tracked s = got.tracked_unwrap();
    }
    proof_with!(|= Tracked(s));
    ()
}

/// Did the lock of frame `pa` look taken?
#[inline(always)]
#[verus_spec(requires has_slot::<P>(pa as int))]
fn held<P: Platform>(pa: Paddr) -> bool {
    // SAFETY: the frame has a slot (`requires`).
    unsafe { lock_peek::<P>(pa) != 0 }
}

/// Locks the slot of frame `pa` if it is free.
#[inline(always)]
#[verus_spec(locked =>
    with -> s: Tracked<Option<Locked<P>>>
    requires has_slot::<P>(pa as int),
    ensures locked ==> (s@ matches Some(s) && locked_ok::<P>(pa as int, s)),
)]
pub fn try_lock<P: Platform>(pa: Paddr) -> bool {
    proof_decl! {
        let tracked mut out: Option<Locked<P>> = None;
        let tracked w = the_world::<P, World<P>>();
    }
    let ok;
    open_atomic_invariant!(w.locks.tracked_borrow(pa as int) => v => {
        proof { assert(LockPred::inv(LockKey { pa: pa as int, ids: ids::<P>() }, v)); }
        let tracked (mut byte, mut s) = v;
        // SAFETY: the frame has a slot (`requires`).
        ok = unsafe { lock_cas_acquire::<P>(pa, Tracked(&mut byte)) };
        proof {
            if ok { tracked_swap(&mut out, &mut s); }
            v = (byte, s);
        }
    });
    proof_with!(|= Tracked(out));
    ok
}

/// Unlocks the slot of frame `pa`.
#[inline(always)]
#[verus_spec(
    with Tracked(s): Tracked<SlotRes<P>>, Tracked(m): Tracked<Shares<P>>
    requires slot_ok::<P>(pa as int, s), slot_stock(m, s),
)]
pub fn unlock<P: Platform>(pa: Paddr) {
    proof_decl! {
        let tracked mut some = Some((s, m));
        let tracked w = the_world::<P, World<P>>();
    }
    open_atomic_invariant!(w.locks.tracked_borrow(pa as int) => v => {
        proof { assert(LockPred::inv(LockKey { pa: pa as int, ids: ids::<P>() }, v)); }
        let tracked (mut byte, mut old) = v;
        // SAFETY: the frame has a slot, whose lock the caller has (`s`).
        unsafe { lock_store_release::<P>(pa, Tracked(&mut byte)) };
        proof { v = (byte, some); }
    });
}
