//! A spin lock around a value, for the few things that are not a page-table node: the allocator of
//! kernel addresses, the list of retired nodes. While nobody holds it the value's invariant holds.
//!
//! The holder works on the value through [`Held`]; the waiting turns are `Platform::relax`, so that
//! a waiting CPU serves its interrupts.
#![allow(dead_code, clippy::type_complexity)] // ghost fields are read by proofs only
use veripage_hw::Platform;
use vstd::atomic_ghost::AtomicBool;
use vstd::atomic_with_ghost;
use vstd::cell::pcell::{PCell, PointsTo};
use vstd::prelude::*;

verus! {

/// What must hold of a value whenever its lock is free. The key, which is what is known of the value
/// from outside, does not change while the lock lives.
pub trait Kept<K>: Sized {
    /// The invariant.
    spec fn kept(&self, key: K) -> bool;
}

struct_with_invariants! {
    /// A value and its lock.
    pub struct SpinLock<K, T: Kept<K>> {
        taken: AtomicBool<_, Option<PointsTo<T>>, _>,
        cell: PCell<T>,
        key: Ghost<K>,
    }

    #[verifier::type_invariant]
    spec fn wf(self) -> bool {
        invariant on taken with (cell, key) is (v: bool, g: Option<PointsTo<T>>) {
            match g {
                None => v,
                Some(p) => !v && p.id() == cell.id() && p.value().kept(key@),
            }
        }
    }
}

/// Proof that a lock is held.
pub struct Held<T> {
    perm: Tracked<PointsTo<T>>,
}

impl<T> Held<T> {
    /// The value.
    pub closed spec fn view(&self) -> T { *self.perm@.value() }
    /// Which lock this is of.
    pub closed spec fn id(&self) -> vstd::cell::CellId { self.perm@.id() }
}

impl<K, T: Kept<K>> SpinLock<K, T> {
    /// Which lock this is.
    pub closed spec fn id(&self) -> vstd::cell::CellId { self.cell.id() }
    /// What is known of the value from outside.
    pub closed spec fn key(&self) -> K { self.key@ }

    /// A free lock around `value`.
    pub(crate) fn new(value: T, key: Ghost<K>) -> (r: Self)
        requires value.kept(key@),
        ensures r.key() == key@,
    {
        let (cell, Tracked(perm)) = PCell::new(value);
        SpinLock { taken: AtomicBool::new(Ghost((cell, key)), false, Tracked(Some(perm))), cell, key }
    }

    /// Waits for the lock. Reason: whoever has it frees it after a bounded number of steps.
    #[verifier::exec_allows_no_decreases_clause]
    pub(crate) fn acquire<P: Platform>(&self) -> (r: Held<T>)
        ensures r.id() == self.id(), r@.kept(self.key()),
    {
        proof { use_type_invariant(self); }
        loop
            invariant self.wf(),
        {
            let tracked mut perm: Option<PointsTo<T>> = None;
            let taken = atomic_with_ghost!(&self.taken => swap(true); update prev -> next; returning ret; ghost g => {
                if !ret { vstd::modes::tracked_swap(&mut perm, &mut g); }
            });
            if !taken {
                return Held { perm: Tracked(perm.tracked_unwrap()) };
            }
            P::relax();
        }
    }

    /// The value, while the lock is held.
    pub(crate) fn value<'a>(&'a self, _held: &'a mut Held<T>) -> (r: &'a mut T)
        requires old(_held).id() == self.id(),
        ensures *r == old(_held)@, *final(r) == final(_held)@, final(_held).id() == self.id(),
    {
        self.cell.borrow_mut(Tracked(_held.perm.borrow_mut()))
    }

    /// Frees the lock.
    pub(crate) fn release(&self, _held: Held<T>)
        requires _held.id() == self.id(), _held@.kept(self.key()),
    {
        proof { use_type_invariant(self); }
        let tracked perm = _held.perm.get();
        atomic_with_ghost!(&self.taken => store(false); update prev -> next; ghost g => {
            g = Some(perm);
        });
    }
}

} // verus!
