//! What is known of something on its way out of a table.
use super::*;
pub use crate::tlb::queue::{forgotten, issue_of, Issue};

verus! {

/// A flush that was carried out: all translations of `issue` are forgotten, as the log says.
pub ghost struct Evidence {
    pub issue: Issue,
    pub log: FlushLog,
}

/// What a log says of some issues.
pub open spec fn evidence(log: FlushLog, issues: Seq<Issue>) -> Seq<Evidence> {
    Seq::new(issues.len(), |k: int| Evidence { issue: issues[k], log })
}

/// No CPU that the log asks has a translation of any of these.
pub open spec fn all_forgotten(log: FlushLog, issues: Seq<Issue>) -> bool {
    forall|k: int| 0 <= k < issues.len() ==> forgotten(log, #[trigger] issues[k])
}

impl<T> Pending<T> {
    pub open(super) spec fn view(self) -> T { self.value@ }

    /// The addresses that it was mapped at.
    pub open(super) spec fn va(self) -> Range<Vaddr> { Range { start: self.start, end: self.end } }
}

impl<T> Issued<T> {
    pub open(super) spec fn view(self) -> T { self.value@ }

    /// What must be forgotten before it comes out.
    pub open(super) spec fn issues(self) -> Seq<Issue> { self.issues@ }

    /// By which log.
    pub open(super) spec fn log(self) -> Loc { self.log@ }
}

impl<T> Flushed<T> {
    pub open(super) spec fn view(self) -> T { self.value }

    /// The flushes that it came out for.
    pub open(super) spec fn by(self) -> Seq<Evidence> { self.by@ }

    #[verifier::type_invariant]
    pub open spec fn wf(self) -> bool { all_true(self.by()) }
}

/// All of these flushes were carried out.
pub open spec fn all_true(by: Seq<Evidence>) -> bool {
    forall|k: int| 0 <= k < by.len() ==> forgotten((#[trigger] by[k]).log, by[k].issue)
}

} // verus!
