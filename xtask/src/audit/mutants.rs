//! Mutants: changes to the source that the proofs, or the tests, must not survive.
//!
//! A list in `xtask/mutants/` has a block for each mutant: `# name`, `@ file` or `@ function`
//! (`Type::name`), the text to replace in lines that start with `-`, and what replaces it in lines that
//! start with `+`. The text must occur there; its first occurrence is replaced. A line that starts with
//! `?` has the arguments of `cargo test` for a mutant that tests must catch, since no proof looks at the
//! place. A line that starts with `=` says why a mutant survives.
//!
//! Proofs are modular: a changed body cannot break another function. So one run of the checker
//! judges many mutants, at most one in a function; one outside of all bodies gets a run of its own, over the
//! modules in its line that starts with `!`.
use super::checker::{self, Error, Outcome};
use super::edit::{apply, Edit};
use super::functions::{self, Function};
use super::scratch::Scratch;
use crate::source::{self, Source};
use anyhow::{bail, Context, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub const ABOUT: &str = "Changes to executable lines that the checker, its compiler or a test must refuse: wrong order, wrong index,
forgotten store, forgotten flush. Lists: `xtask/mutants/`.";

#[derive(Default)]
struct Mutant {
    list: String,
    name: String,
    /// A file or a function.
    place: String,
    /// The file, once it is found.
    file: String,
    old: String,
    new: String,
    /// Modules to check, if it is in no body.
    modules: Vec<String>,
    /// Arguments of `cargo test`.
    test: Option<String>,
    /// Why it survives.
    excuse: Option<String>,
    /// Where the text to replace is.
    range: Range<usize>,
    /// The item and the body that it is in.
    home: Option<(Range<usize>, Range<usize>)>,
}

/// How long tests may take, with their build.
const PATIENCE: Duration = Duration::from_secs(400);

/// Who refused a mutant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Checker,
    /// The checker's compiler: types, borrows, modes of ghost code.
    Compiler,
    Tests,
    Survived,
}

/// Judges the mutants of the lists named `part`, and those that have `part` in their name: the report's
/// section, and its faults.
pub fn run(root: &Path, part: &str) -> Result<(String, Vec<String>)> {
    let mut mutants = read(root)?;
    mutants.retain(|m| m.list == part || m.name.contains(part));
    honest(root)?;
    let mut verdicts = vec![None; mutants.len()];
    let mut batches = batches(&mutants);
    while let Some(batch) = batches.pop() {
        eprintln!(
            "{} mutants, {} batches after these",
            batch.len(),
            batches.len()
        );
        let scratch = Scratch::of(root)?;
        let ranges = write(&scratch, &mutants, &batch)?;
        let modules = modules(&mutants, &batch);
        let args: Vec<&str> = modules
            .iter()
            .flat_map(|m| ["--verify-module", m])
            .collect();
        let outcome = checker::run(&scratch.root, checker::CORE, &args)?;
        let (judged, again) = judge(&batch, &ranges, &outcome)?;
        for (i, verdict, why) in judged {
            println!("{}: {}: {why}", mutants[i].list, mutants[i].name);
            verdicts[i] = Some(verdict);
        }
        batches.extend(again);
    }
    judge_by_tests(root, &mutants, &mut verdicts)?;
    Scratch::of(root)?;
    Ok(report(&mutants, &verdicts))
}

/// Those that tests must catch.
fn judge_by_tests(root: &Path, mutants: &[Mutant], verdicts: &mut [Option<Verdict>]) -> Result<()> {
    let mut good = BTreeSet::new();
    for (i, m) in mutants.iter().enumerate() {
        let Some(args) = &m.test else {
            continue;
        };
        let scratch = Scratch::of(root)?;
        if good.insert(args) && !tests_pass(&scratch, args)? {
            bail!("without any mutant `cargo test {args}` fails, or takes too long");
        }
        write(&scratch, mutants, &[i])?;
        let passed = tests_pass(&scratch, args)?;
        let (verdict, word) = match passed {
            true => (Verdict::Survived, "SURVIVED"),
            false => (Verdict::Tests, "a test failed"),
        };
        println!("{}: {}: {word}", m.list, m.name);
        verdicts[i] = Some(verdict);
    }
    Ok(())
}

/// The source as it is must be accepted: otherwise no refusal means anything.
fn honest(root: &Path) -> Result<()> {
    let outcome = checker::run_all(&Scratch::of(root)?.root, &[])?;
    match outcome.errors.first() {
        Some(e) => bail!("the source is refused as it is: {}", e.summary()),
        None => Ok(()),
    }
}

