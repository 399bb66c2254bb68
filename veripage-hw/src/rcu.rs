//! Read sections: `Platform::rcu_enter` and `rcu_exit`, paired by ownership.
use crate::Platform;
use core::marker::PhantomData;
use vstd::prelude::*;

/// A read section of the current CPU; it ends when the value goes away. It stays on its CPU.
#[verus_verify]
#[cfg_attr(verus_only, verifier::accept_recursive_types(P))]
pub struct Section<P: Platform> {
    p: PhantomData<(P, *mut ())>,
}

#[verus_verify]
impl<P: Platform> Section<P> {
    /// Enters a read section.
    #[inline(always)]
    #[verus_spec]
    pub fn enter() -> Self {
        P::rcu_enter();
        Section { p: PhantomData }
    }
}

verus! {

impl<P: Platform> Drop for Section<P> {
    #[inline(always)]
    fn drop(&mut self)
        opens_invariants none
        no_unwind
    {
        P::rcu_exit()
    }
}

} // verus!
