//! Runs of the proof checker, and what it says.
use anyhow::{bail, Context, Result};
use serde_json::Value;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The solver's budget that `--rlimit 1` is.
pub const BUDGET_UNIT: f64 = 3_000_000.0;

/// The proven crate.
pub const CORE: &str = "veripage";

/// Is the checker on the `PATH`?
pub fn is_there() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|dir| dir.join("cargo-verus").is_file())
}

/// An error, and the places that it points at.
pub struct Error {
    pub message: String,
    pub spans: Vec<Span>,
}

/// A place in a file; the path is from the workspace root.
pub struct Span {
    pub file: String,
    pub bytes: Range<usize>,
    pub line: u64,
    pub primary: bool,
}

impl Error {
    /// Was the solver's budget used up, so that nothing is known?
    pub fn is_limit(&self) -> bool {
        self.message.contains("rlimit")
    }

    /// Message and place, in a line.
    pub fn summary(&self) -> String {
        let mut ours = self.spans.iter().filter(|s| !s.file.starts_with('/'));
        match ours.clone().find(|s| s.primary).or(ours.next()) {
            Some(s) => format!("{} ({}:{})", self.message, s.file, s.line),
            None => self.message.clone(),
        }
    }
}

/// What the solver needed for a function.
pub struct Cost {
    pub function: String,
    /// In units of `--rlimit`.
    pub budget: f64,
}

/// The outcome of a run.
#[derive(Default)]
pub struct Outcome {
    pub errors: Vec<Error>,
    /// Functions verified; none if the code was refused before any proof was looked at.
    pub verified: Option<u64>,
    pub costs: Vec<Cost>,
    pub time: Duration,
}

/// Checks both crates of the workspace at `root` with further arguments for the checker; an error if one
/// of them is refused before any proof is looked at.
pub fn run_all(root: &Path, args: &[&str]) -> Result<Outcome> {
    let mut all = Outcome::default();
    for package in ["veripage-hw", CORE] {
        let one = run(root, package, args)?;
        let Some(verified) = one.verified else {
            let first = one.errors.first().map_or(String::new(), Error::summary);
            bail!("{package} is refused before any proof is looked at: {first}");
        };
        all.errors.extend(one.errors);
        all.costs.extend(one.costs);
        all.verified = Some(all.verified.unwrap_or(0) + verified);
        all.time += one.time;
    }
    Ok(all)
}

/// Checks one crate of the workspace at `root` with further arguments for the checker.
pub fn run(root: &Path, package: &str, args: &[&str]) -> Result<Outcome> {
    // Written anew, so that the crate is checked even if nothing else changed.
    let lib = root.join(package).join("src/lib.rs");
    fs::write(&lib, fs::read(&lib)?)?;
    let start = Instant::now();
    let out = Command::new("cargo")
        .args(["verus", "focus", "--fwd-verus-args-to", "roots"])
        .args(["-p", package, "--message-format=json", "--"])
        .args(["--num-threads", "2", "--output-json", "--time-expanded"])
        .args(args)
        .current_dir(root)
        .stderr(Stdio::piped())
        .output()
        .context("cannot start cargo")?;
    let time = start.elapsed();
    let text = String::from_utf8_lossy(&out.stdout);
    let mut outcome = Outcome {
        time,
        ..Default::default()
    };
    // cargo's messages are one line each; the checker's summary stands between them on many
    for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let value = value.context("the checker's output is not JSON")?;
        if value["reason"] == "compiler-message" && value["message"]["level"] == "error" {
            outcome.errors.extend(error(&value["message"]));
        } else if value.get("verification-results").is_some() {
            outcome.summary(&value);
        }
    }
    if outcome.errors.is_empty() && !out.status.success() {
        bail!(
            "the checker failed: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(outcome)
}

impl Outcome {
    fn summary(&mut self, value: &Value) {
        let results = &value["verification-results"];
        let count = |name: &str| results[name].as_u64().unwrap_or(0);
        if count("verified") + count("errors") > 0 {
            self.verified = Some(count("verified"));
        }
        let modules = value["times-ms"]["smt"]["smt-run-module-times"].as_array();
        for module in modules.into_iter().flatten() {
            for f in module["function-breakdown"]
                .as_array()
                .into_iter()
                .flatten()
            {
                self.costs.push(Cost {
                    function: f["function"]
                        .as_str()
                        .unwrap_or("")
                        .replace("_VERUS_VERIFIED_", ""),
                    budget: f["rlimit"].as_f64().unwrap_or(0.0) / BUDGET_UNIT,
                });
            }
        }
    }
}

fn error(message: &Value) -> Option<Error> {
    let text = message["message"].as_str()?;
    if text.starts_with("aborting due to") {
        return None;
    }
    let mut spans: Vec<Span> = spans(message);
    for child in message["children"].as_array().into_iter().flatten() {
        spans.extend(self::spans(child));
    }
    Some(Error {
        message: text.lines().next().unwrap_or("").into(),
        spans,
    })
}

/// The places of a message, and for those in macros, where these are called.
fn spans(message: &Value) -> Vec<Span> {
    let mut found = Vec::new();
    let list = message["spans"].as_array();
    for span in list.into_iter().flatten() {
        let mut next = span;
        while let Some(place) = place(next) {
            found.push(place);
            next = &next["expansion"]["span"];
        }
    }
    found
}

fn place(s: &Value) -> Option<Span> {
    Some(Span {
        file: s["file_name"].as_str()?.into(),
        bytes: s["byte_start"].as_u64()? as usize..s["byte_end"].as_u64()? as usize,
        line: s["line_start"].as_u64()?,
        primary: s["is_primary"] == true,
    })
}
