//! Which atomics the frame words and CPU sets use: the machine's, or those of a model checker of memory orders.
//!
//! Under the feature `loom` an ordering can be weakened by name, to show that the checks notice.

use vstd::prelude::*;

/// Where an ordering is used.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Site {
    /// The compare-and-swap that claims, shares or makes unique.
    Cas = 1,
    /// The store that publishes or retires.
    Store = 2,
    /// The decrement of a drop.
    Dec = 3,
    /// The fence of the last drop.
    Fence = 4,
    /// The fence of a CPU that joins a set.
    Join = 5,
    /// The fence of whoever reads a set to flush.
    Targets = 6,
    /// The store of a CPU that leaves a set.
    Leave = 7,
}

#[cfg(not(feature = "loom"))]
pub(crate) use core::sync::atomic::{fence, AtomicU32, AtomicU64, Ordering};

/// The ordering that a site uses.
#[cfg(not(feature = "loom"))]
#[inline(always)]
#[verus_spec(opens_invariants none no_unwind)]
pub(crate) const fn order(_site: Site, o: Ordering) -> Ordering {
    o
}

#[cfg(feature = "loom")]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The site to weaken (its number), 0 for none.
#[cfg(feature = "loom")]
pub static WEAKEN: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);

/// The ordering that a site uses, relaxed if it is the one to weaken.
#[cfg(feature = "loom")]
pub(crate) fn order(site: Site, o: Ordering) -> Ordering {
    if WEAKEN.load(Ordering::SeqCst) == site as usize {
        Ordering::Relaxed
    } else {
        o
    }
}

/// A fence; none at all if it is the one to weaken (a relaxed fence does not exist).
#[cfg(feature = "loom")]
pub(crate) fn fence(o: Ordering) {
    if o != Ordering::Relaxed {
        loom::sync::atomic::fence(o)
    }
}

/// A sequentially consistent fence. Reason: nothing is claimed here; what two of them order is argued in
/// `cpu_set`, which `ask` relies on. Test: loom_tests::a_cpu_that_joins_is_not_forgotten.
#[inline(always)]
#[verus_verify(external_body)]
#[verus_spec(opens_invariants none no_unwind)]
pub fn full_fence(site: Site) {
    fence(order(site, Ordering::SeqCst))
}

/// A cell whose pointer is handed to a closure, so that a model checker can watch the accesses.
#[cfg(not(feature = "loom"))]
#[repr(transparent)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(feature = "loom"))]
impl<T> UnsafeCell<T> {
    /// A cell with `t` in it.
    #[inline(always)]
    pub(crate) const fn new(t: T) -> Self {
        UnsafeCell(core::cell::UnsafeCell::new(t))
    }

    /// For reading.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// For writing.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

#[cfg(feature = "loom")]
pub(crate) use loom::cell::UnsafeCell;
