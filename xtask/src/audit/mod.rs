//! The audit of the proofs: would they notice? Each part changes a copy of the workspace and runs
//! the checker on it.
use anyhow::{bail, Context, Result};
use clap::ValueEnum;
use std::fs;
use std::path::Path;

mod checker;
mod contracts;
mod edit;
mod functions;
mod mutants;
mod plants;
mod scratch;
mod stability;
#[cfg(test)]
mod tests;
mod vacuity;

/// What the audit does, in the order of its report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// `assert(false)` in every function must be refused.
    Vacuity,
    /// No trusted contract yields `false`.
    Contracts,
    /// Wrong code must be refused.
    Mutants,
    /// The proofs hold for other seeds and with little budget.
    Stability,
    /// Executable, specification and proof lines.
    Lines,
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Part::Vacuity => "Vacuity",
            Part::Contracts => "Trusted contracts",
            Part::Mutants => "Mutants",
            Part::Stability => "Stability",
            Part::Lines => "Lines",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Part::Vacuity => vacuity::ABOUT,
            Part::Contracts => contracts::ABOUT,
            Part::Mutants => mutants::ABOUT,
            Part::Stability => stability::ABOUT,
            Part::Lines => crate::lines::ABOUT,
        }
    }

    /// The section's text, and what is wrong.
    fn run(self, root: &Path) -> Result<(String, Vec<String>)> {
        match self {
            Part::Vacuity => vacuity::run(root),
            Part::Contracts => contracts::run(root),
            Part::Mutants => mutants::run(root, ""),
            Part::Stability => stability::run(root),
            Part::Lines => Ok((crate::lines::summary(root)?, Vec::new())),
        }
    }
}

const PAGE: &str = "docs/proof-audit.md";

const HEAD: &str = "# Audit of the proofs

Would the proofs notice? Written by `cargo xtask proof-audit --write`, which changes a copy of the
workspace and runs the checker on it; without `--write` it compares. `testing.md` says more.
";

/// Runs the parts, all if none is named, and compares with the report, or writes it.
pub fn run(root: &Path, parts: &[Part], write: bool) -> Result<()> {
    let all = Part::value_variants();
    let parts = if parts.is_empty() { all } else { parts };
    need_checker();
    let frozen = scratch::freeze(root)?;
    let old = fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    let mut page = String::from(HEAD);
    let mut faults = Vec::new();
    for part in all {
        let kept = section(&old, part.title());
        let text = if parts.contains(part) {
            eprintln!("{} ...", part.title());
            let (text, wrong) = part.run(&frozen)?;
            let text = format!(
                "\n## {}\n\n{}\n\n{}\n",
                part.title(),
                part.about(),
                text.trim_end()
            );
            println!("{text}");
            faults.extend(wrong);
            if !write && kept != text {
                faults.push(format!(
                    "the section on {} of {PAGE} says something else",
                    part.title()
                ));
            }
            text
        } else {
            kept.to_string()
        };
        page.push_str(&text);
    }
    if write {
        fs::write(root.join(PAGE), page).with_context(|| format!("cannot write {PAGE}"))?;
    }
    settle(faults)
}

/// Judges the mutants of one list, or those with `part` in their name.
pub fn some_mutants(root: &Path, part: &str) -> Result<()> {
    need_checker();
    let (text, faults) = mutants::run(&scratch::freeze(root)?, part)?;
    println!("{text}");
    settle(faults)
}

/// Looks at the audit's lists without the checker.
pub fn check_lists(root: &Path) -> Result<()> {
    let mutants = mutants::check(root)?;
    let plants = vacuity::check(root)?;
    let attempts = contracts::check(root)?;
    println!(
        "{mutants} mutants, {plants} places for plants, {attempts} attempts on trusted contracts"
    );
    Ok(())
}

fn settle(faults: Vec<String>) -> Result<()> {
    if !faults.is_empty() {
        bail!("the audit found:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

/// The section of the page, from the empty line before its title to the next.
fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let head = format!("\n## {title}\n");
    let Some(start) = page.find(&head) else {
        return "";
    };
    let rest = &page[start + 1..];
    let end = rest.find("\n## ").unwrap_or(rest.len());
    &page[start..start + 1 + end]
}

fn need_checker() {
    if !checker::is_there() {
        eprintln!("cargo-verus is not on the PATH: nothing was audited");
        std::process::exit(2);
    }
}
