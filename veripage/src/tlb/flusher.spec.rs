//! What a flusher is: a batch.
use super::*;

verus! {

impl<'s, C: TableKind> TlbFlusher<'s, C> {
    /// What it holds was issued to its queue. True of every flusher: only the functions here change one.
    pub open(super) spec fn wf(self) -> bool { self.batch.wf() }

    /// Whom it asks.
    pub open(super) spec fn whom(self) -> Whom<'s> { self.batch.whom() }

    /// Nothing waits in it.
    pub open(super) spec fn idle(self) -> bool { self.batch.idle() }

    /// All that was ever issued is forgotten.
    pub open(super) spec fn settled(self) -> bool { self.batch.settled() }
}

} // verus!
