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

/// The lock of a slot: 0 free, 1 taken.
/// Reason: opaque, so that only the operations below touch it. Test: shuttle::three_threads_all.
#[verus_verify(external_body)]
#[repr(transparent)]
pub struct LockByte(AtomicU8);

/// Tells readers whether a frame is a live page-table node: 1 if it is. Written under the lock.
/// Reason: opaque, so that only the operations below touch it. Test: shuttle::walker_and_remover.
#[verus_verify(external_body)]
#[repr(transparent)]
pub struct LiveFlag(AtomicU8);

verus! {

impl LockByte {
    /// A free lock, for a slot that nobody knows of yet.
    /// Reason: a plain zero. Test: frames::boot_makes_frames.
    #[verifier::external_body]
    pub const fn new() -> (r: Self)
        opens_invariants none
        no_unwind
    {
        LockByte(AtomicU8::new(0))
    }
}

impl LiveFlag {
    /// The flag of a frame that is no node.
    /// Reason: a plain zero. Test: frames::boot_makes_frames.
    #[verifier::external_body]
    pub const fn new() -> (r: Self)
        opens_invariants none
        no_unwind
    {
        LiveFlag(AtomicU8::new(0))
    }
}

} // verus!

impl Default for LockByte {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for LiveFlag {
    fn default() -> Self {
        Self::new()
    }
}

/// The virtual address of the slot of frame `pa`.
#[inline(always)]
pub(crate) fn slot_addr<P: Platform>(pa: Paddr) -> usize {
    P::META_BASE + pa / crate::PAGE_SIZE * SLOT_SIZE
}

#[inline(always)]
fn lock_byte<P: Platform>(pa: Paddr) -> &'static LockByte {
    // SAFETY: the slot array lives for ever (`Platform::META_BASE`), and this byte is only ever
    // accessed as a `LockByte`.
    unsafe { &*core::ptr::with_exposed_provenance(slot_addr::<P>(pa) + SLOT_LOCK) }
}

#[inline(always)]
fn live_flag<P: Platform>(pa: Paddr) -> &'static LiveFlag {
    // SAFETY: as for `lock_byte`.
    unsafe { &*core::ptr::with_exposed_provenance(slot_addr::<P>(pa) + SLOT_LIVE) }
}

verus! {

/// `pa` is the address of a frame that has a slot.
pub open spec fn has_slot<P: Platform>(pa: int) -> bool {
    0 <= pa < P::MAX_PADDR && pa % 4096 == 0
}

/// The right to write a slot's lock byte, and to know its value.
/// Reason: opaque, so that it is neither forged nor copied; made by `genesis` only.
/// Test: shuttle::three_threads_all.
#[verifier::external_body]
#[verifier::accept_recursive_types(P)]
#[allow(dead_code)]
pub tracked struct LockPerm<P: Platform> { p: core::marker::PhantomData<P>, no_copy: NoCopy }

impl<P: Platform> LockPerm<P> {
    /// The frame whose lock this is.
    pub uninterp spec fn paddr(self) -> int;
    /// The byte.
    pub uninterp spec fn value(self) -> u8;
}

/// The right to write a slot's live byte, and to know its value.
/// Reason: opaque, so that it is neither forged nor copied; made by `genesis` only.
/// Test: shuttle::walker_and_remover.
#[verifier::external_body]
#[verifier::accept_recursive_types(P)]
#[allow(dead_code)]
pub tracked struct LivePerm<P: Platform> { p: core::marker::PhantomData<P>, no_copy: NoCopy }

impl<P: Platform> LivePerm<P> {
    /// The frame whose live byte this is.
    pub uninterp spec fn paddr(self) -> int;
    /// The byte.
    pub uninterp spec fn value(self) -> u8;
}

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
    lock_byte::<P>(pa).0.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
}

/// Store of 0 with Release: publishes what the owner did.
/// Reason: every write to the byte is made with its permission. Test: shuttle::three_threads_all.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot, whose lock the caller has.
#[inline(always)]
#[verifier::external_body]
#[verifier::atomic]
pub unsafe fn lock_store_release<P: Platform>(pa: Paddr, Tracked(p): Tracked<&mut LockPerm<P>>)
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa, final(p).value() == 0,
    opens_invariants none
    no_unwind
{
    point();
    lock_byte::<P>(pa).0.store(0, Ordering::Release)
}

/// A relaxed load of the lock byte that promises nothing: for spinning on.
/// Reason: nothing is claimed. Test: shuttle::three_threads_all.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot.
#[inline(always)]
#[verifier::external_body]
pub unsafe fn lock_peek<P: Platform>(pa: Paddr) -> (v: u8)
    requires has_slot::<P>(pa as int),
    opens_invariants none
    no_unwind
{
    lock_byte::<P>(pa).0.load(Ordering::Relaxed)
}

/// The live byte, exactly: the caller owns the right to write it, so nobody else does.
/// Reason: its writers hold the slot's lock, whose taking synchronises with the last of them.
/// Test: shuttle::lying_loads.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot, whose lock the caller has.
#[inline(always)]
#[verifier::external_body]
pub unsafe fn live_load<P: Platform>(pa: Paddr, Tracked(p): Tracked<&LivePerm<P>>) -> (v: u8)
    requires p.paddr() == pa,
    ensures v == p.value(),
    opens_invariants none
    no_unwind
{
    live_flag::<P>(pa).0.load(Ordering::Relaxed)
}

/// Store to the live byte with Release: whoever sees 1 sees the node's words as they were before.
/// Reason: every write to the byte is made with its permission. Test: shuttle::walker_and_remover.
///
/// # Safety
/// The `requires` clause, for callers the checker does not see: `pa` is the address of a frame that
/// has a slot, whose lock the caller has.
#[inline(always)]
#[verifier::external_body]
pub unsafe fn live_store_release<P: Platform>(pa: Paddr, v: u8, Tracked(p): Tracked<&mut LivePerm<P>>)
    requires old(p).paddr() == pa,
    ensures final(p).paddr() == pa, final(p).value() == v,
    opens_invariants none
    no_unwind
{
    point();
    live_flag::<P>(pa).0.store(v, Ordering::Release)
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
    if live_flag::<P>(pa).0.load(Ordering::Acquire) == 1 { Some(Tracked::assume_new()) } else { None }
}

} // verus!

/// A scheduling point of the schedule explorer; nothing in a plain build.
#[inline(always)]
pub(crate) fn point() {
    #[cfg(feature = "model")]
    shuttle::thread::yield_now();
}
