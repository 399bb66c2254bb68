//! The two bytes of a slot that page-table nodes use: the lock, and whether the frame is a live node.
//!
//! Both exist for every frame, for as long as the machine does, and start as zero. They are named by
//! the physical address of their frame.
use crate::{Paddr, Platform};
use core::sync::atomic::{AtomicU8, Ordering};
use vstd::prelude::*;

/// Bytes of a slot.
pub const SLOT_SIZE: usize = 32;
/// Offset of the lock byte in a slot.
pub const SLOT_LOCK: usize = 4;
/// Offset of the live byte in a slot.
pub const SLOT_LIVE: usize = 5;

/// A byte of a slot: its lock (0 free, 1 taken), or whether the frame is a live page-table node (1 if it
/// is; written under the lock). Here it only has its place; it is reached by address.
#[verus_verify]
#[repr(transparent)]
pub struct SlotByte(AtomicU8);

#[verus_verify]
impl SlotByte {
    /// The byte 0, of a slot that nobody knows of yet.
    #[verus_spec]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        SlotByte(AtomicU8::new(0))
    }
}

/// The virtual address of the slot of frame `pa`.
#[inline(always)]
pub(crate) fn slot_addr<P: Platform>(pa: Paddr) -> usize {
    P::META_BASE + pa / crate::PAGE_SIZE * SLOT_SIZE
}

/// Byte `AT` of the slot of frame `pa`.
#[inline(always)]
fn byte<P: Platform, const AT: usize>(pa: Paddr) -> &'static AtomicU8 {
    // SAFETY: the slot array lives for ever (`Platform::META_BASE`), and these bytes are only ever
    // accessed as atomics.
    unsafe { &*core::ptr::with_exposed_provenance(slot_addr::<P>(pa) + AT) }
}

