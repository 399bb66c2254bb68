//! Read sections: `Platform::rcu_enter` and `rcu_exit`, paired by ownership.
use crate::Platform;
use core::marker::PhantomData;
use vstd::prelude::*;

verus! {

/// A read section of the current CPU; it ends when the value goes away. It stays on its CPU.
/// Reason: opaque, so that it is made by `enter` only. Test: shuttle::walker_and_remover.
#[verifier::external_body]
#[verifier::accept_recursive_types(P)]
pub struct Section<P: Platform> { p: PhantomData<(P, *mut ())> }

impl<P: Platform> Section<P> {
    /// Enters a read section. Reason: nothing is claimed; the drop leaves it.
    /// Test: shuttle::a_missing_grace_period_is_noticed.
    #[inline(always)]
    #[verifier::external_body]
    pub fn enter() -> (r: Self)
        opens_invariants none
    {
        P::rcu_enter();
        Section { p: PhantomData }
    }
}

} // verus!

impl<P: Platform> Drop for Section<P> {
    #[inline(always)]
    fn drop(&mut self) {
        P::rcu_exit()
    }
}
