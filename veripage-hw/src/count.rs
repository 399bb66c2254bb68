//! The reference-count word of a frame, with its memory orderings.
//!
//! Model. The word's modification order is the ghost order: every write is an atomic
//! read-modify-write, except `store_release`, which is for values that no read-modify-write may
//! replace (`frozen`), so none can slip in before it. Hence `perm@.val` is what the next successful
//! read-modify-write reads. Plain loads may be stale: `load_hint` promises nothing.
//!
//! Views. A permission over ordinary memory enters an invariant only as `Sent<T>`, made by a
//! releasing write from a `T` given up *before* the write. Sharing it needs a `Lease` (from an
//! acquire, or from another lease); a lease ends only in a release decrement or with its holder
//! taking everything; the `T` comes back only when the `Ledger` has no lease out and an `Acq`
//! covers the publication and every returned lease.
#![allow(dead_code)] // the bodies of opaque ghost types
use crate::order::{fence, order, AtomicU32, Ordering, Site};
use vstd::prelude::*;

verus! {

/// An atomic 32-bit count. Only the operations below touch it.
#[repr(transparent)]
pub struct RcCell { v: AtomicU32 }

/// Which word, its value, the number of writes so far, and the number of the last plain store
/// (release sequences do not reach back beyond it).
pub ghost struct RcView {
    /// The word.
    pub cell: int,
    /// Its value.
    pub val: u32,
    /// Writes so far.
    pub epoch: nat,
    /// Number of the last plain store.
    pub base: nat,
}

/// The exclusive right to know and change the word. Reason: opaque; it lives in the slot's
/// invariant. Test: loom_tests::clone_drop_last.
#[verifier::external_body]
pub tracked struct RcPerm { no_copy: NoCopy }
impl RcPerm {
    /// What is known of the word.
    pub uninterp spec fn view(self) -> RcView;
}

/// "What was published in `cell` by writes `lo..=hi` happens before now." Reason: opaque evidence
/// of an acquire. Test: loom_tests::clone_drop_last.
#[verifier::external_body]
pub tracked struct Acq { no_copy: NoCopy }
impl Acq {
    /// The word.
    pub uninterp spec fn cell(self) -> int;
    /// First write covered.
    pub uninterp spec fn lo(self) -> nat;
    /// Last write covered.
    pub uninterp spec fn hi(self) -> nat;
    /// Does this cover write `e` of `cell`?
    pub open spec fn covers(self, cell: int, e: nat) -> bool {
        self.cell() == cell && self.lo() <= e <= self.hi()
    }
}

/// A permission published through `cell` by write number `epoch`. Reason: opaque, so that it comes
/// out only by the two axioms. Test: loom_tests::clone_drop_last.
#[verifier::external_body]
#[verifier::accept_recursive_types(T)]
pub tracked struct Sent<T> { p: T }
impl<T> Sent<T> {
    /// The word.
    pub uninterp spec fn cell(self) -> int;
    /// The write that published it.
    pub uninterp spec fn epoch(self) -> nat;
    /// What was published.
    pub uninterp spec fn view(self) -> T;

    /// Shared use under a lease. Reason: the lease's holder has synchronised with the publication.
    /// Test: loom_tests::publish_is_seen.
    pub axiom fn recv_ref<'a>(tracked &'a self, tracked l: &'a Lease) -> (tracked p: &'a T)
        requires l.cell() == self.cell(), l.epoch() == self.epoch(),
        ensures *p == self@;

    /// Exclusive use once every lease has been returned and seen, but perhaps the caller's own. Reason:
    /// an acquire that covers the publication and the newest return comes after every use of others, and
    /// the caller's own come before by program order. Test: loom_tests::try_unique_sees_all.
    pub axiom fn recv(tracked self, tracked g: Ledger, tracked own: Option<Lease>, tracked t: &Acq) -> (tracked p: T)
        requires
            g.of(self.cell(), self.epoch()), g.out() == if own is Some { 1nat } else { 0 },
            own matches Some(l) ==> l.cell() == self.cell() && l.epoch() == self.epoch(),
            t.covers(self.cell(), self.epoch()), t.covers(self.cell(), g.due()),
        ensures p == self@;
}

/// The right to use a published permission; its holder has synchronised with write `epoch`.
/// Reason: opaque evidence. Test: loom_tests::clone_drop_last.
#[verifier::external_body]
pub tracked struct Lease { no_copy: NoCopy }
impl Lease {
    /// The word.
    pub uninterp spec fn cell(self) -> int;
    /// The publishing write.
    pub uninterp spec fn epoch(self) -> nat;
}

