//! Stability: other seeds of the solver, and what each proof costs it.
use super::checker::{self, Cost};
use super::scratch::Scratch;
use anyhow::Result;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

pub const ABOUT: &str = "A proof that the solver finds by luck is lost with the next change. Both crates are checked under
other seeds; no function may fail, nor need more than the budget named here.";

const SEEDS: u32 = 10;

/// More than this, in units of `--rlimit` (the default is 10), is a fault.
const BUDGET: f64 = 2.0;
/// More than this is reported.
const WORTH_A_LINE: f64 = 0.5;

pub fn run(root: &Path) -> Result<(String, Vec<String>)> {
    let scratch = Scratch::of(root)?;
    let mut worst: BTreeMap<String, f64> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut verified = Vec::new();
    for seed in 1..=SEEDS {
        let options = ["smt.random_seed", "sat.random_seed"].map(|o| format!("{o}={seed}"));
        let outcome = checker::run_all(
            &scratch.root,
            &["--smt-option", &options[0], "--smt-option", &options[1]],
        )?;
        eprintln!(
            "seed {seed}: {} errors, {} s",
            outcome.errors.len(),
            outcome.time.as_secs()
        );
        faults.extend(
            outcome
                .errors
                .iter()
                .map(|e| format!("seed {seed}: {}", e.summary())),
        );
        verified.extend(outcome.verified);
        for Cost { function, budget } in outcome.costs {
            let most = worst.entry(function).or_default();
            *most = most.max(budget);
        }
    }
    verified.dedup();
    let mut order: Vec<_> = worst.iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
    for (function, budget) in order.iter().filter(|(_, b)| **b > BUDGET) {
        faults.push(format!("{function} needs --rlimit {budget:.1}"));
    }
    let counts: Vec<String> = verified.iter().map(u64::to_string).collect();
    let mut out = format!(
        "Seeds: {SEEDS}. Verified under each of them: {}. Failures: {}.\n\n\
         Functions with a proof obligation: {}; that need more than {BUDGET} units of `--rlimit` under some seed (the default\n\
         limit is 10): {}; more than {WORTH_A_LINE}:\n\n| function | most |\n|---|---|\n",
        counts.join(", "),
        faults.iter().filter(|f| f.starts_with("seed")).count(),
        order.len(),
        order.iter().filter(|(_, b)| **b > BUDGET).count(),
    );
    for (function, budget) in order.iter().filter(|(_, b)| **b > WORTH_A_LINE) {
        let _ = writeln!(out, "| `{function}` | {budget:.1} |");
    }
    Ok((out, faults))
}
