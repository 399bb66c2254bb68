//! A list of bounded length in an array: nothing is allocated, and making one costs nothing.
use core::mem::MaybeUninit;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "fixed.spec.rs"]
mod spec;

/// Up to `N` plain values; the first `len` places hold one.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(T))]
pub(crate) struct FixedList<T: Copy, const N: usize> {
    places: [MaybeUninit<T>; N],
    len: usize,
}

#[verus_verify]
impl<T: Copy, const N: usize> FixedList<T, N> {
    /// No values.
    #[inline(always)]
    #[verus_spec(r => ensures r@ == Seq::<T>::empty())]
    pub(crate) fn new() -> Self {
        FixedList {
            places: [MaybeUninit::uninit(); N],
            len: 0,
        }
    }

    /// Is there no place left?
    #[inline(always)]
    #[verus_spec(r => ensures r == (self@.len() == N))]
    pub(crate) fn is_full(&self) -> bool {
        proof! { use_type_invariant(self); }
        self.len == N
    }

    /// Adds a value.
    #[inline(always)]
    #[verus_spec(
        requires old(self)@.len() < N,
        ensures final(self)@ == old(self)@.push(value),
    )]
    pub(crate) fn push(&mut self, value: T) {
        proof! { use_type_invariant(&*self); }
        let n = self.len;
        self.places[n] = MaybeUninit::new(value);
        self.len = n + 1;
        proof! { assert(self@ =~= old(self)@.push(value)); }
    }

    /// The value added last, taken out.
    #[inline(always)]
    #[verus_spec(r =>
        ensures match r {
            None => old(self)@.len() == 0 && final(self)@ == old(self)@,
            Some(value) => old(self)@.len() > 0 && value == old(self)@.last() && final(self)@ == old(self)@.drop_last(),
        },
    )]
    pub(crate) fn pop(&mut self) -> Option<T> {
        proof! { use_type_invariant(&*self); }
        if self.len == 0 {
            return None;
        }
        self.len -= 1;
        let value = self.places[self.len];
        proof! { assert(self@ =~= old(self)@.drop_last()); }
        // SAFETY: the place was below the old length, so it holds a value.
        Some(unsafe { value.assume_init() })
    }
}
