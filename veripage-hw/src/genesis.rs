//! Ghost state that exists from the machine's start: who owns the lock bytes and live bytes.
//!
//! Slots are static memory, so their locks cannot be made by a constructor that hands out permissions.
//! Instead the permissions of all of them exist once, at the start, and one type says, by a proof,
//! what they become: invariants that everybody may open.
use crate::lock::{has_slot, LivePerm, LockPerm};
use crate::Platform;
use vstd::prelude::*;

verus! {

/// The permissions to the lock byte and the live byte of each slot. All bytes are zero.
#[verifier::accept_recursive_types(P)]
pub tracked struct Seeds<P: Platform> {
    /// Lock bytes, by frame.
    pub locks: Map<int, LockPerm<P>>,
    /// Live bytes, by frame.
    pub lives: Map<int, LivePerm<P>>,
}

impl<P: Platform> Seeds<P> {
    /// There is a permission for each slot, and its byte is zero.
    pub open spec fn wf(self) -> bool {
        forall|pa: int| has_slot::<P>(pa) ==> {
            &&& #[trigger] self.locks.dom().contains(pa)
            &&& self.locks[pa].paddr() == pa && self.locks[pa].value() == 0
            &&& self.lives.dom().contains(pa)
            &&& self.lives[pa].paddr() == pa && self.lives[pa].value() == 0
        }
    }
}

/// What becomes of the seeds. Reason: a promise of the one who implements it.
/// Test: shuttle::three_threads_all.
///
/// # Safety
/// Only one type may implement this for a platform, since there is one of each permission.
pub unsafe trait Genesis<P: Platform>: Sized + Sync + 'static {
    /// What is true of it, for ever.
    spec fn wf(self) -> bool;

    /// Makes it of the seeds.
    proof fn genesis(tracked seeds: Seeds<P>) -> (tracked r: Self)
        requires
            seeds.wf(),
        ensures
            r.wf(),
    ;
}

/// The value that `genesis` made at the start of the machine.
pub uninterp spec fn world<P: Platform, W: Genesis<P>>() -> W;

/// A look at what `genesis` made. Reason: the bytes are static memory that starts as zero, `genesis`
/// is ghost code and so takes no time, and it is taken to have run once, before anything else.
/// Test: shuttle::three_threads_all.
pub axiom fn the_world<P: Platform, W: Genesis<P>>() -> (tracked r: &'static W)
    ensures
        *r == world::<P, W>(),
        r.wf(),
;

} // verus!