/// Reads the lists, and sees that each text is where its list says.
fn read(root: &Path) -> Result<Vec<Mutant>> {
    let mut lists: Vec<_> = fs::read_dir(root.join("xtask/mutants"))?.collect::<Result<_, _>>()?;
    lists.sort_by_key(|l| l.file_name());
    let mut mutants = Vec::new();
    for list in lists {
        let name = list
            .path()
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let parsed = parse(&name, &fs::read_to_string(list.path())?)
            .with_context(|| format!("in {}", list.path().display()))?;
        mutants.extend(parsed);
    }
    let sources = sources(root)?;
    let mut lost = Vec::new();
    for m in &mut mutants {
        if let Err(why) = locate(m, &sources) {
            lost.push(format!("{}: {}: {why}", m.list, m.name));
        }
    }
    if !lost.is_empty() {
        bail!(
            "mutants that are not in the source:\n  {}",
            lost.join("\n  ")
        );
    }
    Ok(mutants)
}

/// The sources that mutants change, with their functions.
fn sources(root: &Path) -> Result<Vec<(Source, Vec<Function>)>> {
    let mut sources = Vec::new();
    for source in source::crates(root)? {
        let functions = functions::of(&source)?;
        sources.push((source, functions));
    }
    Ok(sources)
}

/// How many mutants the lists have; an error if one is not in the source.
pub fn check(root: &Path) -> Result<usize> {
    Ok(read(root)?.len())
}

fn parse(list: &str, text: &str) -> Result<Vec<Mutant>> {
    let mut mutants: Vec<Mutant> = Vec::new();
    for line in text.lines().filter(|l| !l.is_empty()) {
        let mark = &line[..1];
        let text = &line[1..];
        if mark == "#" {
            mutants.push(Mutant {
                list: list.into(),
                name: text.trim().into(),
                ..Default::default()
            });
            continue;
        }
        let m = mutants.last_mut().context("a list starts with a name")?;
        match mark {
            "@" => m.place = text.trim().into(),
            "-" => add_line(&mut m.old, text),
            "+" => add_line(&mut m.new, text),
            "!" => m.modules = text.split_whitespace().map(Into::into).collect(),
            "?" => m.test = Some(text.trim().into()),
            "=" => m.excuse = Some(text.trim().into()),
            _ => bail!("`{line}` starts with none of # @ - + ! ? ="),
        }
    }
    Ok(mutants)
}

fn add_line(to: &mut String, line: &str) {
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(line);
}

/// Finds the text that a mutant replaces.
fn locate(m: &mut Mutant, sources: &[(Source, Vec<Function>)]) -> std::result::Result<(), String> {
    let mut places = sources.iter().flat_map(|(source, functions)| {
        let whole = std::iter::once((&source.path, 0..source.text.len()));
        let each = functions.iter().map(|f| (&f.name, f.item.clone()));
        let named = whole.chain(each).filter(|(name, _)| **name == m.place);
        named.map(move |(_, range)| (source, functions, range))
    });
    let (source, functions, within) = places.next().ok_or(format!("there is no {}", m.place))?;
    if places.next().is_some() {
        return Err(format!("there are several {}", m.place));
    }
    let at = source.text[within.clone()]
        .find(&m.old)
        .filter(|_| !m.old.is_empty());
    let at = within.start + at.ok_or(format!("its text does not occur in {}", m.place))?;
    m.file = source.path.clone();
    m.range = at..at + m.old.len();
    let home = functions
        .iter()
        .find(|f| f.body.start <= at && m.range.end <= f.body.end);
    m.home = home.map(|f| (f.item.clone(), f.body.clone()));
    Ok(())
}

/// Mutants for the checker, at most one of a function in a batch; the last batch is judged first.
fn batches(mutants: &[Mutant]) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut count: BTreeMap<(&str, usize), usize> = BTreeMap::new();
    let mut alone = Vec::new();
    for (i, m) in mutants.iter().enumerate().filter(|(_, m)| m.test.is_none()) {
        let Some((item, _)) = &m.home else {
            alone.push(vec![i]);

            continue;
        };
        let n = count.entry((&m.file, item.start)).or_default();
        if *n == batches.len() {
            batches.push(Vec::new());
        }
        batches[*n].push(i);
        *n += 1;
    }
    alone.extend(batches);
    alone
}

/// The modules that a batch is about.
fn modules(mutants: &[Mutant], batch: &[usize]) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for m in batch.iter().map(|&i| &mutants[i]) {
        if m.home.is_none() {
            modules.extend(m.modules.iter().cloned());
            continue;
        }
        // `a/b.spec.rs` is a part of module `a::b`
        let path = m.file.trim_start_matches("veripage/src/");
        let path = path.split('.').next().unwrap_or(path);
        modules.insert(path.trim_end_matches("/mod").replace('/', "::"));
    }
    modules
}

/// Where a mutant's function is in the changed file.
struct Place {
    file: String,
    item: Range<usize>,
    body: Range<usize>,
}

