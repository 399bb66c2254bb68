//! The ledger: every trusted item of the source, computed from the text, against TRUSTED.md.
use crate::source::{self, Source};
use anyhow::{bail, Context, Result};
use regex::Regex;
use std::fmt::Write;
use std::path::Path;

/// Marks that make an item trusted, and what the ledger calls such an item. The first one that
/// matches a line counts.
const MARKS: &[(&str, &str)] = &[
    (r"\bexternal_body\b", "body"),
    (r"\baxiom\s+fn\b", "axiom"),
    (r"\bassume_specification\b", "specification"),
    (
        r"\bexternal_(fn|type|trait)_specification\b",
        "specification",
    ),
    (
        r"\bassume_termination\b|\bexec_allows_no_decreases_clause\b",
        "termination",
    ),
    (r"\buninterp\s+spec\s+fn\b", "vocabulary"),
    (r"verifier::external\b|verus_verify\(external\)", "unseen"),
    (r"\b(assume|admit)\s*\(", "assumption"),
    (r"^\s*global\s+(size_of|layout)\b", "layout"),
    (r"\bunsafe\s+(pub\s+)?trait\b", "promise"),
];

/// The only marks that the proven crate may carry. A promise is one that a user of the crate makes.
const CORE_MARKS: &[&str] = &["termination", "layout", "promise"];

/// Most primitives that there may be.
const MAX_PRIMITIVES: usize = 40;

const RIGHTS: &str = "Rights: opaque types, which claim nothing by themselves";

/// How much is believed of an item of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// What it does, or that it holds.
    Primitive,
    /// That it is neither forged nor copied.
    Right,
    /// That its implementors keep it.
    Promise,
    Other,
}

struct Item {
    kind: &'static str,
    /// Is it a function?
    function: bool,
    name: String,
    path: String,
    doc: String,
}

impl Item {
    /// Its place in the table, if it has one.
    fn sort(&self) -> Option<Sort> {
        match self.kind {
            "vocabulary" | "termination" | "layout" => None,
            "body" if !self.function => Some(Sort::Right),
            "body" | "axiom" | "specification" => Some(Sort::Primitive),
            "promise" => Some(Sort::Promise),
            _ => Some(Sort::Other),
        }
    }

    /// The part of the doc comment behind `label` and before the next label.
    fn part(&self, label: &str) -> Option<&str> {
        let text = &self.doc[self.doc.find(label)? + label.len()..];
        let end = ["Reason:", "Test:", "# Safety"]
            .iter()
            .filter_map(|l| text.find(l))
            .min();
        Some(text[..end.unwrap_or(text.len())].trim())
    }

    fn contract(&self) -> &str {
        let end = ["Reason:", "Test:", "# Safety"]
            .iter()
            .filter_map(|l| self.doc.find(l))
            .min();
        self.doc[..end.unwrap_or(self.doc.len())].trim()
    }
}

struct Scanner {
    marks: Vec<(Regex, &'static str)>,
    owner: Regex,
    item: Regex,
}

impl Scanner {
    fn new() -> Result<Self> {
        let marks = MARKS
            .iter()
            .map(|(re, kind)| Ok((Regex::new(re)?, *kind)))
            .collect::<Result<_>>()?;
        Ok(Scanner {
            marks,
            owner: Regex::new(
                r"^\s*(?:unsafe\s+)?(?:impl|pub trait|trait|pub unsafe trait)\b(?:<.*?>)?\s*(?:[\w:]+(?:<.*>)?\s+for\s+)?(\w+)",
            )?,
            item: Regex::new(r"\b(fn|struct|trait|enum|global)\s+(\w+)")?,
        })
    }

    fn scan(&self, file: &Source, items: &mut Vec<Item>) {
        let lines: Vec<&str> = file.text.lines().collect();
        let mut owner = String::new();
        for (n, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if let Some(m) = self.owner.captures(code) {
                owner = m[1].to_string();
            } else if *line == "}" {
                owner.clear();
            }
            let Some((_, kind)) = self.marks.iter().find(|(re, _)| re.is_match(code)) else {
                continue;
            };
            let (sort, name) = self.name(&lines[n..]);
            let qualified = line.starts_with(' ') && !owner.is_empty() && *kind != "promise";
            items.push(Item {
                kind,
                function: sort == "fn",
                name: if qualified {
                    format!("{owner}::{name}")
                } else {
                    name
                },
                path: file.path.clone(),
                doc: doc_above(&lines, n),
            });
        }
    }