/// Counts the leases on one `Sent` and remembers the newest return. Reason: opaque, made once with
/// each publication. Test: loom_tests::clone_drop_last.
#[verifier::external_body]
pub tracked struct Ledger { no_copy: NoCopy }
impl Ledger {
    /// The word.
    pub uninterp spec fn cell(self) -> int;
    /// The publishing write.
    pub uninterp spec fn epoch(self) -> nat;
    /// Leases not yet returned.
    pub uninterp spec fn out(self) -> nat;
    /// The newest return.
    pub uninterp spec fn due(self) -> nat;
    /// Is this the ledger of that publication?
    pub open spec fn of(self, cell: int, epoch: nat) -> bool { self.cell() == cell && self.epoch() == epoch }

    /// A lease for somebody who acquired the publication. Reason: bookkeeping.
    /// Test: loom_tests::publish_is_seen.
    pub axiom fn lend(tracked &mut self, tracked t: &Acq) -> (tracked l: Lease)
        requires t.covers(old(self).cell(), old(self).epoch()),
        ensures final(self).of(old(self).cell(), old(self).epoch()),
            final(self).out() == old(self).out() + 1, final(self).due() == old(self).due(),
            l.cell() == old(self).cell(), l.epoch() == old(self).epoch();
}

/// The view after a read-modify-write to `v`.
pub open spec fn rmw(o: RcView, v: u32) -> RcView {
    RcView { cell: o.cell, val: v, epoch: o.epoch + 1, base: o.base }
}
/// The view after a plain store of `v`.
pub open spec fn stored(o: RcView, v: u32) -> RcView {
    RcView { cell: o.cell, val: v, epoch: o.epoch + 1, base: o.epoch + 1 }
}

/// Largest number of shares.
pub const MAX_SHARES: u32 = 0x7fff_ffff;
/// Nobody has the frame.
pub const UNUSED: u32 = u32::MAX;
/// One owner has all of the frame.
pub const UNIQUE: u32 = u32::MAX - 1;
/// One owner is about to change the state; also what a slot without a frame says for ever.
pub const BUSY: u32 = 0;

/// Values that only their exclusive owner may replace, and only by `store_release`.
pub open spec fn frozen(v: u32) -> bool { v == BUSY || v == UNIQUE }

impl RcCell {
    /// The word's name.
    pub uninterp spec fn id(&self) -> int;

    /// A word with value `v` that publishes `p`. Reason: whatever makes the word reachable for others
    /// publishes what its creator did before. Test: frames::boot_makes_frames.
    #[inline(always)]
    #[verifier::external_body]
    pub fn new<T>(v: u32, Tracked(p): Tracked<T>) -> (r: (RcCell, Tracked<RcPerm>, Tracked<Sent<T>>, Tracked<Ledger>))
        ensures
            r.1@@ == (RcView { cell: r.0.id(), val: v, epoch: 0, base: 0 }),
            r.2@.cell() == r.0.id(), r.2@.epoch() == 0, r.2@@ == p,
            r.3@.of(r.0.id(), 0), r.3@.out() == 0, r.3@.due() == 0,
        opens_invariants none
        no_unwind
    { (RcCell { v: AtomicU32::new(v) }, Tracked::assume_new(), Tracked::assume_new(), Tracked::assume_new()) }

    /// A value that may be stale, and no promise.
    #[inline(always)]
    pub fn load_hint(&self) -> u32 { self.v.load(Ordering::Relaxed) }

    /// Replaces `cur` by `new`, acquiring on success; a failure changes and orders nothing.
    /// Reason: a read-modify-write reads the newest value, and acquires the release sequence since
    /// the last plain store. Test: loom_tests::try_unique_sees_all.
    #[inline(always)]
    #[verifier::external_body]
    #[verifier::atomic]
    pub fn cas_acquire(&self, Tracked(p): Tracked<&mut RcPerm>, cur: u32, new: u32)
        -> (r: (Result<u32, u32>, Tracked<Acq>))
        requires old(p)@.cell == self.id(), !frozen(cur),
        ensures
            match r.0 {
                Ok(v) => v == cur && old(p)@.val == cur && final(p)@ == rmw(old(p)@, new)
                    && r.1@.cell() == self.id() && r.1@.lo() == old(p)@.base && r.1@.hi() == final(p)@.epoch,
                Err(v) => final(p)@ == old(p)@ && v != cur,
            },
        opens_invariants none
        no_unwind
    {
        (self.v.compare_exchange(cur, new, order(Site::Cas, Ordering::Acquire), Ordering::Relaxed),
            Tracked::assume_new())
    }

