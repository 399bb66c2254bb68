//! Vacuity: every planted assertion of `false` must be refused.
//!
//! A plant that is accepted stands where nothing can get, or where the checker believes a
//! contradiction. `xtask/vacuous.txt` lists those that are known, each with its reason.
use super::checker::{self, Outcome};
use super::edit::{apply, Edit};
use super::functions::{self, Function};
use super::plants::{self, Place};
use super::scratch::Scratch;
use crate::source::{self, Source};
use anyhow::{bail, Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

pub const ABOUT: &str = "Every function that the checker looks into has `assert(false)` planted at its start (what its
contract asks for), before each result and `return`, in each branch and loop body, and in each block that opens
an invariant. Each must be refused: what is accepted is dead code or rests on a contradiction.";

/// More errors than a function has plants.
const ERRORS: &str = "1000";
/// A refused plant is one that the solver finds a way to; it need not look for longer.
const BUDGET: &str = "3";

struct Planted {
    key: String,
    place: Place,
    /// Which of the function's plants of this place.
    number: usize,
    /// Where its text is in the changed file.
    range: Range<usize>,
    file: String,
    /// The function's place in the changed file.
    within: Range<usize>,
}

impl Planted {
    fn name(&self) -> String {
        format!("{} {} {}", self.key, self.place, self.number)
    }
}

#[derive(Default, Clone, Copy)]
struct Count {
    planted: usize,
    refused: usize,
    undecided: usize,
}

/// The report's section, and the plants that should have been refused.
pub fn run(root: &Path) -> Result<(String, Vec<String>)> {
    let scratch = Scratch::of(root)?;
    let (functions, planted) = plant_all(root, |path, text| scratch.write(path, text))?;
    let outcome = checker::run_all(
        &scratch.root,
        &["--multiple-errors", ERRORS, "--rlimit", BUDGET],
    )?;
    Scratch::of(root)?;
    judge(root, functions, &planted, &outcome)
}

/// How many plants there are; an error if the list of known ones names another.
pub fn check(root: &Path) -> Result<usize> {
    let (_, planted) = plant_all(root, |_, _| Ok(()))?;
    for (name, _) in known(root)? {
        if !planted.iter().any(|p| p.name() == name) {
            bail!("xtask/vacuous.txt: there is no place `{name}`");
        }
    }
    Ok(planted.len())
}

/// Plants in every file, hands path and text to `write`, and counts the functions.
fn plant_all(
    root: &Path,
    write: impl Fn(&str, &str) -> Result<()>,
) -> Result<(usize, Vec<Planted>)> {
    let mut planted = Vec::new();
    let mut functions = 0;
    for source in source::crates(root)? {
        let found = functions::of(&source)?;
        functions += found.len();
        let (text, places) = plant(&source, &found, planted.len());
        write(&source.path, &text)?;
        planted.extend(places);
    }
    Ok((functions, planted))
}

/// The file's text with its plants, numbered from `first`.
fn plant(source: &Source, functions: &[Function], first: usize) -> (String, Vec<Planted>) {
    let mut edits: Vec<Edit> = Vec::new();
    let mut planted: Vec<Planted> = Vec::new();
    // which edits are a plant, and its function's two ends
    let mut at = Vec::new();
    for f in functions {
        let start = edits.len();
        edits.push(Edit::insert(f.item.start, String::new()));
        edits.push(Edit::insert(f.item.end, String::new()));
        let mut numbers = BTreeMap::new();
        for p in plants::of(f) {
            let number: &mut usize = numbers.entry(p.place).or_default();
            *number += 1;
            at.push((edits.len(), start, start + 1));
            edits.extend(p.edits(f.style, first + planted.len()));
            planted.push(Planted {
                key: f.key(),
                place: p.place,
                number: *number,
                file: source.path.clone(),
                range: 0..0,
                within: 0..0,
            });
        }
    }
    let (text, places) = apply(&source.text, &edits);
    for (p, (plant, start, end)) in planted.iter_mut().zip(at) {
        p.range = places[plant].clone();
        p.within = places[start].start..places[end].end;
    }
    (text, planted)
}

fn judge(
    root: &Path,
    functions: usize,
    planted: &[Planted],
    outcome: &Outcome,
) -> Result<(String, Vec<String>)> {
    let known = known(root)?;
    let mut used = Vec::new();
    let mut counts: BTreeMap<Place, Count> = BTreeMap::new();
    let (mut accepted, mut undecided) = (Vec::new(), Vec::new());
    for p in planted {
        let count = counts.entry(p.place).or_default();
        count.planted += 1;
        let here = |file: &str, bytes: &Range<usize>, around: &Range<usize>| {
            file == p.file && around.start <= bytes.start && bytes.end <= around.end
        };
        let hit = |around: &Range<usize>, limit: bool| {
            outcome.errors.iter().any(|e| {
                e.is_limit() == limit && e.spans.iter().any(|s| here(&s.file, &s.bytes, around))
            })
        };
        if hit(&p.range, false) {
            count.refused += 1;
        } else if hit(&p.within, true) {
            count.undecided += 1;
            undecided.push(p.name());
        } else if let Some((name, _)) = known.iter().find(|(name, _)| *name == p.name()) {
            used.push(name.clone());
        } else {
            accepted.push(p.name());
        }
    }
    let mut faults = accepted;
    for (name, _) in known.iter().filter(|(name, _)| !used.contains(name)) {
        faults.push(format!(
            "{name}: listed as known, and was refused or does not exist"
        ));
    }
    Ok((render(functions, &counts, &known, &undecided), faults))
}

fn render(
    functions: usize,
    counts: &BTreeMap<Place, Count>,
    known: &[(String, String)],
    undecided: &[String],
) -> String {
    let mut out = format!(
        "Functions with a checked body: {functions}.\n\n\
         | place | planted | refused | solver gave up | listed below |\n|---|---|---|---|---|\n"
    );
    for (place, c) in counts {
        let listed = c.planted - c.refused - c.undecided;
        let _ = writeln!(
            out,
            "| {place} | {} | {} | {} | {listed} |",
            c.planted, c.refused, c.undecided
        );
    }
    out.push_str("\nAccepted, and why that is right:\n\n");
    for (name, reason) in known {
        let _ = writeln!(out, "- `{name}`: {reason}");
    }
    if !undecided.is_empty() {
        out.push_str(
            "\nNeither proven nor refuted within the solver's budget (so not accepted either):\n\n",
        );
        undecided.iter().for_each(|name| {
            let _ = writeln!(out, "- `{name}`");
        });
    }
    out
}

/// The known ones, with their reasons: lines `name: reason`.
fn known(root: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(root.join("xtask/vacuous.txt"))
        .context("cannot read xtask/vacuous.txt")?;
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|l| {
            let (name, reason) = l
                .split_once(": ")
                .with_context(|| format!("`{l}` is not `name: reason`"))?;
            Ok((name.to_string(), reason.to_string()))
        })
        .collect()
}
