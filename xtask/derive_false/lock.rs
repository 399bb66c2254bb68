//! Lock bytes and live bytes.
use veripage_hw::lock::*;
use veripage_hw::rcu::Section;
use veripage_hw::{Paddr, Platform};
use vstd::prelude::*;

verus! {

/// `lock_cas_acquire`
fn takes<P: Platform>(pa: Paddr, Tracked(p): Tracked<&mut LockPerm<P>>)
    requires old(p).paddr() == pa,
{
    let _ = unsafe { lock_cas_acquire::<P>(pa, Tracked(p)) };
    let _ = unsafe { lock_cas_acquire::<P>(pa, Tracked(p)) };
}

/// `byte_store_release`
fn stores<P: Platform, const AT: usize>(pa: Paddr, Tracked(p): Tracked<&mut BytePerm<P, AT>>)
    requires old(p).paddr() == pa,
{
    unsafe { byte_store_release::<P, AT>(pa, 1, Tracked(p)) };
    unsafe { byte_store_release::<P, AT>(pa, 0, Tracked(p)) };
}

/// `byte_load`
fn loads<P: Platform, const AT: usize>(pa: Paddr, Tracked(p): Tracked<&mut BytePerm<P, AT>>)
    requires has_slot::<P>(pa as int), old(p).paddr() == pa,
{
    let _ = unsafe { byte_load::<P, AT>(pa, Tracked(None)) };
    let _ = unsafe { byte_load::<P, AT>(pa, Tracked(Some(&*p))) };
    unsafe { byte_store_release::<P, AT>(pa, 1, Tracked(p)) };
    let _ = unsafe { byte_load::<P, AT>(pa, Tracked(Some(&*p))) };
}

/// `live_observe`
fn observes<P: Platform>(g: &Section<P>, pa: Paddr)
    requires has_slot::<P>(pa as int),
{
    let a = unsafe { live_observe::<P>(g, pa) };
    let b = unsafe { live_observe::<P>(g, pa) };
    if a.is_some() && b.is_none() {
        proof { assert(a is Some); }
    }
}

} // verus!
