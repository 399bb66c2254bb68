//! Drop glue: the one shim through which an ordinary Rust `drop` gives ghost tokens back.
//!
//! [`Release::release`] has no precondition: what it needs is in the type invariant of `T`, which
//! the checker establishes wherever a `T` is built or changed.
use core::mem::ManuallyDrop;
use vstd::prelude::*;

verus! {

/// What must happen when a handle goes away.
pub trait Release: Sized {
    /// Gives back what the value holds.
    fn release(self)
        no_unwind;
}

/// Holds a `T` whose `release` runs when the handle goes away: explicitly, at the end of its scope
/// or during unwinding. Reason: opaque, so that nothing takes the tokens out of a value that will
/// still be dropped. Test: frames::frame_drop.
#[verifier::external_body]
#[verifier::reject_recursive_types(T)]
pub struct Handle<T: Release> { inner: ManuallyDrop<T> }

impl<T: Release> Handle<T> {
    /// The value held.
    pub uninterp spec fn view(self) -> T;

    /// Wraps `t`. Reason: `ManuallyDrop::new`. Test: frames::frame_drop.
    #[inline(always)]
    #[verifier::external_body]
    pub fn new(t: T) -> (r: Self)
        ensures r@ == t,
        opens_invariants none
        no_unwind
    { Handle { inner: ManuallyDrop::new(t) } }

    /// Takes the value out; `release` does not run for it. Reason: the destructor of the emptied
    /// handle is suppressed. Test: frames::into_raw_keeps_the_share.
    #[inline(always)]
    #[verifier::external_body]
    pub fn into_inner(self) -> (r: T)
        ensures r == self@,
        opens_invariants none
        no_unwind
    {
        let mut me = ManuallyDrop::new(self);
        // SAFETY: `me` is never used again and its destructor is suppressed.
        unsafe { ManuallyDrop::take(&mut me.inner) }
    }

    /// Borrows the value. Reason: a field access. Test: frames::frame_allocation.
    #[inline(always)]
    #[verifier::external_body]
    pub fn get(&self) -> (r: &T)
        ensures *r == self@,
        opens_invariants none
        no_unwind
    { &self.inner }

    /// Borrows the value mutably. Reason: a field access. Test: segments::segment_iteration.
    #[inline(always)]
    #[verifier::external_body]
    pub fn get_mut(&mut self) -> (r: &mut T)
        ensures *r == old(self)@, *final(r) == final(self)@,
        opens_invariants none
        no_unwind
    { &mut self.inner }
}

impl<T: Release> Drop for Handle<T> {
    /// Runs `release` on the value. Reason: the language calls `drop` at most once, on a value that
    /// nobody uses afterwards; blocks that open an invariant drop nothing, so none is open here.
    /// Test: frames::last_drop_is_once.
    #[inline(always)]
    #[verifier::external_body]
    fn drop(&mut self)
        opens_invariants none
        no_unwind
    {
        // SAFETY: `drop` runs at most once, and nothing uses `inner` afterwards.
        unsafe { ManuallyDrop::take(&mut self.inner) }.release()
    }
}

} // verus!
