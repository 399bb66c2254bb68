//! The TLB flusher: what leaves a table waits here until no CPU can hold a translation to it.
//!
//! ```text
//!   cursor --Pending--> batch --dispatch--> requests under way --sync--> frames: dropped
//!                                                                   \--> nodes: deferred, a grace period
//! ```
//! Flushes are eager: nothing outlives the flusher, which syncs when it is dropped. It allocates
//! nothing; what does not fit is flushed at once. It never waits for a grace period, since its user
//! may be in a read section: nodes go on to a [`DeferredNodes`].
use crate::cpu_set::{all_cpus, AtomicCpuSet};
use crate::page_table::retired::Retired;
use crate::page_table::{PageTableConfig, Pending, RetiredOf, Sink};
use crate::Platform;
use core::mem::take;
use core::ops::Range;
use deferred::DeferredNodes;
use fixed::FixedList;
use veripage_hw::{CpuSet, FlushOp, Vaddr};

pub mod deferred;
mod fixed;

/// Ranges that a batch lists one by one; beyond that one full flush takes their place.
pub const MAX_RANGES: usize = 32;
/// Frames that wait in a batch; when there are more the flusher syncs by itself.
pub const MAX_FRAMES: usize = 64;

/// Whom a flusher asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Targets<'s> {
    /// Every CPU of the machine: for what the kernel half maps.
    All,
    /// The CPUs that may have loaded the table.
    Of(&'s AtomicCpuSet),
}

/// Collects what a table's users must forget, and holds back what they may still reach.
pub struct TlbFlusher<'s, C: PageTableConfig> {
    targets: Targets<'s>,
    deferred: &'s DeferredNodes<C>,
    ranges: FixedList<Range<Vaddr>, MAX_RANGES>,
    /// The batch is flushed as a whole: too many ranges, or asked for.
    full: bool,
    /// The last request that was sent and not waited for.
    ticket: Option<u64>,
    frames: FixedList<Pending<C::Item>, MAX_FRAMES>,
    nodes: RetiredOf<C>,
}

impl<'s, C: PageTableConfig> TlbFlusher<'s, C> {
    /// A flusher with nothing to do.
    pub(crate) fn new(targets: Targets<'s>, deferred: &'s DeferredNodes<C>) -> Self {
        TlbFlusher {
            targets,
            deferred,
            ranges: FixedList::new(),
            full: false,
            ticket: None,
            frames: FixedList::new(),
            nodes: Retired::new(),
        }
    }

    /// Adds `op` to the batch. The entries that it is about must have been changed already.
    pub fn issue_tlb_flush(&mut self, op: FlushOp) {
        match op {
            FlushOp::Range(range) => self.add_range(range),
            FlushOp::All | FlushOp::LeaveRoot(..) => self.full = true,
        }
    }

    /// Adds `op` to the batch, and holds `item`, which its entries mapped, back until it is flushed.
    pub fn issue_tlb_flush_with(&mut self, op: FlushOp, item: Pending<C::Item>) {
        self.issue_tlb_flush(op);
        // No place is left only if there is none at all, and then nothing is let go unflushed.
        if let Err(item) = self.frames.push(item) {
            self.sync_tlb_flush();
            let _leaked = self.frames.push(item);
        }
    }

    /// Adds `op` to the batch, and holds `nodes`, which were detached from its range, back until it is
    /// flushed and a grace period has passed.
    pub fn issue_tlb_flush_with_nodes(&mut self, op: FlushOp, nodes: Pending<RetiredOf<C>>) {
        self.issue_tlb_flush(op);
        // SAFETY: it stays in the flusher, which counts as not unwrapped.
        self.nodes.append(unsafe { nodes.assume_flushed() });
    }

    /// Sends the batch to the CPUs, without waiting. What waits in the flusher goes on waiting.
    pub fn dispatch_tlb_flush(&mut self) {
        if self.ranges.is_empty() && !self.full {
            return;
        }
        // Read after the entries were cleared: see `AtomicCpuSet`.
        let cpus = match self.targets {
            Targets::All => all_cpus::<C::P>(),
            Targets::Of(set) => set.targets(),
        };
        if self.full {
            self.send(cpus, FlushOp::All);
        }
        while let Some(range) = self.ranges.pop() {
            if !self.full {
                self.send(cpus, FlushOp::Range(range));
            }
        }
        self.full = false;
    }

    /// Sends the batch, waits until every CPU has carried it out, and lets go of what waited for it.
    pub fn sync_tlb_flush(&mut self) {
        self.dispatch_tlb_flush();
        if let Some(ticket) = self.ticket.take() {
            C::P::flush_wait(ticket);
        }
        while let Some(item) = self.frames.pop() {
            // SAFETY: its entries were cleared before its flush was issued, every CPU that may have
            // used them was asked after that, and has answered.
            drop(unsafe { item.assume_flushed() });
        }
        self.deferred.defer(take(&mut self.nodes));
        self.deferred.poll();
    }

    /// Adds a range, joined with the last one if that ends where it starts or starts where it ends.
    fn add_range(&mut self, range: Range<Vaddr>) {
        if range.end < range.start {
            // It reaches the end of the address space, 2^64.
            self.full = true;
        }
        if self.full || range.start == range.end {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            Some(last) if range.end == last.start => last.start = range.start,
            _ => self.full = self.ranges.push(range).is_err(),
        }
    }

    /// Sends one request, if there is anybody to send it to.
    fn send(&mut self, cpus: CpuSet, op: FlushOp) {
        if cpus != CpuSet(0) {
            self.ticket = Some(C::P::flush(cpus, &op));
        }
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
