//! What a queue owes: each translation that was issued.
use super::*;

verus! {

/// The translations of `lo..hi`, issued when the log had counted `since` requests.
pub ghost struct Issue {
    pub lo: int,
    pub hi: int,
    pub since: nat,
}

/// A range whose end is 0 or below its start reaches the end of the address space.
pub open spec fn issue_of(range: Range<Vaddr>, since: nat) -> Issue {
    Issue {
        lo: range.start as int,
        hi: if range.end < range.start || range.end == 0 { 0x1_0000_0000_0000_0000 } else { range.end as int },
        since,
    }
}

/// Everything.
pub open spec fn issue_of_all(since: nat) -> Issue {
    Issue { lo: 0, hi: 0x1_0000_0000_0000_0000, since }
}

/// No CPU that the log asks has the translations of this issue any more.
pub open spec fn forgotten(log: FlushLog, issue: Issue) -> bool {
    forall|va: int| issue.lo <= va < issue.hi ==> #[trigger] log.forgotten(issue.since, va)
}

impl<'s> FlushQueue<'s> {
    pub open(super) spec fn log(&self) -> FlushLog { self.log@ }

    pub open spec fn now(&self) -> nat { self.log().now() }

    /// The log, to show what it says.
    pub(crate) proof fn tracked_log(tracked &self) -> (tracked log: &FlushLog)
        ensures *log == self.log(),
    {
        self.log.borrow()
    }

    /// Whom it asks.
    pub open(super) spec fn whom(&self) -> Whom<'s> { self.whom }

    /// What is known of the one log is known of the other.
    pub open spec fn same_log(&self, other: Self) -> bool {
        self.log().id() == other.log().id() && self.whom() == other.whom()
    }

    /// All that was ever issued.
    pub open(super) spec fn issues(&self) -> Seq<Issue> { self.issues@ }

    /// The list has `va`.
    pub open(super) spec fn listed(&self, va: int) -> bool {
        self.full || exists|i: int| 0 <= i < self.len && (#[trigger] self.ranges@[i]).0 <= va < self.ranges@[i].1
    }

    /// A request for `va` was made since.
    pub open(super) spec fn asked(&self, since: nat, va: int) -> bool {
        exists|n: nat| since <= n < self.log@.now() && self.log@.asked(n, va)
    }

    /// `va`, issued at `since`, is listed or was asked for since.
    pub open(super) spec fn owed(&self, since: nat, va: int) -> bool {
        self.listed(va) || self.asked(since, va)
    }

    pub open(super) spec fn kept(&self, issue: Issue) -> bool {
        forall|va: int| issue.lo <= va < issue.hi ==> #[trigger] self.owed(issue.since, va)
    }

    pub open(super) spec fn ordered(&self) -> bool {
        self.len <= MAX_RANGES && forall|i: int| 0 <= i < self.len ==> (#[trigger] self.ranges@[i]).0 <= self.ranges@[i].1
    }

    pub open(super) spec fn wf(&self) -> bool {
        &&& self.ordered()
        &&& self.log@.ticket() == self.ticket
        &&& self.log@.asks(self.whom)
        &&& forall|k: int| 0 <= k < self.issues().len() ==> (#[trigger] self.issues()[k]).since <= self.log@.now()
        &&& forall|k: int| 0 <= k < self.issues().len() ==> self.kept(#[trigger] self.issues()[k])
    }

    /// The last request was `op`.
    pub open(super) spec fn just_asked(&self, op: FlushOp) -> bool {
        self.log@.now() >= 1 && forall|va: int| covers(op, va) ==> #[trigger] self.log@.asked((self.log@.now() - 1) as nat, va)
    }

    /// Nothing is listed.
    pub open(super) spec fn all_asked(&self) -> bool { !self.full && self.len == 0 }

    /// No CPU has the translations of this issue any more.
    pub open spec fn is_forgotten(&self, issue: Issue) -> bool { forgotten(self.log(), issue) }
}

/// Ranges that grow, or more of them, list no less.
pub(super) proof fn lemma_listed(o: FlushQueue, n: FlushQueue)
    requires
        n.full || (!o.full && o.len <= n.len
            && forall|i: int| 0 <= i < o.len ==> (#[trigger] n.ranges@[i]).0 <= o.ranges@[i].0 && o.ranges@[i].1 <= n.ranges@[i].1),
    ensures forall|va: int| o.listed(va) ==> #[trigger] n.listed(va),
{
    assert forall|va: int| o.listed(va) implies #[trigger] n.listed(va) by {
        if !n.full {
            let i = choose|i: int| 0 <= i < o.len && (#[trigger] o.ranges@[i]).0 <= va < o.ranges@[i].1;
            assert(n.ranges@[i].0 <= va < n.ranges@[i].1);
        }
    }
}

/// What was listed before is listed still, and the new issue is.
pub(super) proof fn lemma_issued(o: FlushQueue, n: FlushQueue, issue: Issue)
    requires
        o.wf(), n.ordered(), n.log == o.log, n.ticket == o.ticket, issue.since == o.log@.now(),
        n.issues() == o.issues().push(issue), n.whom == o.whom,
        forall|va: int| o.listed(va) ==> #[trigger] n.listed(va),
        forall|va: int| issue.lo <= va < issue.hi ==> #[trigger] n.listed(va),
    ensures n.wf(),
{
    assert forall|k: int| 0 <= k < n.issues().len() implies n.kept(#[trigger] n.issues()[k]) by {
        if k < o.issues().len() {
            assert(n.issues()[k] == o.issues()[k]);
            assert(o.kept(o.issues()[k]));
            let i = o.issues()[k];
            assert forall|va: int| i.lo <= va < i.hi implies #[trigger] n.owed(i.since, va) by {
                assert(o.owed(i.since, va));
                if o.listed(va) { assert(n.listed(va)); }
            }
        } else {
            assert forall|va: int| issue.lo <= va < issue.hi implies #[trigger] n.owed(issue.since, va) by {
                assert(n.listed(va));
            }
        }
    }
    assert forall|k: int| 0 <= k < n.issues().len() implies (#[trigger] n.issues()[k]).since <= n.log@.now() by {
        if k < o.issues().len() { assert(n.issues()[k] == o.issues()[k]); }
    }
}

/// A request takes nothing back.
pub(super) proof fn lemma_asked(o: FlushQueue, n: FlushQueue)
    requires
        o.wf(), n.len == o.len, n.ranges == o.ranges, n.full == o.full, n.issues() == o.issues(),
        n.log@.ticket() == n.ticket, n.log@.now() == o.log@.now() + 1, n.log@.asks(n.whom),
        forall|k: nat, va: int| o.log@.asked(k, va) ==> #[trigger] n.log@.asked(k, va),
    ensures n.wf(),
{
    assert forall|k: int| 0 <= k < n.issues().len() implies n.kept(#[trigger] n.issues()[k]) by {
        let i = o.issues()[k];
        assert(o.kept(i));
        assert forall|va: int| i.lo <= va < i.hi implies #[trigger] n.owed(i.since, va) by {
            assert(o.owed(i.since, va));
            if o.listed(va) {
                assert(n.listed(va));
            } else {
                let r = choose|r: nat| i.since <= r < o.log@.now() && o.log@.asked(r, va);
                assert(n.log@.asked(r, va));
            }
        }
    }
    assert forall|k: int| 0 <= k < n.issues().len() implies (#[trigger] n.issues()[k]).since <= n.log@.now() by {
        assert(o.issues()[k].since <= o.log@.now());
    }
}

/// What was asked for just now need not be listed any more.
pub(super) proof fn lemma_unlisted(o: FlushQueue, n: FlushQueue, op: FlushOp)
    requires
        o.wf(), o.just_asked(op), n.log == o.log, n.ticket == o.ticket, n.whom == o.whom, n.issues() == o.issues(), n.len <= o.len, n.ranges == o.ranges,
        forall|k: int| 0 <= k < o.issues().len() ==> (#[trigger] o.issues()[k]).since < o.log@.now(),
        forall|va: int| o.listed(va) && !covers(op, va) ==> #[trigger] n.listed(va),
    ensures n.wf(),
{
    assert forall|k: int| 0 <= k < n.issues().len() implies n.kept(#[trigger] n.issues()[k]) by {
        let i = o.issues()[k];
        assert(o.kept(i));
        assert forall|va: int| i.lo <= va < i.hi implies #[trigger] n.owed(i.since, va) by {
            assert(o.owed(i.since, va));
            if o.listed(va) && covers(op, va) {
                assert(n.log@.asked((n.log@.now() - 1) as nat, va));
                assert(n.asked(i.since, va));
            } else if o.listed(va) {
                assert(n.listed(va));
            } else {
                assert(o.asked(i.since, va));
                let r = choose|r: nat| i.since <= r < o.log@.now() && o.log@.asked(r, va);
                assert(n.log@.asked(r, va));
            }
        }
    }
    assert forall|k: int| 0 <= k < n.issues().len() implies (#[trigger] n.issues()[k]).since <= n.log@.now() by {
        assert(o.issues()[k].since <= o.log@.now());
    }
}

/// When nothing is listed and every request was waited for, nothing is owed.
pub(super) proof fn lemma_waited(o: FlushQueue, n: FlushQueue)
    requires
        o.wf(), o.all_asked(), n.len == 0, n.issues() == o.issues(), n.log@.ticket() == n.ticket, n.log@.asks(n.whom),
        n.log@.now() == o.log@.now(), n.log@.done() == o.log@.now(),
        forall|k: nat, va: int| o.log@.asked(k, va) ==> #[trigger] n.log@.asked(k, va),
    ensures
        n.wf(),
        forall|k: int| 0 <= k < n.issues().len() ==> n.is_forgotten(#[trigger] n.issues()[k]),
{
    assert forall|k: int| 0 <= k < n.issues().len() implies n.is_forgotten(#[trigger] n.issues()[k]) && n.kept(n.issues()[k]) by {
        let i = o.issues()[k];
        assert(o.kept(i));
        assert forall|va: int| i.lo <= va < i.hi implies #[trigger] n.log@.forgotten(i.since, va) && n.owed(i.since, va) by {
            assert(o.owed(i.since, va));
            assert(!o.listed(va));
            let r = choose|r: nat| i.since <= r < o.log@.now() && o.log@.asked(r, va);
            assert(n.log@.asked(r, va));
        }
        assert forall|va: int| i.lo <= va < i.hi implies #[trigger] n.owed(i.since, va) by {
            assert(n.log@.forgotten(i.since, va));
        }
    }
    assert forall|k: int| 0 <= k < n.issues().len() implies (#[trigger] n.issues()[k]).since <= n.log@.now() by {
        assert(o.issues()[k].since <= o.log@.now());
    }
}

} // verus!