    /// Replaces a frozen value by `new` and publishes `d`, with release. Reason: only the owner may
    /// write a frozen word, so nothing comes between. Test: loom_tests::publish_is_seen.
    #[inline(always)]
    #[verifier::external_body]
    #[verifier::atomic]
    pub fn store_release<T>(&self, Tracked(p): Tracked<&mut RcPerm>, new: u32, Tracked(d): Tracked<T>)
        -> (r: (Tracked<Sent<T>>, Tracked<Ledger>, Tracked<Acq>))
        requires old(p)@.cell == self.id(), frozen(old(p)@.val),
        ensures final(p)@ == stored(old(p)@, new),
            r.0@.cell() == self.id(), r.0@.epoch() == final(p)@.epoch, r.0@@ == d,
            r.1@.of(self.id(), final(p)@.epoch), r.1@.out() == 0, r.1@.due() == final(p)@.epoch,
            r.2@.cell() == self.id(), r.2@.lo() == final(p)@.epoch, r.2@.hi() == final(p)@.epoch,
        opens_invariants none
        no_unwind
    {
        self.v.store(new, order(Site::Store, Ordering::Release));
        (Tracked::assume_new(), Tracked::assume_new(), Tracked::assume_new())
    }

    /// Adds one share, relaxed, and gives it a lease from the holder of another one; aborts instead of
    /// returning when there were `MAX_SHARES`. Reason: that holder has synchronised already, and handing
    /// over the new lease synchronises with its receiver; wrapping into `UNIQUE` would need 2^31 CPUs
    /// between the addition and the abort. Test: frames::saturation.
    #[inline(always)]
    #[verifier::external_body]
    #[verifier::atomic]
    pub fn inc_or_abort_relaxed(&self, Tracked(p): Tracked<&mut RcPerm>, Tracked(g): Tracked<&mut Ledger>, Tracked(from): Tracked<&Lease>)
        -> (r: (u32, Tracked<Lease>))
        requires old(p)@.cell == self.id(), 1 <= old(p)@.val <= MAX_SHARES,
            from.cell() == self.id(), old(g).of(self.id(), from.epoch()),
        ensures r.0 == old(p)@.val, r.0 < MAX_SHARES, final(p)@ == rmw(old(p)@, (r.0 + 1) as u32),
            final(g).of(self.id(), from.epoch()), final(g).out() == old(g).out() + 1, final(g).due() == old(g).due(),
            r.1@.cell() == self.id(), r.1@.epoch() == from.epoch(),
        opens_invariants none
        no_unwind
    {
        let r = self.v.fetch_add(1, Ordering::Relaxed);
        if r >= MAX_SHARES { abort() }
        (r, Tracked::assume_new())
    }

    /// Takes one share back and ends its lease, with release; if it was the last, what was given back
    /// before is acquired. Reason: a releasing read-modify-write (there is deliberately no weaker
    /// decrement), and fence-atomic synchronisation. Test: loom_tests::clone_drop_last.
    #[inline(always)]
    #[verifier::external_body]
    #[verifier::atomic]
    pub fn dec_release(&self, Tracked(p): Tracked<&mut RcPerm>, Tracked(g): Tracked<&mut Ledger>, Tracked(l): Tracked<Lease>)
        -> (r: (u32, Tracked<Acq>))
        requires old(p)@.cell == self.id(), 1 <= old(p)@.val <= MAX_SHARES,
            l.cell() == self.id(), old(g).of(self.id(), l.epoch()), old(g).due() <= old(p)@.epoch,
        ensures r.0 == old(p)@.val, final(p)@ == rmw(old(p)@, (r.0 - 1) as u32),
            final(g).of(self.id(), l.epoch()), old(g).out() >= 1, final(g).out() == old(g).out() - 1,
            final(g).due() == final(p)@.epoch,
            r.0 == 1 ==> r.1@.cell() == self.id() && r.1@.lo() == old(p)@.base && r.1@.hi() == final(p)@.epoch,
        opens_invariants none
        no_unwind
    {
        let r = self.v.fetch_sub(1, order(Site::Dec, Ordering::Release));
        if r == 1 { fence(order(Site::Fence, Ordering::Acquire)) }
        (r, Tracked::assume_new())
    }
}

} // verus!

/// Stops without unwinding: a panic while panicking aborts.
#[cold]
fn abort() -> ! {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("abort")
        }
    }
    let _b = Bomb;
    panic!("abort")
}
