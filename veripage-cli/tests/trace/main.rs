//! Tests of the readers in `veripage_cli::trace`, through their public face.

mod input;
mod maps;
mod order;
mod perf;
mod random;
mod shipped;
mod space;
mod strace;

use veripage_cli::trace::{events, Error, Event, EventKind};

/// The events of a log that has nothing wrong in it, as `(line, task, what)`.
fn read(log: &str) -> Vec<(u64, u32, EventKind)> {
    read_all(log)
        .into_iter()
        .map(|item| item.map(|Event { line, pid, kind }| (line, pid, kind)))
        .collect::<Result<_, _>>()
        .expect("a good log")
}

/// What a log gives, errors included.
fn read_all(log: &str) -> Vec<Result<Event, Error>> {
    events(log.as_bytes(), "log").expect("a log").collect()
}

/// What one line gives.
fn one(line: &str) -> EventKind {
    let mut all = read(line);
    assert_eq!(all.len(), 1, "{line}");
    all.remove(0).2
}

/// The words of the error that a line gives, behind a good first line.
fn wrong(first: &str, line: &str) -> String {
    let all = read_all(&format!("{first}\n{line}\n{first}\n"));
    assert!(
        all.last().is_some_and(Result::is_ok),
        "goes on behind {line}"
    );
    let mut errors = all.into_iter().filter_map(Result::err);
    let error = errors
        .next()
        .unwrap_or_else(|| panic!("no error for {line}"));
    assert!(errors.next().is_none(), "one error for {line}");
    error.to_string()
}
