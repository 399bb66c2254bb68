//! [`Batch`]: a queue of flushes, with what waits for them: the proven part of a flusher.
//!
//! What it holds was issued to its queue. It lets go of it by the evidence that the queue's sync yields, and by
//! nothing else.
use super::queue::FlushQueue;
use crate::page_table::loose::LoosePage;
use crate::page_table::pending::pages::PendingPages;
use crate::page_table::pending::{Flushed, Issued, Pending};
use crate::page_table::retired::Retired;
use crate::paging::PageTableEntryTrait;
use crate::{FlushOp, Platform};
use core::mem::swap;
use veripage_hw::flush::Whom;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "batch.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// Flushes to be made, pages and nodes that wait for them.
#[verus_verify]
#[cfg_attr(
    verus_only,
    verifier::reject_recursive_types(P),
    verifier::reject_recursive_types(E)
)]
pub(crate) struct Batch<'s, P: Platform, E: PageTableEntryTrait> {
    queue: FlushQueue<'s>,
    pages: PendingPages<P>,
    nodes: Issued<Retired<P, E>>,
}

#[verus_verify]
impl<'s, P: Platform, E: PageTableEntryTrait> Batch<'s, P, E> {
    /// Nothing to flush, and nothing that waits.
    #[verus_spec(r => ensures r.wf(), r.whom() == whom, r.idle())]
    pub(crate) fn new(whom: Whom<'s>) -> Self {
        let queue = FlushQueue::new(whom);
        proof_decl! { let ghost log = queue.log().id(); }
        proof_with! { Ghost(log) }
        let pages = PendingPages::new();
        proof_with! { Ghost(log) }
        let nodes = Issued::none();
        Batch {
            queue,
            pages,
            nodes,
        }
    }

    /// Issues `op`. The entries that it is about must have been changed already.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self).whom() == old(self).whom(), final(self).grown(*old(self)), final(self).owes(op),
    )]
    pub(crate) fn issue(&mut self, op: FlushOp) {
        match op {
            FlushOp::Range(range) => self.queue.issue(range),
            FlushOp::All | FlushOp::LeaveRoot(..) => self.queue.issue_all(),
        }
        proof! { self.lemma_more(*old(self)); }
    }

    /// Holds a page back until the addresses that it was taken from are flushed. Flushes if there is no place.
    #[inline(always)]
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self).whom() == old(self).whom(),
    )]
    pub(crate) fn hold_page(&mut self, page: Pending<LoosePage<P>>) {
        if self.pages.is_full() {
            self.flush_pages();
        }
        proof_decl! { let ghost before = *self; }
        self.queue.issue(page.range());
        proof! { self.lemma_more(before); }
        proof_with! { Tracked(self.queue.tracked_log()) }
        self.pages.push(page);
        proof! {
            let issues = self.queue.issues();
            assert(issues[issues.len() - 1] == self.pages.issues().last());
        }
    }

    /// Holds nodes back until the addresses that they were detached from are flushed.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self).whom() == old(self).whom(),
    )]
    pub(crate) fn hold_nodes(&mut self, nodes: Pending<Retired<P, E>>) {
        self.queue.issue(nodes.range());
        proof! { self.lemma_more(*old(self)); }
        proof_with! { Tracked(self.queue.tracked_log()) }
        let nodes = nodes.issued();
        self.nodes.append(nodes);
        proof! {
            let issues = self.queue.issues();
            assert(issues[issues.len() - 1] == self.nodes.issues().last());
        }
    }

    /// Asks for what was issued, without waiting.
    #[verus_spec(requires old(self).wf(), ensures final(self).wf(), final(self).whom() == old(self).whom())]
    pub(crate) fn dispatch(&mut self) {
        self.queue.dispatch::<P>();
    }

    /// Asks for what was issued, and waits until every CPU has carried it out. What waited goes on waiting.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self).whom() == old(self).whom(), final(self).settled(),
    )]
    pub(crate) fn flush(&mut self) {
        self.queue.sync::<P>();
    }

    /// Flushes, and lets go of the pages.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).whom() == old(self).whom(), final(self).settled(), final(self).holds_no_page(),
            final(self).nodes == old(self).nodes,
    )]
    fn flush_pages(&mut self) {
        self.queue.sync::<P>();
        proof_with! { Tracked(self.queue.tracked_log()) }
        self.pages.let_go_all();
    }

    /// Flushes, lets go of the pages, and hands out the nodes.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).whom() == old(self).whom(), final(self).settled(), final(self).idle(),
            r@@ == old(self).held_nodes(),
    )]
    pub(crate) fn sync(&mut self) -> Flushed<Retired<P, E>> {
        self.flush_pages();
        proof_with! { Ghost(self.queue.log().id()) }
        let mut nodes = Issued::none();
        swap(&mut self.nodes, &mut nodes);
        proof_with! { Tracked(self.queue.tracked_log()) }
        nodes.flushed()
    }
}
