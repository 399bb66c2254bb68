//! What a replay found.
use std::collections::BTreeMap;

/// The figures of one trace, and everything that was wrong.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The trace's name.
    pub name: String,
    /// Calls by kind.
    pub calls: BTreeMap<&'static str, u64>,
    /// Calls that are not modelled, by name.
    pub unsupported: BTreeMap<String, u64>,
    /// Faults of the log that name no address.
    pub unplaced: u64,
    /// Page faults that the replay's handler served.
    pub faults: u64,
    /// The most pages that were mapped at a time, over all spaces.
    pub peak_pages: u64,
    /// The most page-table nodes at a time, as far as was looked.
    pub nodes_peak: u64,
    /// Page-table nodes after everything was torn down.
    pub nodes_end: u64,
    /// TLB flush operations.
    pub flushes: u64,
    /// Spaces that were compared with Linux'.
    pub compared: u64,
    /// Pages in those.
    pub pages_compared: u64,
    /// Pages that differ from Linux, or that the page table shows wider than their region.
    pub different: u64,
    /// Audits made.
    pub audits: u64,
    /// Rules found broken: by audits, by the machine, by the replayed programs themselves.
    pub violations: u64,
    /// Frames that had an owner after everything was torn down.
    pub leaked: u64,
    /// Calls whose logged result cannot be true in the space as replayed.
    pub contradictions: u64,
    /// What ended the trace early, or kept a line of it from being replayed.
    pub errors: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Everything that was wrong, a line each, the first few of each sort.
    pub findings: Vec<String>,
}

impl Outcome {
    /// All calls.
    pub fn all_calls(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Calls that are not modelled.
    pub fn all_unsupported(&self) -> u64 {
        self.unsupported.values().sum()
    }

    /// Calls and faults in a second.
    pub fn rate(&self) -> f64 {
        (self.all_calls() + self.faults) as f64 / self.seconds.max(1e-9)
    }

    /// Nothing differs, nothing is broken, nothing is lost, and nothing was left out for an error.
    pub fn is_clean(&self) -> bool {
        self.different == 0 && self.violations == 0 && self.leaked == 0 && self.errors == 0
    }
}
