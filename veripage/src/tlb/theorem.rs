//! Flush before free.
//!
//! Trusted is one sentence about CPUs (`veripage_hw::flush`): a CPU uses a translation only if a table that it had
//! active held it since the CPU's last flush of that address. So when a request for an address was made after its
//! translation was removed, and was carried out by every CPU asked, no CPU uses that translation any more
//! (`FlushLog::forgotten`). What follows from it:
//!
//! - What leaves a table is a `Pending`. The one way from there that the checker accepts is [`the_way_out`]: its own
//!   addresses are issued to a queue, the queue is synced, and it comes out with the evidence.
//! - The shares of pages are given up in two places: by a batch, under the same evidence (`PendingPages::let_go_all`),
//!   and with a node that is reclaimed (`reclaim_node`).
//! - A node is reclaimed out of an `Expired` only, which says why it may be: [`nodes_waited`].
use super::queue::*;
use crate::page_table::pending::*;
use crate::page_table::retired::{Expired, Freed};
use crate::paging::PageTableEntryTrait;
use crate::Platform;
use vstd::prelude::*;

verus! {

/// Whatever came out was waited for: for each address of each of its issues, a request was made after the issue, and
/// every CPU asked has carried it out.
pub proof fn flushed_before_out<T>(tracked out: &Flushed<T>, k: int, va: int)
    requires 0 <= k < out.by().len(), out.by()[k].issue.lo <= va < out.by()[k].issue.hi,
    ensures
        exists|n: nat| out.by()[k].issue.since <= n < out.by()[k].log.done() && #[trigger] out.by()[k].log.asked(n, va),
{
    use_type_invariant(out);
    let e = out.by()[k];
    assert(forgotten(e.log, e.issue));
    assert(e.log.forgotten(e.issue.since, va));
}

/// Nodes that are to be reclaimed were flushed like that, and after it a grace period has passed, unless whoever had
/// the table, and nobody else, took it apart.
pub proof fn nodes_waited<P: Platform, E: PageTableEntryTrait>(tracked nodes: &Expired<P, E>)
    ensures match nodes.freed_by() {
        Freed::Waited { by, stamp } => all_true(by) && P::grace_over(stamp),
        Freed::Alone => true,
    },
{
    use_type_invariant(nodes);
}

} // verus!

/// The whole way of a thing out of a table: nothing is claimed of it but what it knows of itself.
#[verus_spec(r =>
    requires old(queue).wf(),
    ensures
        r@ == removed@, final(queue).wf(),
        r.by().len() == 1, r.by()[0].issue == issue_of(removed.va(), old(queue).now()), r.by()[0].log == final(queue).log(),
)]
#[allow(dead_code)] // a theorem: it is for reading and for the checker
pub(crate) fn the_way_out<P: Platform, T>(
    queue: &mut FlushQueue<'_>,
    removed: Pending<T>,
) -> Flushed<T> {
    queue.issue(removed.range());
    proof_decl! { let ghost k = queue.issues().len() - 1; }
    proof_with! { Tracked(queue.tracked_log()) }
    let issued = removed.issued();
    queue.sync::<P>();
    proof! {
        assert(forgotten(queue.log(), queue.issues()[k]));
        assert(all_forgotten(queue.log(), issued.issues()));
    }
    proof_with! { Tracked(queue.tracked_log()) }
    issued.flushed()
}
