//! Mutants: changes to the source that the proofs must not survive.
//!
//! A list in `xtask/mutants/` starts with a line `!` with the modules that are checked, and has a block
//! for each mutant: `# name`, `@ file`, the text to replace in lines
//! that start with `-`, and what replaces it in lines that start with `+`. The text must occur in the
//! file; its first occurrence is replaced. A mutant is caught when the checker (or the compiler
//! before it) reports an error.
use anyhow::{bail, Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;
use walkdir::WalkDir;

/// What the checker needs of the workspace.
const COPIED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "veripage-hw",
    "veripage",
    "veripage-sim",
    "veripage-cli",
    "xtask",
];

struct Mutant {
    name: String,
    file: String,
    old: String,
    new: String,
}

/// Runs the mutants of the list `part`, and those that have `part` in their name.
pub fn run(root: &Path, part: &str) -> Result<()> {
    let copy = root.join("target/mutants");
    for name in COPIED {
        copy_over(&root.join(name), &copy.join(name))?;
    }
    let mut survivors = Vec::new();
    let mut lists: Vec<_> = fs::read_dir(root.join("xtask/mutants"))?.collect::<Result<_, _>>()?;
    lists.sort_by_key(|l| l.file_name());
    for list in lists {
        let text = fs::read_to_string(list.path())?;
        let (modules, mutants) =
            parse(&text).with_context(|| format!("in {}", list.path().display()))?;
        if let Some(error) = first_error(&copy, &modules)? {
            bail!("without any mutant the checker says: {error}");
        }
        for m in mutants {
            if list.path().ends_with(format!("{part}.txt")) || m.name.contains(part) {
                let error = caught(&copy, &modules, &m)?;
                println!("{}: {}", m.name, error.as_deref().unwrap_or("SURVIVED"));
                survivors.extend(error.is_none().then_some(m.name));
            }
        }
    }
    if !survivors.is_empty() {
        bail!("survivors: {}", survivors.join(", "));
    }
    Ok(())
}

fn parse(list: &str) -> Result<(Vec<&str>, Vec<Mutant>)> {
    let mut modules = Vec::new();
    let mut mutants: Vec<Mutant> = Vec::new();
    for line in list.lines().filter(|l| !l.is_empty()) {
        let (mark, text) = line.split_at(1);
        if mark == "!" {
            modules.extend(text.split_whitespace());
            continue;
        }
        if mark == "#" {
            mutants.push(Mutant {
                name: text.trim().into(),
                file: String::new(),
                old: String::new(),
                new: String::new(),
            });
            continue;
        }
        let m = mutants.last_mut().context("a list starts with a name")?;
        match mark {
            "@" => m.file = text.trim().into(),
            "-" => add_line(&mut m.old, text),
            "+" => add_line(&mut m.new, text),
            _ => bail!("`{line}` starts with none of ! # @ - +"),
        }
    }
    Ok((modules, mutants))
}

fn add_line(to: &mut String, line: &str) {
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(line);
}

/// The first error that the checker reports for the mutant.
fn caught(copy: &Path, modules: &[&str], m: &Mutant) -> Result<Option<String>> {
    let path = copy.join(&m.file);
    let text = fs::read_to_string(&path).with_context(|| format!("{}: {}", m.name, m.file))?;
    if m.old.is_empty() || !text.contains(&m.old) {
        bail!("{}: its text does not occur in {}", m.name, m.file);
    }
    fs::write(&path, text.replacen(&m.old, &m.new, 1))?;
    let error = first_error(copy, modules);
    fs::write(&path, text)?;
    error
}

fn first_error(copy: &Path, modules: &[&str]) -> Result<Option<String>> {
    // Written anew, so that the crate is checked even if nothing else changed.
    let lib = copy.join("veripage/src/lib.rs");
    fs::write(&lib, fs::read(&lib)?)?;
    let out = Command::new("cargo")
        .args([
            "verus",
            "focus",
            "-p",
            "veripage",
            "--fwd-verus-args-to",
            "roots",
            "--",
        ])
        .args(["--num-threads", "2"])
        .args(modules.iter().flat_map(|m| ["--verify-module", *m]))
        .current_dir(copy)
        .output()
        .context("cannot start cargo")?;
    let text =
        String::from_utf8_lossy(&out.stderr).into_owned() + &String::from_utf8_lossy(&out.stdout);
    if !out.status.success() {
        let error = text.lines().find(|l| l.starts_with("error"));
        return Ok(Some(error.unwrap_or("it failed, without an error").into()));
    }
    if !text.contains(" verified, 0 errors") {
        bail!("the checker did not check anything: {text}");
    }
    Ok(None)
}

/// Copies a file, or a directory without its build products, where the text differs.
fn copy_over(from: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        let target = if entry.depth() == 0 {
            to.to_path_buf()
        } else {
            target
        };
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target)?;
            continue;
        }
        if let Some(dir) = target.parent() {
            fs::create_dir_all(dir)?;
        }
        let bytes = fs::read(entry.path())?;
        if fs::read(&target).ok().as_deref() != Some(&bytes[..]) {
            fs::write(&target, bytes)?;
        }
    }
    Ok(())
}
