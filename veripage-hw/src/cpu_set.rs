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
use crate::order::{fence, order, AtomicU64, Ordering, Site};
use crate::platform::{CpuSet, Platform};
use vstd::prelude::*;

verus! {

/// The CPUs that may hold translations of a table. Reason: opaque, so that it changes by these functions
/// only. Test: vm_space::activate_switches.
#[verifier::external_body]
#[verifier::external_derive]
#[derive(Debug, Default)]
pub struct AtomicCpuSet(AtomicU64);

impl AtomicCpuSet {
    /// The set without a CPU. Reason: a constant. Test: tlb::what_one_cpu_unmaps_no_other_reaches.
    #[verifier::external_body]
    pub fn new() -> Self {
        AtomicCpuSet(AtomicU64::new(0))
    }

    /// Adds the current CPU, before it loads the root; it must stay the current CPU until then. Reason:
    /// fetch-or, then a sequentially consistent fence, as the module says. Test:
    /// loom_tests::a_cpu_that_joins_is_not_forgotten.
    #[verifier::external_body]
    pub fn join<P: Platform>(&self) {
        self.0.fetch_or(1 << P::cpu(), Ordering::Relaxed);
        fence(order(Site::Join, Ordering::SeqCst));
    }

    /// Takes the current CPU out, after it has loaded another root. Reason: fetch-and with Release, as
    /// the module says. Test: loom_tests::a_cpu_that_left_has_forgotten.
    #[verifier::external_body]
    pub fn leave<P: Platform>(&self) {
        self.0.fetch_and(!(1 << P::cpu()), order(Site::Leave, Ordering::Release));
    }

    /// Whom to ask for a flush of what has been removed so far. Reason: a sequentially consistent fence,
    /// then a load with Acquire, as the module says. Test: loom_tests::a_cpu_that_joins_is_not_forgotten.
    #[verifier::external_body]
    pub fn targets(&self) -> CpuSet {
        fence(order(Site::Targets, Ordering::SeqCst));
        CpuSet(self.0.load(Ordering::Acquire))
    }

    /// The CPUs in the set at some moment of the call. Reason: a load. Test: vm_space::activate_switches.
    #[verifier::external_body]
    pub fn load(&self) -> CpuSet {
        CpuSet(self.0.load(Ordering::Acquire))
    }
}

} // verus!
