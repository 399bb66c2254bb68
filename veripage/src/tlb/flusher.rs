//! [`TlbFlusher`]: what a cursor or an area flushes with.
use super::batch::Batch;
use super::deferred::DeferredNodes;
use crate::page_table::loose::LoosePage;
use crate::page_table::{Pending, Retired, TableKind};
use core::marker::PhantomData;
use veripage_hw::flush::Whom;
use veripage_hw::FlushOp;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "flusher.spec.rs"]
mod spec;

/// Collects what the users of a table must forget, and holds back what they may still reach.
///
/// Nothing that it holds comes out but by the evidence that every CPU has flushed the addresses that it was taken
/// from, since then: see `theorem`.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(C))]
pub struct TlbFlusher<'s, C: TableKind> {
    batch: Batch<'s, C::P, C::E>,
    deferred: &'s DeferredNodes<C::P, C::E>,
    kind: PhantomData<C>,
}

#[verus_verify]
impl<'s, C: TableKind> TlbFlusher<'s, C> {
    /// A flusher with nothing to do.
    #[verus_spec(r => ensures r.wf(), r.whom() == whom, r.idle())]
    pub(crate) fn new(whom: Whom<'s>, deferred: &'s DeferredNodes<C::P, C::E>) -> Self {
        TlbFlusher {
            batch: Batch::new(whom),
            deferred,
            kind: PhantomData,
        }
    }

    /// Issues `op`. The entries that it is about must have been changed already.
    #[verus_spec(requires old(self).wf(), ensures final(self).wf(), final(self).whom() == old(self).whom())]
    pub fn issue_tlb_flush(&mut self, op: FlushOp) {
        self.batch.issue(op);
    }

    /// Issues the addresses of a page, and holds it back until they are flushed.
    #[inline(always)]
    #[verus_spec(requires old(self).wf(), ensures final(self).wf(), final(self).whom() == old(self).whom())]
    pub(crate) fn hold_page(&mut self, page: Pending<LoosePage<C::P>>) {
        self.batch.hold_page(page);
    }

    /// Issues the range that nodes were detached from, and holds them back until it is flushed and a grace
    /// period has passed.
    #[verus_spec(requires old(self).wf(), ensures final(self).wf(), final(self).whom() == old(self).whom())]
    pub(crate) fn hold_nodes(&mut self, nodes: Pending<Retired<C::P, C::E>>) {
        self.batch.hold_nodes(nodes);
    }

    /// Asks the CPUs for what was issued, without waiting. What waits in the flusher goes on waiting.
    #[verus_spec(requires old(self).wf(), ensures final(self).wf(), final(self).whom() == old(self).whom())]
    pub fn dispatch_tlb_flush(&mut self) {
        self.batch.dispatch();
    }

    /// Asks for what was issued, and waits until every CPU has carried it out. What waited for it goes on
    /// waiting, for the next sync.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self).whom() == old(self).whom(), final(self).settled(),
    )]
    pub(crate) fn flush(&mut self) {
        self.batch.flush();
    }

    /// Asks for what was issued, waits until every CPU has carried it out, and lets go of what waited for
    /// it.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self).whom() == old(self).whom(), final(self).settled(), final(self).idle(),
    )]
    pub fn sync_tlb_flush(&mut self) {
        let nodes = self.batch.sync();
        self.deferred.defer(nodes);
        self.deferred.poll();
    }
}

#[cfg(not(verus_only))] // in drop glue there is no evidence to hand on: `sync_tlb_flush` needs none
impl<C: TableKind> Drop for TlbFlusher<'_, C> {
    /// Nothing is lost: what was issued is flushed.
    fn drop(&mut self) {
        self.sync_tlb_flush();
    }
}
