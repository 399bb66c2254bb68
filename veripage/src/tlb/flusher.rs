//! [`TlbFlusher`]: a queue of flushes, with what waits for them.
use super::deferred::DeferredNodes;
use super::fixed::FixedList;
use super::queue::FlushQueue;
use crate::page_table::{PageTableConfig, Pending, Retired, RetiredOf, Sink};
use core::mem::take;
use core::ops::Range;
use veripage_hw::flush::Whom;
use veripage_hw::{FlushOp, Vaddr};

/// Frames that wait in a flusher; when there are more it syncs by itself.
pub const MAX_FRAMES: usize = 64;

/// Collects what the users of a table must forget, and holds back what they may still reach.
///
/// That every translation that was issued is forgotten after a sync is proven: see
/// `FlushQueue::sync`. It is the reason why frames may be let go then.
pub struct TlbFlusher<'s, C: PageTableConfig> {
    queue: FlushQueue<'s>,
    frames: FixedList<Pending<C::Item>, MAX_FRAMES>,
    nodes: RetiredOf<C>,
    deferred: &'s DeferredNodes<C>,
}

impl<'s, C: PageTableConfig> TlbFlusher<'s, C> {
    /// A flusher with nothing to do.
    pub(crate) fn new(whom: Whom<'s>, deferred: &'s DeferredNodes<C>) -> Self {
        TlbFlusher {
            queue: FlushQueue::new(whom),
            frames: FixedList::new(),
            nodes: Retired::new(),
            deferred,
        }
    }

    /// Issues `op`. The entries that it is about must have been changed already.
    pub fn issue_tlb_flush(&mut self, op: FlushOp) {
        match op {
            FlushOp::Range(range) => self.queue.issue(range),
            FlushOp::All | FlushOp::LeaveRoot(..) => self.queue.issue_all(),
        }
    }

    /// Issues `op`, and holds `item`, which its entries mapped, back until it is flushed. From outside: by
    /// [`Sink::page`].
    pub(crate) fn issue_tlb_flush_with(&mut self, op: FlushOp, item: Pending<C::Item>) {
        self.issue_tlb_flush(op);
        // No place is left only if there is none at all, and then nothing is let go unflushed.
        if let Err(item) = self.frames.push(item) {
            self.sync_tlb_flush();
            let _leaked = self.frames.push(item);
        }
    }

    /// Issues `op`, and holds `nodes`, which were detached from its range, back until it is
    /// flushed and a grace period has passed. From outside: by [`Sink::nodes`].
    pub(crate) fn issue_tlb_flush_with_nodes(&mut self, op: FlushOp, nodes: Pending<RetiredOf<C>>) {
        self.issue_tlb_flush(op);
        // SAFETY: it stays in the flusher, which counts as not unwrapped.
        self.nodes.append(unsafe { nodes.assume_flushed() });
    }

    /// Asks the CPUs for what was issued, without waiting. What waits in the flusher goes on waiting.
    pub fn dispatch_tlb_flush(&mut self) {
        self.queue.dispatch::<C::P>();
    }

    /// Asks for what was issued, and waits until every CPU has carried it out. What waited for it goes on
    /// waiting, for the next sync.
    pub(crate) fn flush(&mut self) {
        self.queue.sync::<C::P>();
    }

    /// Asks for what was issued, waits until every CPU has carried it out, and lets go of what waited for
    /// it.
    pub fn sync_tlb_flush(&mut self) {
        self.flush();
        while let Some(item) = self.frames.pop() {
            // SAFETY: its entries were cleared before its range was issued, and after the sync every
            // translation that was issued is forgotten.
            drop(unsafe { item.assume_flushed() });
        }
        self.deferred.defer(take(&mut self.nodes));
        self.deferred.poll();
    }
}

impl<C: PageTableConfig> Sink<C> for TlbFlusher<'_, C> {
    fn page(&mut self, range: Range<Vaddr>, item: Pending<C::Item>) {
        self.issue_tlb_flush_with(FlushOp::Range(range), item);
    }

    fn nodes(&mut self, range: Range<Vaddr>, nodes: Pending<RetiredOf<C>>) {
        self.issue_tlb_flush_with_nodes(FlushOp::Range(range), nodes);
    }
}

impl<C: PageTableConfig> Drop for TlbFlusher<'_, C> {
    /// Nothing is lost: what was issued is flushed.
    fn drop(&mut self) {
        self.sync_tlb_flush();
    }
}
