//! A set of CPUs that all CPUs change: which of them may hold translations of a table.
use core::sync::atomic::{fence, AtomicU64, Ordering};
use veripage_hw::{CpuSet, Platform};

/// The CPUs that may hold translations of a table.
///
/// # Why no CPU is forgotten
/// Whoever removes a mapping *clears the entry, then reads the set*; whoever activates a table *joins
/// the set, then loads the root*, and walks only afterwards. Between the two steps of each stands a
/// sequentially consistent fence ([`targets`](Self::targets), [`join`](Self::join)). Of two such
/// fences one comes first in their total order:
/// - the joiner's first: the remover reads the set after it, sees the CPU and flushes it;
/// - the remover's first: every walk of the CPU comes after it and finds the entry cleared.
///
/// A CPU leaves the set only when it has loaded another root, which flushed what it knew: a remover
/// that no longer sees it has nothing to flush there.
#[derive(Debug, Default)]
pub struct AtomicCpuSet(AtomicU64);

impl AtomicCpuSet {
    /// The set without a CPU.
    pub const fn new() -> Self {
        AtomicCpuSet(AtomicU64::new(0))
    }

    /// Adds `cpu`, below 64; to be called before that CPU loads the root.
    pub(crate) fn join(&self, cpu: usize) {
        self.0.fetch_or(1 << (cpu % 64), Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Takes `cpu` out; to be called after that CPU has loaded another root.
    pub(crate) fn leave(&self, cpu: usize) {
        // Release: whoever reads the set without this CPU also sees that it has left the root.
        self.0.fetch_and(!(1 << (cpu % 64)), Ordering::Release);
    }

    /// Whom to ask for a flush of what has been removed so far.
    pub(crate) fn targets(&self) -> CpuSet {
        fence(Ordering::SeqCst);
        CpuSet(self.0.load(Ordering::Acquire))
    }

    /// The CPUs in the set at some moment of the call.
    pub fn load(&self) -> CpuSet {
        CpuSet(self.0.load(Ordering::Acquire))
    }
}

/// Every CPU of the machine.
pub(crate) const fn all_cpus<P: Platform>() -> CpuSet {
    CpuSet(u64::MAX >> (64 - P::NR_CPUS))
}
