//! The command line: what is asked for, and what the process answers with.
//!
//! Reports go to standard output, errors and findings to standard error. Exit statuses:
//! 0 if nothing differs, nothing is broken and nothing is lost; 1 if something is, or part of a log
//! could not be replayed; 2 if there was nothing to replay, or the request makes no sense.
use crate::replay::engine::{self, Audit, Options};
use crate::replay::log::Log;
use crate::replay::outcome::Outcome;
use crate::replay::world::Touch;
use crate::replay::{report, shipped};
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

/// Everything was as it must be.
pub const CLEAN: u8 = 0;
/// Something differs, is broken or lost, or was left out for an error.
pub const FOUND: u8 = 1;
/// Nothing was replayed.
pub const UNUSABLE: u8 = 2;

/// Veripage at work on a simulated machine. Without a command: replays the traces that it ships.
#[derive(Parser)]
#[command(name = "veripage", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Replays the memory calls of real programs and compares the result with Linux.
    Replay(Replay),
}

/// Exit status: 0 if differences, violations and leaks are all 0; 1 if not, or if part of a log could
/// not be replayed; 2 if a file cannot be used or an option makes no sense.
#[derive(Args)]
struct Replay {
    /// Logs of `strace -f -ttt` or `perf trace -F all`, plain or gzip; beside NAME, NAME.maps[.gz] is
    /// taken for its /proc/PID/maps snapshots. By default the traces that come with the program.
    files: Vec<PathBuf>,
    /// CPUs of the simulated machine.
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=veripage_sim::MAX_CPUS as i64))]
    cpus: u16,
    /// When to check every table, slot and count.
    #[arg(long, value_enum, default_value_t = Audit::End)]
    audit: Audit,
    /// Which pages the programs touch; by default `logged` for logs with page faults, else `all`.
    #[arg(long, value_enum)]
    touch: Option<Touch>,
    /// Skip lines that cannot be read or cannot have happened, and replay the rest.
    #[arg(long)]
    keep_going: bool,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// RAM of the simulated machine, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048,
          value_parser = clap::value_parser!(u32).range(1..=4096))]
    memory: u32,
}

impl Default for Replay {
    fn default() -> Self {
        Replay {
            files: Vec::new(),
            cpus: 2,
            audit: Audit::End,
            touch: None,
            keep_going: false,
            json: false,
            memory: 2048,
        }
    }
}

/// Runs the command that `args` ask for (the first is the program's name). Answers the exit status.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    match Cli::try_parse_from(args) {
        Ok(cli) => match cli.command {
            Some(Command::Replay(request)) => request.run(),
            None => Replay::default().run(),
        },
        Err(e) if e.use_stderr() => {
            let text = e.to_string();
            say(text.lines().next().unwrap_or("error: bad arguments"));
            UNUSABLE
        }
        Err(help) => {
            print(&help.to_string());
            CLEAN
        }
    }
}

impl Replay {
    fn run(&self) -> u8 {
        match self.replay() {
            Ok(outcomes) => self.report(&outcomes),
            Err(e) => {
                say(&format!("error: {e}"));
                UNUSABLE
            }
        }
    }

    fn replay(&self) -> Result<Vec<Outcome>, String> {
        let logs = self.logs()?;
        let events = logs.iter().map(|l| l.events.len() as u64).sum();
        let bar = ProgressBar::new(events);
        let style =
            ProgressStyle::with_template("{msg:14} [{wide_bar}] {pos}/{len} events {elapsed}");
        bar.set_style(style.map_err(|e| e.to_string())?.progress_chars("=> "));
        let mut outcomes = Vec::new();
        let mut before = 0;
        for log in &logs {
            bar.set_message(log.name.clone());
            let progress = |done| bar.set_position(before + done);
            let outcome = engine::replay(log, &self.options(), &progress);
            outcomes.push(outcome.map_err(|e| format!("{}: {e}", log.file))?);
            before += log.events.len() as u64;
        }
        bar.finish_and_clear();
        Ok(outcomes)
    }

    /// Reads all logs before the first is replayed: a bad name is known at once.
    fn logs(&self) -> Result<Vec<Log>, String> {
        let logs = if self.files.is_empty() {
            shipped::logs()
        } else {
            self.files.iter().map(|f| Log::open(f)).collect()
        };
        let logs: Vec<Log> = logs.map_err(|e| e.to_string())?;
        let malformed = logs.iter().flat_map(|l| l.malformed.kept()).next();
        match malformed {
            Some(line) if !self.keep_going => Err(line),
            _ => Ok(logs),
        }
    }

    fn options(&self) -> Options {
        Options {
            cpus: self.cpus.into(),
            audit: self.audit,
            touch: self.touch,
            keep_going: self.keep_going,
            memory: (self.memory as usize) << 20,
        }
    }

    fn report(&self, outcomes: &[Outcome]) -> u8 {
        let text = if self.json {
            report::json(outcomes)
        } else {
            report::table(outcomes)
        };
        print(&format!("{text}\n"));
        for outcome in outcomes {
            for line in report::details(outcome) {
                say(&line);
            }
        }
        if outcomes.iter().all(Outcome::is_clean) {
            CLEAN
        } else {
            FOUND
        }
    }
}

/// Prints to standard output. If that is closed there is nobody to tell.
fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints a line to standard error.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
