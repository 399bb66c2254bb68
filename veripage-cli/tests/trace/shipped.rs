//! Every log in `traces/` is read to its last line, and what its calls do to the space that `execve` made is
//! what Linux had in the end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use veripage_cli::trace::{companion, open, read_snapshots, Event, EventKind, Snapshot, When};

use super::space::Tasks;

/// What must be found in a log: events by kind, snapshots of starts, snapshots of ends.
struct Expected {
    log: &'static str,
    events: &'static [(&'static str, usize)],
    starts: usize,
    ends: usize,
}

fn name(kind: &EventKind) -> String {
    let debug = format!("{kind:?}");
    debug
        .split([' ', '{', '('])
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn check(expected: &Expected) {
    let log = Log::named(expected.log);
    let taken = |when| log.snapshots.iter().filter(|s| s.when == when).count();
    assert_eq!(
        (taken(When::Start), taken(When::End)),
        (expected.starts, expected.ends)
    );
    let compared = log.compare(|_| true);
    assert_eq!(
        compared,
        (expected.ends, 0),
        "{}: ends compared, pages different",
        expected.log
    );

    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for event in &log.events {
        *found.entry(name(&event.kind)).or_default() += 1;
    }
    let found: Vec<(&str, usize)> = found.iter().map(|(k, &n)| (k.as_str(), n)).collect();
    assert_eq!(found, expected.events, "{}", expected.log);
}

/// A log and its maps, read.
struct Log {
    events: Vec<Event>,
    snapshots: Vec<Snapshot>,
}

impl Log {
    fn named(name: &str) -> Self {
        let path = folder().join(name);
        let maps = companion(&path).expect("maps beside the log");
        let events = open(&path)
            .expect("a log")
            .map(|event| event.expect("a good line"));
        Self {
            events: events.collect(),
            snapshots: read_snapshots(&maps).expect("good maps"),
        }
    }

    /// Replays the events that are chosen; ends compared, and pages that differ.
    fn compare(&self, chosen: fn(&EventKind) -> bool) -> (usize, u64) {
        let mut tasks = Tasks::new(&self.snapshots);
        for event in self.events.iter().filter(|event| chosen(&event.kind)) {
            tasks.apply(event.line, event.pid, &event.kind);
        }
        tasks.compared
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../traces")
}

/// The comparison sees it when any kind of call is left out.
#[test]
fn every_kind_of_call_is_needed() {
    let log = Log::named("python3.strace.gz");
    let different = |chosen| log.compare(chosen).1;
    assert_eq!(different(|_| true), 0);
    assert!(different(|kind| !matches!(kind, EventKind::Mmap { .. })) > 0);
    assert!(different(|kind| !matches!(kind, EventKind::Munmap { .. })) > 0);
    assert!(different(|kind| !matches!(kind, EventKind::Mprotect { .. })) > 0);
    assert!(different(|kind| !matches!(kind, EventKind::Mremap { .. })) > 0);
    assert!(different(|kind| !matches!(kind, EventKind::Brk { .. })) > 0);
}

macro_rules! shipped {
    ($($name:ident: $log:literal, starts $starts:literal, ends $ends:literal, $events:expr;)*) => {
        $(#[test]
        fn $name() {
            check(&Expected { log: $log, starts: $starts, ends: $ends, events: &$events });
        })*

        /// No log without a test.
        #[test]
        fn all_are_tested() {
            let mut logs: Vec<String> = std::fs::read_dir(folder())
                .expect("traces")
                .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
                .filter(|name| name.ends_with(".gz") && !name.ends_with(".maps.gz"))
                .collect();
            logs.sort();
            assert_eq!(logs, [$($log),*]);
        }
    };
}

shipped! {
    bash: "bash.strace.gz", starts 2, ends 13, [("Brk", 75), ("Clone", 12), ("Execve", 2), ("ExitGroup", 13), ("Gone", 13), ("Mmap", 50), ("Mprotect", 7), ("Mremap", 1), ("Munmap", 6)];
    cargo: "cargo.strace.gz", starts 57, ends 49, [("Brk", 314), ("Clone", 252), ("Execve", 57), ("Exit", 140), ("ExitGroup", 51), ("Failed", 60), ("Gone", 253), ("Madvise", 2994), ("Mmap", 3682), ("Mprotect", 3464), ("Munmap", 1154)];
    gcc: "gcc.strace.gz", starts 5, ends 5, [("Brk", 81), ("Clone", 4), ("Execve", 5), ("ExitGroup", 5), ("Failed", 8), ("Gone", 5), ("Mmap", 146), ("Mprotect", 33), ("Munmap", 8)];
    git: "git.strace.gz", starts 1, ends 1, [("Brk", 6), ("Execve", 1), ("ExitGroup", 1), ("Gone", 1), ("Mmap", 124), ("Mprotect", 5), ("Munmap", 106)];
    java: "java.strace.gz", starts 1, ends 1, [("Brk", 4), ("Clone", 13), ("Execve", 1), ("Exit", 4), ("ExitGroup", 1), ("Gone", 14), ("Madvise", 4), ("Mmap", 142), ("Mprotect", 179), ("Munmap", 17)];
    node: "node.strace.gz", starts 1, ends 1, [("Brk", 31), ("Clone", 6), ("Execve", 1), ("Exit", 5), ("ExitGroup", 1), ("Gone", 7), ("Madvise", 194), ("Mmap", 158), ("Mprotect", 505), ("Munmap", 235)];
    python3_faults: "python3.perf.gz", starts 1, ends 1, [("Brk", 13), ("ExitGroup", 1), ("Fault", 4281), ("Mmap", 43), ("Mprotect", 6), ("Mremap", 13), ("Munmap", 15)];
    python3: "python3.strace.gz", starts 1, ends 1, [("Brk", 32), ("Clone", 4), ("Execve", 1), ("Exit", 4), ("ExitGroup", 1), ("Gone", 5), ("Madvise", 5), ("Mmap", 87), ("Mprotect", 32), ("Mremap", 12), ("Munmap", 30)];
    sort: "sort.strace.gz", starts 1, ends 1, [("Brk", 3), ("Clone", 1), ("Execve", 1), ("Exit", 1), ("ExitGroup", 1), ("Gone", 2), ("Madvise", 1), ("Mmap", 24), ("Mprotect", 5), ("Munmap", 3)];
    sqlite3: "sqlite3.strace.gz", starts 1, ends 1, [("Brk", 19), ("Execve", 1), ("ExitGroup", 1), ("Gone", 1), ("Mmap", 31), ("Mprotect", 8), ("Mremap", 4), ("Munmap", 2)];
}
