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
/// or during unwinding.
#[verifier::reject_recursive_types(T)]
pub struct Handle<T: Release> { inner: T }

impl<T: Release> Handle<T> {
    /// The value held.
    pub closed spec fn view(self) -> T { self.inner }

    /// Wraps `t`, whose fields must need no destructor of their own (checked when compiled).
    #[inline(always)]
    pub fn new(t: T) -> (r: Self)
        ensures r@ == t,
        opens_invariants none
        no_unwind
    { Handle { inner: t } }

    /// Takes the value out; `release` does not run for it. Reason: the destructor of the emptied
    /// handle is suppressed. Test: frames::into_raw_keeps_the_share.
    #[inline(always)]
    #[verifier::external_body]
    pub fn into_inner(self) -> (r: T)
        ensures r == self@,
        opens_invariants none
        no_unwind
    {
        let me = ManuallyDrop::new(self);
        // SAFETY: `me` is never used again and its destructor is suppressed.
        unsafe { core::ptr::read(&me.inner) }
    }

    /// Borrows the value.
    #[inline(always)]
    pub fn get(&self) -> (r: &T)
        ensures *r == self@,
        opens_invariants none
        no_unwind
    { &self.inner }

    /// Borrows the value mutably.
    #[inline(always)]
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
        const { assert!(!core::mem::needs_drop::<T>(), "its fields would be dropped twice") }
        // SAFETY: `drop` runs at most once, nothing uses `inner` afterwards, and it has no drop glue.
        unsafe { core::ptr::read(&self.inner) }.release()
    }
}

} // verus!