verus! {

/// `pa` is the address of a frame that has a slot.
pub open spec fn has_slot<P: Platform>(pa: int) -> bool {
    0 <= pa < P::MAX_PADDR && pa % 4096 == 0
}

/// The right to write byte `AT` of a slot, and to know its value.
/// Reason: opaque, so that it is neither forged nor copied; made by `genesis` only.
/// Test: shuttle::three_threads_all.
#[verifier::external_body]
#[verifier::accept_recursive_types(P)]
#[allow(dead_code)]
pub tracked struct BytePerm<P: Platform, const AT: usize> { p: core::marker::PhantomData<P>, no_copy: NoCopy }

impl<P: Platform, const AT: usize> BytePerm<P, AT> {
    /// The frame whose slot this is.
    pub uninterp spec fn paddr(self) -> int;
    /// The byte.
    pub uninterp spec fn value(self) -> u8;
}

/// The right to write a slot's lock byte, and to know its value.
pub type LockPerm<P> = BytePerm<P, SLOT_LOCK>;

/// The right to write a slot's live byte, and to know its value.
pub type LivePerm<P> = BytePerm<P, SLOT_LIVE>;

/// Compare-and-swap with Acquire: what the last unlock published is visible to whoever locks.
/// A failure promises nothing about the value, since it may come from a stale one.
/// Reason: atomicity of the exchange; every write to the byte is made with its permission.
/// Test: shuttle::three_threads_all.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot.
#[inline(always)]
#[verifier::external_body]
#[verifier::atomic]
pub unsafe fn lock_cas_acquire<P: Platform>(pa: Paddr, Tracked(p): Tracked<&mut LockPerm<P>>) -> (ok: bool)
    requires old(p).paddr() == pa,
    ensures
        final(p).paddr() == pa,
        ok ==> old(p).value() == 0 && final(p).value() == 1,
        !ok ==> final(p).value() == old(p).value(),
    opens_invariants none
    no_unwind
{
    point();
    byte::<P, SLOT_LOCK>(pa).compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

/// Store to a byte with Release: whoever acquires `v` sees what the owner did before.
/// Reason: every write to the byte is made with its permission. Test: shuttle::walker_and_remover.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot, whose lock the caller has.
#[inline(always)]
#[verifier::external_body]
#[verifier::atomic]
pub unsafe fn byte_store_release<P: Platform, const AT: usize>(pa: Paddr, v: u8, Tracked(p): Tracked<&mut BytePerm<P, AT>>)
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa, final(p).value() == v,
    opens_invariants none
    no_unwind
{
    point();
    byte::<P, AT>(pa).store(v, Ordering::Release)
}

/// A relaxed load of a byte. It is exact for the owner of the right to write it, and promises nothing to
/// others. Reason: only the owner writes, and what made him the owner synchronises with the last writer.
/// Test: shuttle::lying_loads.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot.
#[inline(always)]
#[verifier::external_body]
pub unsafe fn byte_load<P: Platform, const AT: usize>(pa: Paddr, Tracked(p): Tracked<Option<&BytePerm<P, AT>>>) -> (v: u8)
    requires
        p is None ==> has_slot::<P>(pa as int),
        p matches Some(p) ==> p.paddr() == pa,
    ensures p matches Some(p) ==> v == p.value(),
    opens_invariants none
    no_unwind
{
    byte::<P, AT>(pa).load(Ordering::Relaxed)
}

/// Frees a slot's lock: publishes what the owner did.
///
/// # Safety
/// `pa` is the address of a frame that has a slot, whose lock the caller has.
#[inline(always)]
#[verifier::atomic]
pub unsafe fn lock_store_release<P: Platform>(pa: Paddr, Tracked(p): Tracked<&mut LockPerm<P>>)
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa, final(p).value() == 0,
    opens_invariants none
    no_unwind
{
    // SAFETY: the caller's promise.
    unsafe { byte_store_release::<P, SLOT_LOCK>(pa, 0, Tracked(p)) }
}

/// A look at the lock byte that promises nothing: for spinning on.
///
/// # Safety
/// `pa` is the address of a frame that has a slot.
#[inline(always)]
pub unsafe fn lock_peek<P: Platform>(pa: Paddr) -> (v: u8)
    requires has_slot::<P>(pa as int),
    opens_invariants none
    no_unwind
{
    // SAFETY: the caller's promise.
    unsafe { byte_load::<P, SLOT_LOCK>(pa, Tracked(None)) }
}

/// The live byte, exactly: its writers hold the slot's lock, as the caller does.
///
/// # Safety
/// `pa` is the address of a frame that has a slot, whose lock the caller has.
#[inline(always)]
pub unsafe fn live_load<P: Platform>(pa: Paddr, Tracked(p): Tracked<&LivePerm<P>>) -> (v: u8)
    requires p.paddr() == pa,
    ensures v == p.value(),
    opens_invariants none
    no_unwind
{
    // SAFETY: the caller's promise.
    unsafe { byte_load::<P, SLOT_LIVE>(pa, Tracked(Some(p))) }
}

/// Writes the live byte: whoever sees 1 sees the node's words as they were before.
///
/// # Safety
/// `pa` is the address of a frame that has a slot, whose lock the caller has.
#[inline(always)]
pub unsafe fn live_store_release<P: Platform>(pa: Paddr, v: u8, Tracked(p): Tracked<&mut LivePerm<P>>)
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa, final(p).value() == v,
    opens_invariants none
    no_unwind
{
    // SAFETY: the caller's promise.
    unsafe { byte_store_release::<P, SLOT_LIVE>(pa, v, Tracked(p)) }
}

/// The right to read the words of a frame without its lock, while the section borrowed for `'g` lasts.
/// Reason: opaque; made by `live_observe` only. Test: shuttle::walker_and_remover.
#[verifier::external_body]
#[verifier::accept_recursive_types(P)]
#[allow(dead_code)]
pub tracked struct Readable<'g, P: Platform> { g: core::marker::PhantomData<(&'g (), P)>, no_copy: NoCopy }

impl<'g, P: Platform> Readable<'g, P> {
    /// The frame that may be read.
    pub uninterp spec fn paddr(self) -> int;
}

/// Load of the live byte with Acquire inside a read section. If it says 1, the frame is a node whose
/// words stay in place until the section ends: a remover clears the byte before it takes the stamp of
/// the grace period that it waits for, so whoever saw 1 entered before and is waited for.
/// Reason: `Retired` lets go of a frame only after such a grace period.
/// Test: shuttle::a_missing_grace_period_is_noticed.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot.
#[inline(always)]
#[verifier::external_body]
pub unsafe fn live_observe<'g, P: Platform>(_g: &'g crate::rcu::Section<P>, pa: Paddr) -> (r: Option<Tracked<Readable<'g, P>>>)
    requires has_slot::<P>(pa as int),
    ensures r matches Some(t) ==> t@.paddr() == pa,
    opens_invariants none
    no_unwind
{
    point();
    if byte::<P, SLOT_LIVE>(pa).load(Ordering::Acquire) == 1 { Some(Tracked::assume_new()) } else { None }
}

} // verus!

/// A scheduling point of the schedule explorer; nothing in a plain build.
#[inline(always)]
pub(crate) fn point() {
    #[cfg(feature = "model")]
    shuttle::thread::yield_now();
}
