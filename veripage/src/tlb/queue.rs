//! What a flusher has to have flushed: the proven part of it.
//!
//! Ranges are listed up to a number, beyond it everything is flushed. After a [`sync`](FlushQueue::sync)
//! every translation that was issued is forgotten by every CPU that may have had it: each of its addresses
//! was in a request that was made after it was issued and that has been waited for.
use core::ops::Range;
use veripage_hw::flush::*;
use veripage_hw::{FlushOp, Platform, Vaddr};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "queue.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// Ranges that are listed one by one; beyond that one full flush takes their place.
#[verus_verify]
pub const MAX_RANGES: usize = 32;

/// Requests to be made, and requests under way.
#[verus_verify]
pub(crate) struct FlushQueue<'s> {
    whom: Whom<'s>,
    /// First address and first address past it.
    ranges: [(Vaddr, Vaddr); MAX_RANGES],
    len: usize,
    /// Everything is to be flushed.
    full: bool,
    /// The highest ticket of a request under way; 0 if there is none.
    ticket: u64,
    #[cfg(verus_keep_ghost_body)]
    log: Tracked<FlushLog>,
    #[cfg(verus_keep_ghost_body)]
    issues: Ghost<Seq<Issue>>,
}

#[verus_verify]
impl<'s> FlushQueue<'s> {
    /// A queue with nothing to do.
    #[verus_spec(r => ensures r.wf(), r.issues().len() == 0, r.whom() == whom)]
    pub(crate) fn new(whom: Whom<'s>) -> Self {
        proof_decl! { let tracked mut log: FlushLog; }
        proof_with! { Ghost(whom) => Tracked(log) }
        open_log();
        proof_with! { log: Tracked(log), issues: Ghost(Seq::empty()) }
        FlushQueue {
            whom,
            ranges: [(0, 0); MAX_RANGES],
            len: 0,
            full: false,
            ticket: 0,
        }
    }

    /// Issues the translations of `range`, which have been removed or changed. A range whose end is 0 or
    /// below its start reaches the end of the address space.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).now() == old(self).now(), final(self).same_log(*old(self)),
            final(self).issues() == old(self).issues().push(issue_of(range, old(self).now())),
    )]
    pub(crate) fn issue(&mut self, range: Range<Vaddr>) {
        let (start, end) = (range.start, range.end);
        let n = self.len;
        if end < start || end == 0 {
            self.full = true;
        } else if start < end && !self.full {
            if n > 0 && self.ranges[n - 1].1 == start {
                self.ranges[n - 1] = (self.ranges[n - 1].0, end);
            } else if n > 0 && self.ranges[n - 1].0 == end {
                self.ranges[n - 1] = (start, self.ranges[n - 1].1);
            } else if n < MAX_RANGES {
                self.ranges[n] = (start, end);
                self.len = n + 1;
            } else {
                self.full = true;
            }
        }
        proof! {
            let issue = issue_of(range, self.log@.now());
            self.issues = Ghost(self.issues@.push(issue));
            lemma_listed(*old(self), *self);
            assert forall|va: int| issue.lo <= va < issue.hi implies #[trigger] self.listed(va) by {
                if !self.full {
                    assert(self.ranges@[self.len - 1].0 <= va < self.ranges@[self.len - 1].1);
                }
            }
            lemma_issued(*old(self), *self, issue);
        }
    }

    /// Issues all translations.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).now() == old(self).now(), final(self).same_log(*old(self)),
            final(self).issues() == old(self).issues().push(issue_of_all(old(self).now())),
    )]
    pub(crate) fn issue_all(&mut self) {
        self.full = true;
        proof! {
            let issue = issue_of_all(self.log@.now());
            self.issues = Ghost(self.issues@.push(issue));
            lemma_issued(*old(self), *self, issue);
        }
    }

    /// Asks for what was issued, without waiting.
    #[verus_spec(
        requires old(self).wf(),
        ensures final(self).wf(), final(self).issues() == old(self).issues(), final(self).all_asked(), final(self).same_log(*old(self)),
    )]
    pub(crate) fn dispatch<P: Platform>(&mut self) {
        if self.full {
            self.ask::<P>(FlushOp::All);
            proof_decl! { let ghost before = *self; }
            self.full = false;
            self.len = 0;
            proof! { lemma_unlisted(before, *self, FlushOp::All); }
        }
        #[cfg_attr(verus_only, verus_spec(
            invariant self.wf(), self.issues() == old(self).issues(), !self.full, self.same_log(*old(self)),
            decreases self.len,
        ))]
        while self.len > 0 {
            let (start, end) = self.ranges[self.len - 1];
            self.ask::<P>(FlushOp::Range(start..end));
            proof_decl! { let ghost before = *self; }
            self.len -= 1;
            proof! {
                assert forall|va: int| before.listed(va) && !covers(FlushOp::Range(start..end), va)
                    implies #[trigger] self.listed(va) by {
                    let i = choose|i: int| 0 <= i < before.len
                        && (#[trigger] before.ranges@[i]).0 <= va < before.ranges@[i].1;
                    assert(self.ranges@[i].0 <= va < self.ranges@[i].1);
                }
                lemma_unlisted(before, *self, FlushOp::Range(start..end));
            }
        }
    }

    /// Asks for what was issued, and waits until it has been carried out.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).issues() == old(self).issues(), final(self).same_log(*old(self)),
            forall|k: int| 0 <= k < final(self).issues().len() ==> final(self).is_forgotten(#[trigger] final(self).issues()[k]),
    )]
    pub(crate) fn sync<P: Platform>(&mut self) {
        self.dispatch::<P>();
        let ticket = self.ticket;
        proof_decl! { let ghost before = *self; }
        proof_with! { Tracked(self.log.borrow_mut()) }
        await_all::<P>(ticket);
        self.ticket = 0;
        proof! { lemma_waited(before, *self); }
    }

    /// Makes one request.
    #[verus_spec(
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).issues() == old(self).issues(), final(self).just_asked(op), final(self).same_log(*old(self)),
            final(self).now() == old(self).now() + 1, final(self).ranges == old(self).ranges, final(self).len == old(self).len, final(self).full == old(self).full,
    )]
    fn ask<P: Platform>(&mut self, op: FlushOp) {
        proof_with! { Tracked(self.log.borrow_mut()) }
        let ticket = ask::<P>(self.whom, op);
        if ticket > self.ticket {
            self.ticket = ticket;
        }
        proof! { lemma_asked(*old(self), *self); }
    }
}
