//! What a batch holds, and what it owes.
use super::super::queue::{forgotten, issue_of, issue_of_all, Issue};
use super::*;
use crate::page_table::retired::DeadState;

verus! {

/// Each of these was issued to the queue.
pub open spec fn all_issued(issues: Seq<Issue>, queue: FlushQueue<'_>) -> bool {
    forall|k: int| 0 <= k < issues.len() ==> queue.issues().contains(#[trigger] issues[k])
}

impl<'s, P: Platform, E: PageTableEntryTrait> Batch<'s, P, E> {
    pub open(super) spec fn wf(self) -> bool {
        &&& self.queue.wf()
        &&& self.pages.wf()
        &&& self.pages.log() == self.queue.log().id()
        &&& self.nodes.log() == self.queue.log().id()
        &&& all_issued(self.pages.issues(), self.queue)
        &&& all_issued(self.nodes.issues(), self.queue)
    }

    /// Whom it asks.
    pub open(super) spec fn whom(self) -> Whom<'s> { self.queue.whom() }

    /// The nodes that wait.
    pub open(super) spec fn held_nodes(self) -> Seq<DeadState> { self.nodes@@ }

    pub open(super) spec fn holds_no_page(self) -> bool { self.pages.issues().len() == 0 }

    /// Nothing waits in it.
    pub open(super) spec fn idle(self) -> bool { self.holds_no_page() && self.held_nodes().len() == 0 && self.nodes.issues().len() == 0 }

    /// All that was ever issued is forgotten.
    pub open(super) spec fn settled(self) -> bool {
        forall|k: int| 0 <= k < self.queue.issues().len() ==> forgotten(self.queue.log(), #[trigger] self.queue.issues()[k])
    }

    /// The last issue is that of `op`.
    pub open(super) spec fn owes(self, op: FlushOp) -> bool {
        let since = self.queue.now();
        self.queue.issues().len() > 0 && self.queue.issues().last() == match op {
            FlushOp::Range(range) => issue_of(range, since),
            _ => issue_of_all(since),
        }
    }

    /// It holds what `old` held, and more may be issued.
    pub open(super) spec fn grown(self, old: Self) -> bool {
        self.wf() && self.whom() == old.whom() && self.pages == old.pages && self.nodes == old.nodes
    }

    /// Another issue changes nothing for those before it.
    pub(super) proof fn lemma_more(self, old: Self)
        requires
            old.wf(), self.queue.wf(), self.queue.same_log(old.queue), self.pages == old.pages, self.nodes == old.nodes,
            self.queue.issues().len() == old.queue.issues().len() + 1, self.queue.issues().drop_last() =~= old.queue.issues(),
        ensures self.wf(), self.whom() == old.whom(),
    {
        assert forall|i: Issue| old.queue.issues().contains(i) implies self.queue.issues().contains(i) by {
            let j = choose|j: int| 0 <= j < old.queue.issues().len() && old.queue.issues()[j] == i;
            assert(self.queue.issues()[j] == i);
        }
    }
}

} // verus!