/// Makes the changes of a batch.
fn write(scratch: &Scratch, mutants: &[Mutant], batch: &[usize]) -> Result<HashMap<usize, Place>> {
    let mut files: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &i in batch {
        files.entry(&mutants[i].file).or_default().push(i);
    }
    let mut found = HashMap::new();
    for (file, here) in files {
        let mut edits = Vec::new();
        for &i in &here {
            let m = &mutants[i];
            let (item, body) = m.home.clone().unwrap_or((m.range.clone(), m.range.clone()));
            edits.push(Edit::insert(item.start, String::new()));
            edits.push(Edit::insert(body.start, String::new()));
            edits.push(Edit {
                range: m.range.clone(),
                text: m.new.clone(),
            });
            edits.push(Edit::insert(body.end, String::new()));
        }
        let (text, places) = apply(&scratch.read(file)?, &edits);
        scratch.write(file, &text)?;
        for (n, &i) in here.iter().enumerate() {
            let end = places[4 * n + 3].end;
            let place = Place {
                file: file.into(),
                item: places[4 * n].start..end,
                body: places[4 * n + 1].start..end,
            };
            found.insert(i, place);
        }
    }
    Ok(found)
}

type Judged = (Vec<(usize, Verdict, String)>, Vec<Vec<usize>>);

/// Whom the errors belong to, and which mutants need another run.
fn judge(batch: &[usize], places: &HashMap<usize, Place>, outcome: &Outcome) -> Result<Judged> {
    let mut caught: BTreeMap<usize, String> = BTreeMap::new();
    let mut strays = false;
    for e in &outcome.errors {
        let owner = batch
            .iter()
            .find(|i| batch.len() == 1 || owns(&places[i], e));
        match owner {
            Some(&i) => {
                caught.entry(i).or_insert_with(|| e.summary());
            }
            None => strays = true,
        }
    }
    let rest: Vec<usize> = batch
        .iter()
        .copied()
        .filter(|i| !caught.contains_key(i))
        .collect();
    let by = if outcome.verified.is_some() {
        Verdict::Checker
    } else {
        Verdict::Compiler
    };
    let mut judged: Vec<_> = caught.into_iter().map(|(i, why)| (i, by, why)).collect();
    if outcome.verified.is_some() && !strays {
        judged.extend(
            rest.into_iter()
                .map(|i| (i, Verdict::Survived, "SURVIVED".into())),
        );
        return Ok((judged, Vec::new()));
    }
    // stopped before the proofs, or an error that belongs to nobody: what is left is judged again,
    // one by one where nothing else helps
    let again = match (strays, rest.is_empty()) {
        (_, true) => Vec::new(),
        (true, _) => rest.into_iter().map(|i| vec![i]).collect(),
        (false, _) => vec![rest],
    };
    Ok((judged, again))
}

/// Is the error about this function? What is asked of callers stands outside of the body, so a
/// failed call is the caller's.
fn owns(place: &Place, e: &Error) -> bool {
    let inside = |around: &Range<usize>, s: &checker::Span| {
        s.file == place.file && around.start <= s.bytes.start && s.bytes.end <= around.end
    };
    e.spans.iter().any(|s| inside(&place.body, s))
        || e.spans
            .iter()
            .any(|s| s.primary && e.is_limit() && inside(&place.item, s))
}

/// Do the tests pass? One that hangs does not.
fn tests_pass(scratch: &Scratch, args: &str) -> Result<bool> {
    let mut child = Command::new("cargo")
        .args(["test", "--release"])
        .args(args.split_whitespace())
        .current_dir(&scratch.root)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start cargo")?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > PATIENCE {
            // the tests themselves are in the group of the process that was started here
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-9", "--", &group]).status()?;
            child.wait()?;
            return Ok(false);
        }
        sleep(Duration::from_millis(200));
    }
}

fn report(mutants: &[Mutant], verdicts: &[Option<Verdict>]) -> (String, Vec<String>) {
    let mut lists: BTreeMap<&str, BTreeMap<Verdict, usize>> = BTreeMap::new();
    let mut faults = Vec::new();
    let mut excused = String::new();
    for (m, verdict) in mutants.iter().zip(verdicts) {
        let verdict = verdict.unwrap_or(Verdict::Survived);
        for list in [&m.list, "all"] {
            *lists.entry(list).or_default().entry(verdict).or_default() += 1;
        }
        match (&m.excuse, verdict) {
            (Some(why), Verdict::Survived) => {
                let _ = writeln!(excused, "- {} ({}): {why}", m.name, m.file);
            }
            (None, Verdict::Survived) => faults.push(format!("{}: {} survived", m.list, m.name)),
            (Some(_), _) => {
                faults.push(format!("{}: {} is excused, and was caught", m.list, m.name))
            }
            (None, _) => {}
        }
    }
    let mut out = String::from(
        "| list | mutants | refused by the checker | by its compiler | by tests | survive |\n|---|---|---|---|---|---|\n",
    );
    for (list, counts) in &lists {
        let of = |v| counts.get(&v).copied().unwrap_or(0);
        let _ = writeln!(
            out,
            "| {list} | {} | {} | {} | {} | {} |",
            counts.values().sum::<usize>(),
            of(Verdict::Checker),
            of(Verdict::Compiler),
            of(Verdict::Tests),
            of(Verdict::Survived)
        );
    }
    if !excused.is_empty() {
        let _ = write!(out, "\nThose that survive, and why:\n\n{excused}");
    }
    (out, faults)
}
