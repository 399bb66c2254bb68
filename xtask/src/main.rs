//! Chores of the workspace, run as `cargo xtask NAME`.
use anyhow::{bail, Context, Result};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::Command;

mod audit;
mod ledger;
mod lines;
mod source;
mod syntax;

#[derive(Parser)]
#[command(about = "Chores of the Veripage workspace")]
struct Args {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Runs every test of the workspace, those behind features included.
    Test,
    /// Compares the trusted items of the source with TRUSTED.md.
    Ledger {
        /// Writes TRUSTED.md instead of comparing.
        #[arg(long)]
        write: bool,
    },
    /// Asks whether the proofs would notice, and compares with `docs/proof-audit.md`: plants `false`
    /// everywhere, tries to derive it from each trusted contract, runs all mutants, changes the
    /// solver's seed. Needs the checker (exit status 2 without it), and a quarter of an hour.
    ProofAudit {
        /// Only these parts.
        parts: Vec<audit::Part>,
        /// Writes the report instead of comparing.
        #[arg(long)]
        write: bool,
        /// Only sees that the audit's lists fit the source; needs no checker.
        #[arg(long)]
        lists: bool,
    },
    /// Counts executable, specification and proof lines of the verified crates.
    Lines,
    /// Changes the source in the ways that `xtask/mutants/` lists, and sees that no proof survives.
    /// Needs the checker, and minutes.
    Mutants {
        /// Only those of the list with this name, or with this in their own name.
        #[arg(default_value = "")]
        part: String,
    },
}

/// What `test` runs, one `cargo` call each. Feature sets that swap the machine's atomics for a
/// model's need a build of their own.
const TEST_RUNS: &[&[&str]] = &[
    &["test", "--release", "--workspace"],
    &[
        "test",
        "--release",
        "-p",
        "veripage",
        "--features",
        "loom",
        "--lib",
        "loom_tests",
    ],
    &[
        "test",
        "--release",
        "-p",
        "veripage",
        "--features",
        "model",
        "--test",
        "shuttle",
    ],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the workspace")
        .to_path_buf()
}

fn cargo(args: &[&str]) -> Result<()> {
    eprintln!("cargo {}", args.join(" "));
    let status = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(root())
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("cargo {} failed", args.join(" "));
    }
    Ok(())
}

fn main() -> Result<()> {
    match Args::parse().chore {
        Chore::Test => TEST_RUNS.iter().try_for_each(|args| cargo(args)),
        Chore::Ledger { write } => ledger::run(&root(), write),
        Chore::ProofAudit { lists: true, .. } => audit::check_lists(&root()),
        Chore::ProofAudit { parts, write, .. } => audit::run(&root(), &parts, write),
        Chore::Lines => lines::run(&root()),
        Chore::Mutants { part } => audit::some_mutants(&root(), &part),
    }
}