    /// The item that the first of `lines` marks: `fn` or the like, and its name.
    fn name(&self, lines: &[&str]) -> (String, String) {
        lines
            .iter()
            .map(|l| l.split("//").next().unwrap_or(""))
            .find_map(|l| self.item.captures(l))
            .map_or_else(|| ("?".into(), "?".into()), |m| (m[1].into(), m[2].into()))
    }
}

/// The doc comment over the attributes over line `n`.
fn doc_above(lines: &[&str], n: usize) -> String {
    let mut doc = Vec::new();
    for line in lines[..n].iter().rev().map(|l| l.trim()) {
        match line.strip_prefix("///") {
            Some(text) => doc.push(text.trim()),
            None if line.starts_with("#[") && doc.is_empty() => {}
            None => break,
        }
    }
    doc.reverse();
    doc.join(" ")
}

fn render(items: &[Item]) -> String {
    let mut out = String::from(HEAD);
    let cell = |s: &str| s.replace('|', "\\|");
    for (sort, title) in [
        (Sort::Primitive, "Primitives: functions and laws"),
        (Sort::Right, RIGHTS),
        (
            Sort::Promise,
            "Promises: what whoever implements a trait vouches for",
        ),
        (Sort::Other, "Others"),
    ] {
        let mut rows = items.iter().filter(|i| i.sort() == Some(sort)).peekable();
        if rows.peek().is_none() {
            continue;
        }
        let _ = writeln!(
            out,
            "\n## {title}\n\n| item | kind | contract | reason | test |\n|---|---|---|---|---|"
        );
        for i in rows {
            let _ = writeln!(
                out,
                "| `{}` ({}) | {} | {} | {} | {} |",
                i.name,
                i.path,
                i.kind,
                cell(i.contract()),
                cell(i.part("Reason:").unwrap_or("")),
                cell(i.part("Test:").unwrap_or("")),
            );
        }
    }
    for (kind, title) in [
        (
            "vocabulary",
            "Vocabulary: uninterpreted names that the contracts use",
        ),
        ("termination", "Loops whose end is not proven"),
        ("layout", "Sizes that the checker is told"),
    ] {
        let _ = writeln!(out, "\n## {title}\n");
        for i in items.iter().filter(|i| i.kind == kind) {
            let _ = writeln!(out, "- `{}` ({}) {}", i.name, i.path, i.contract());
        }
    }
    out
}

const HEAD: &str = "# The trusted ledger

Everything that the proofs believe, computed from the source by `cargo xtask ledger --write`;
`cargo xtask ledger` fails where this page and the source differ. Beside it one trusts the proof
checker with its solver and its library, the Rust compiler, and the processor's manual. A plain helper
that only the body of a primitive calls is part of that primitive.
";

/// Is there a test `name`, written `file::test`, in a file of that name, or in a test program of
/// several files in a folder of that name?
fn is_test(name: &str, sources: &[Source]) -> bool {
    let Some((file, test)) = name.split_once("::") else {
        return false;
    };
    let heads = [format!("fn {test}("), format!("fn {test}<")];
    let (alone, folder) = (format!("/{file}.rs"), format!("/tests/{file}/"));
    sources
        .iter()
        .filter(|s| s.path.ends_with(&alone) || s.path.contains(&folder))
        .any(|s| heads.iter().any(|head| s.text.contains(head)))
}

/// What each item of the ledger must have. Tests are looked for in `sources`.
fn faults(items: &[Item], sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for i in items {
        let here = format!("{}: {}", i.path, i.name);
        if i.path.starts_with("veripage/") && !CORE_MARKS.contains(&i.kind) {
            faults.push(format!(
                "{here}: a trusted item ({}) in the proven crate",
                i.kind
            ));
        }
        if i.contract().is_empty() && i.kind != "layout" && i.kind != "termination" {
            faults.push(format!("{here}: no contract in its doc comment"));
        }
        if matches!(i.kind, "body" | "axiom" | "specification") && i.part("Reason:").is_none() {
            faults.push(format!("{here}: no reason"));
        }
        if let Some(test) = i.part("Test:") {
            let name = test.trim_end_matches('.').trim_matches('`');
            if !is_test(name, sources) {
                faults.push(format!("{here}: its test `{name}` does not exist"));
            }
        }
    }
    faults
}

/// Names of the functions whose contracts are believed.
pub fn trusted_functions(root: &Path) -> Result<Vec<String>> {
    let believed = |i: &Item| i.function && matches!(i.kind, "body" | "axiom" | "specification");
    let items = items(root)?.into_iter().filter(believed);
    Ok(items.map(|i| i.name).collect())
}

fn items(root: &Path) -> Result<Vec<Item>> {
    let scanner = Scanner::new()?;
    let mut items = Vec::new();
    for file in source::crates(root)? {
        scanner.scan(&file, &mut items);
    }
    Ok(items)
}

pub fn run(root: &Path, write: bool) -> Result<()> {
    let items = items(root)?;
    let mut sources = Vec::new();
    for dir in ["veripage-hw", "veripage", "veripage-sim"] {
        sources.extend(source::read(root, dir)?);
    }
    let found = render(&items);
    let page = root.join("TRUSTED.md");
    if write {
        std::fs::write(&page, &found).context("cannot write TRUSTED.md")?;
    } else if std::fs::read_to_string(&page).context("cannot read TRUSTED.md")? != found {
        bail!("TRUSTED.md differs from the source: see `cargo xtask ledger --write` and review the difference");
    }
    let faults = faults(&items, &sources);
    if !faults.is_empty() {
        bail!("the ledger has faults:\n  {}", faults.join("\n  "));
    }
    let count = |sort| items.iter().filter(|i| i.sort() == Some(sort)).count();
    let primitives = count(Sort::Primitive);
    if primitives > MAX_PRIMITIVES {
        bail!("{primitives} primitives: more than {MAX_PRIMITIVES}");
    }
    println!("primitives: {primitives}, of at most {MAX_PRIMITIVES}");
    println!("rights: {}", count(Sort::Right));
    println!("promises: {}", count(Sort::Promise));
    for kind in ["vocabulary", "termination", "layout"] {
        let n = items.iter().filter(|i| i.kind == kind).count();
        println!("{kind}: {n}");
    }
    println!("{} trusted items, as TRUSTED.md says", items.len());
    Ok(())
}
