//! Trusted contracts: none of them may yield `false`.
//!
//! `xtask/derive_false/` has, for each trusted function, one or more functions whose doc comments start
//! with its name: they ask for what it asks for and call it. They become a module of the copy. The
//! checker must accept each as it is, and refuse `assert(false)` at its end.
use super::checker;
use super::edit::apply;
use super::functions::{self, Function};
use super::plants::{self, Place};
use super::scratch::Scratch;
use crate::ledger;
use crate::source::{self, Source};
use anyhow::{bail, Result};
use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

pub const ABOUT: &str = "For each trusted function of `TRUSTED.md` a caller that has what the contract asks for must be accepted,
and must not be able to derive `false` from what it gets (`xtask/derive_false/`).";

const MODULE: &str = "veripage/src/derive_false";

/// An attempt, and where its assertion of `false` is in the changed file.
struct Attempt {
    name: String,
    item: String,
    file: String,
    range: Range<usize>,
}

/// The report's section, and its faults.
pub fn run(root: &Path) -> Result<(String, Vec<String>)> {
    let scratch = Scratch::of(root)?;
    fs::create_dir_all(scratch.root.join(MODULE))?;
    let mut modules = String::from("//! Attempts.\n");
    let (mut names, mut attempts) = (Vec::new(), Vec::new());
    for source in sources(root)? {
        let (text, planted) = plant(&source)?;
        let name = source.path.rsplit('/').next().unwrap_or_default();
        let module = name.trim_end_matches(".rs");
        modules.push_str(&format!("mod {module};\n"));
        names.push(format!("derive_false::{module}"));
        scratch.write(&format!("{MODULE}/{name}"), &text)?;
        attempts.extend(planted);
    }
    scratch.write(&format!("{MODULE}/mod.rs"), &modules)?;
    let lib = scratch.read("veripage/src/lib.rs")?;
    scratch.write(
        "veripage/src/lib.rs",
        &format!("{lib}\n#[allow(missing_docs)]\nmod derive_false;\n"),
    )?;
    let mut args = vec!["--multiple-errors", "20"];
    args.extend(names.iter().flat_map(|n| ["--verify-module", n]));
    let outcome = checker::run(&scratch.root, checker::CORE, &args)?;
    Scratch::of(root)?;
    let mut faults = Vec::new();
    let mut refused = BTreeSet::new();
    for e in &outcome.errors {
        let hit = attempts.iter().find(|a| {
            let inside = |s: &checker::Span| {
                s.file == a.file && a.range.start <= s.bytes.start && s.bytes.end <= a.range.end
            };
            e.spans.iter().any(inside)
        });
        match hit {
            Some(a) => {
                refused.insert(&a.name);
            }
            None => faults.push(format!("a call is refused by itself: {}", e.summary())),
        }
    }
    if outcome.verified.is_none() {
        bail!("the attempts do not compile:\n  {}", faults.join("\n  "));
    }
    for a in attempts.iter().filter(|a| !refused.contains(&a.name)) {
        faults.push(format!(
            "{}: `false` follows from the contract of {}",
            a.name, a.item
        ));
    }
    let trusted = ledger::trusted_functions(root)?;
    faults.extend(uncovered(&trusted, &attempts));
    let out = format!(
        "| trusted functions | attempts | refused |\n|---|---|---|\n| {} | {} | {} |\n\n\
         Trusted types are opaque and state nothing by themselves; what is known of them is what these functions say.",
        trusted.len(),
        attempts.iter().map(|a| &a.name).collect::<BTreeSet<_>>().len(),
        refused.len()
    );
    Ok((out, faults))
}

/// How many attempts there are; an error if a trusted function has none.
pub fn check(root: &Path) -> Result<usize> {
    let mut attempts = Vec::new();
    for source in sources(root)? {
        attempts.extend(plant(&source)?.1);
    }
    let faults = uncovered(&ledger::trusted_functions(root)?, &attempts);
    if !faults.is_empty() {
        bail!("xtask/derive_false:\n  {}", faults.join("\n  "));
    }
    Ok(attempts.len())
}

fn uncovered(trusted: &[String], attempts: &[Attempt]) -> Vec<String> {
    let tried: BTreeSet<&str> = attempts.iter().map(|a| a.item.as_str()).collect();
    let known: BTreeSet<&str> = trusted.iter().map(|t| t.as_str()).collect();
    let untried = known
        .difference(&tried)
        .map(|t| format!("{t}: no attempt to derive `false` from it"));
    let unknown = tried
        .difference(&known)
        .map(|t| format!("{t}: an attempt on what is no trusted function"));
    untried.chain(unknown).collect()
}

fn sources(root: &Path) -> Result<Vec<Source>> {
    source::read(root, "xtask/derive_false")
}

/// The file with its plants; what is tried is the first word in backquotes of a function's doc comment.
fn plant(source: &Source) -> Result<(String, Vec<Attempt>)> {
    let mut edits = Vec::new();
    let mut attempts = Vec::new();
    for f in functions::of(source)? {
        let Some(item) = tried(&source.text, &f) else {
            continue;
        };
        for p in plants::of(&f)
            .into_iter()
            .filter(|p| p.place == Place::Exit)
        {
            attempts.push((f.name.clone(), item.clone(), edits.len()));
            edits.extend(p.edits(f.style, attempts.len()));
        }
    }
    let (text, places) = apply(&source.text, &edits);
    let file = source.path.replace("xtask/derive_false", MODULE);
    let attempts = attempts.into_iter().map(|(name, item, at)| Attempt {
        name: format!("{file} {name}"),
        item,
        file: file.clone(),
        range: places[at].clone(),
    });
    Ok((text, attempts.collect()))
}

fn tried(text: &str, f: &Function) -> Option<String> {
    let doc = text[f.item.clone()]
        .lines()
        .next()?
        .trim()
        .strip_prefix("/// `")?;
    doc.split('`').next().map(Into::into)
}
