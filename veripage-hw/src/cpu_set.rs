//! Which CPUs may hold translations of a table: a word that all CPUs change.
//!
//! # Why no CPU is forgotten
//! Whoever removes a mapping *clears the entry, then reads the set*; whoever activates a table *joins the
//! set, then loads the root*, and walks only afterwards. Between the two steps of each stands a
//! sequentially consistent fence: in [`AtomicCpuSet::targets`] and in [`AtomicCpuSet::join`]. Of two such
//! fences one comes first in their total order:
//! - the joiner's first: the remover reads the set after it, sees the CPU and has it flush;
//! - the remover's first: every walk of the CPU comes after it and finds the entry cleared.
//!
//! A CPU leaves the set only when it has loaded another root, which made it forget what it knew. Whoever
//! reads the set without it synchronizes with that (Release, Acquire): there is nothing left to flush.
use crate::order::{full_fence, order, AtomicU64, Ordering, Site};
use crate::platform::{CpuSet, Platform};
use vstd::prelude::*;

/// The CPUs that may hold translations of a table. It changes by these functions only.
#[verus_verify(external_derive)]
#[derive(Debug, Default)]
pub struct AtomicCpuSet(AtomicU64);

#[verus_verify]
impl AtomicCpuSet {
    /// The set without a CPU.
    #[verus_spec]
    pub fn new() -> Self {
        AtomicCpuSet(AtomicU64::new(0))
    }

    /// Adds the current CPU, before it loads the root; it must stay the current CPU until then.
    #[verus_spec]
    pub fn join<P: Platform>(&self) {
        proof! { P::bounds(); }
        self.0.fetch_or(1u64 << P::cpu(), Ordering::Relaxed);
        full_fence(Site::Join);
    }

    /// Takes the current CPU out, after it has loaded another root.
    #[verus_spec]
    pub fn leave<P: Platform>(&self) {
        proof! { P::bounds(); }
        self.0
            .fetch_and(!(1u64 << P::cpu()), order(Site::Leave, Ordering::Release));
    }

    /// Whom to ask for a flush of what has been removed so far.
    #[verus_spec]
    pub fn targets(&self) -> CpuSet {
        full_fence(Site::Targets);
        self.load()
    }

    /// The CPUs in the set at some moment of the call.
    #[verus_spec]
    pub fn load(&self) -> CpuSet {
        CpuSet(self.0.load(Ordering::Acquire))
    }
}
