//! Random calls of several tasks, audited after every one: nothing is ever broken or lost.
use proptest::prelude::*;
use std::fmt::Write;
use veripage_cli::replay::engine::{replay, Audit, Options};
use veripage_cli::replay::log::Log;
use veripage_cli::replay::world::Touch;

const BASE: u64 = 0x7f00_0000_0000;
/// Pages that the calls choose from: several page-table nodes' worth, with the hot ones in front.
const PAGES: u64 = 1200;

/// One call of task `task % tasks that live`.
#[derive(Clone, Debug)]
struct Call {
    task: usize,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Mmap(u64, u64, u8, u8),
    Munmap(u64, u64),
    Mprotect(u64, u64, u8),
    Mremap(u64, u64, u64, u64, bool),
    Madvise(u64, u64, u8),
    Brk(u64),
    Clone(u8),
    Exec,
    Exit,
}

fn what() -> impl Strategy<Value = What> {
    let page = || prop_oneof![4 => 0..24u64, 1 => 0..PAGES];
    let len = || prop_oneof![6 => 1..12u64, 1 => 1..700u64];
    prop_oneof![
        6 => (page(), len(), 0..8u8, 0..4u8).prop_map(|(a, n, p, k)| What::Mmap(a, n, p, k)),
        3 => (page(), len()).prop_map(|(a, n)| What::Munmap(a, n)),
        4 => (page(), len(), 0..8u8).prop_map(|(a, n, p)| What::Mprotect(a, n, p)),
        2 => (page(), 1..12u64, page(), 1..12u64, any::<bool>())
            .prop_map(|(a, n, b, m, keep)| What::Mremap(a, n, b, m, keep)),
        3 => (page(), len(), 0..7u8).prop_map(|(a, n, k)| What::Madvise(a, n, k)),
        2 => (0..40u64).prop_map(What::Brk),
        2 => (0..3u8).prop_map(What::Clone),
        1 => Just(What::Exec),
        1 => Just(What::Exit),
    ]
}

fn prot(bits: u8) -> String {
    let names = ["PROT_READ", "PROT_WRITE", "PROT_EXEC"];
    let set: Vec<&str> = (0..3)
        .filter(|i| bits >> i & 1 == 1)
        .map(|i| names[i])
        .collect();
    match set.len() {
        0 => "PROT_NONE".to_string(),
        _ => set.join("|"),
    }
}

/// The log of the calls, as `strace -f -ttt` writes it. Results are what Linux could answer.
fn log(calls: &[Call]) -> String {
    let mut log = String::new();
    let mut tasks: Vec<u32> = vec![100];
    let mut next = 101;
    let at = |page: &u64| BASE + page * 4096;
    for (i, Call { task, what }) in calls.iter().enumerate() {
        let slot = task % tasks.len();
        let pid = tasks[slot];
        write!(log, "{pid} {}.{:06} ", i / 1_000_000, i % 1_000_000).unwrap();
        match what {
            What::Mmap(a, n, p, kind) => {
                let (kind, fd) = [
                    ("MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS", "-1"),
                    ("MAP_SHARED|MAP_FIXED|MAP_ANONYMOUS", "-1"),
                    ("MAP_PRIVATE|MAP_FIXED", "3"),
                    ("MAP_SHARED|MAP_FIXED", "4"),
                ][*kind as usize];
                let (at, len, prot) = (at(a), n * 4096 - 7, prot(*p));
                writeln!(
                    log,
                    "mmap({at:#x}, {len}, {prot}, {kind}, {fd}, 0x2000) = {at:#x}"
                )
            }
            What::Munmap(a, n) => writeln!(log, "munmap({:#x}, {}) = 0", at(a), n * 4096 - 1),
            What::Mprotect(a, n, p) => {
                writeln!(
                    log,
                    "mprotect({:#x}, {}, {}) = 0",
                    at(a),
                    n * 4096,
                    prot(*p)
                )
            }
            What::Mremap(a, n, b, m, keep) => {
                let (flags, m) = if *keep {
                    ("MREMAP_MAYMOVE|MREMAP_FIXED|MREMAP_DONTUNMAP", n)
                } else {
                    ("MREMAP_MAYMOVE|MREMAP_FIXED", m)
                };
                // Linux refuses ranges that overlap.
                let b = if b + m <= *a || a + n <= *b {
                    *b
                } else {
                    a + n + m
                };
                let (old, new) = (at(a), at(&b));
                let (n, m) = (n * 4096, m * 4096);
                writeln!(
                    log,
                    "mremap({old:#x}, {n}, {m}, {flags}, {new:#x}) = {new:#x}"
                )
            }
            What::Madvise(a, n, kind) => {
                let advice = [
                    "MADV_DONTNEED",
                    "MADV_FREE",
                    "MADV_DONTFORK",
                    "MADV_WIPEONFORK",
                    "MADV_KEEPONFORK",
                    "MADV_WILLNEED",
                    "MADV_REMOVE",
                ][*kind as usize];
                writeln!(log, "madvise({:#x}, {}, {advice}) = 0", at(a), n * 4096)
            }
            What::Brk(pages) => {
                let end = 0x5555_0000_0000u64 + pages * 4000;
                writeln!(log, "brk({end:#x}) = {end:#x}")
            }
            What::Clone(kind) => {
                let child = next;
                next += 1;
                tasks.push(child);
                let flags = [
                    "SIGCHLD",
                    "CLONE_VM|CLONE_VFORK|SIGCHLD",
                    "CLONE_VM|CLONE_THREAD|CLONE_SIGHAND",
                ];
                let flags = flags[*kind as usize];
                writeln!(log, "clone(child_stack=NULL, flags={flags}) = {child}")
            }
            What::Exec => writeln!(log, "execve(\"\", [], []) = 0"),
            What::Exit if tasks.len() > 1 => {
                tasks.remove(slot);
                writeln!(log, "exit(0) = ?")
            }
            What::Exit => writeln!(log, "msync({BASE:#x}, 4096, MS_SYNC) = 0"),
        }
        .unwrap();
    }
    log
}

fn run(calls: &[Call], audit: Audit, touch: Touch, cpus: usize) -> Result<(), TestCaseError> {
    let text = log(calls);
    let log = Log::from_bytes("random.strace", text.as_bytes(), None).unwrap();
    prop_assert_eq!(log.malformed.kept(), Vec::<String>::new());
    let options = Options {
        cpus,
        audit,
        touch: Some(touch),
        keep_going: true,
        memory: 64 << 20,
    };
    let outcome = replay(&log, &options, &|_| {}).unwrap();
    let wrong = (outcome.violations, outcome.different, outcome.leaked);
    prop_assert_eq!(wrong, (0, 0, 0), "{:#?}\n{}", outcome.findings, text);
    // The only thing in these logs that cannot have happened is to move what is not there.
    for finding in &outcome.findings {
        prop_assert!(
            finding.contains("mremap: nothing is mapped"),
            "{finding}\n{text}"
        );
    }
    Ok(())
}

fn calls(most: usize) -> impl Strategy<Value = Vec<Call>> {
    let call = (0..8usize, what()).prop_map(|(task, what)| Call { task, what });
    prop::collection::vec(call, 1..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_calls_break_nothing_audited_after_each(calls in calls(40), cpus in 1..4usize) {
        run(&calls, Audit::Every, Touch::All, cpus)?;
    }

    #[test]
    fn random_calls_that_overlap_break_nothing(calls in calls(120), cpus in 2..5usize) {
        run(&calls, Audit::End, Touch::All, cpus)?;
    }

    #[test]
    fn out_of_memory_anywhere_ends_the_replay_and_breaks_nothing(
        calls in calls(60), cpus in 1..4usize, frames in 270..600usize
    ) {
        let text = log(&calls);
        let log = Log::from_bytes("small.strace", text.as_bytes(), None).unwrap();
        let options = Options {
            cpus,
            audit: Audit::Every,
            touch: Some(Touch::All),
            keep_going: true,
            memory: frames * 4096,
        };
        let outcome = replay(&log, &options, &|_| {}).unwrap();
        let wrong = (outcome.violations, outcome.different, outcome.leaked);
        prop_assert_eq!(wrong, (0, 0, 0), "{:#?}\n{}", outcome.findings, text);
        for finding in &outcome.findings {
            let named = finding.starts_with("small.strace:");
            let known = finding.ends_with(": out of simulated memory")
                || finding.contains("mremap: nothing is mapped");
            prop_assert!(named && known, "{finding}\n{text}");
        }
    }

    #[test]
    fn random_text_never_panics(lines in prop::collection::vec("[ -~]{0,80}", 0..20)) {
        let text = format!("7 0.1 munmap(0x1000, 4096) = 0\n{}\n", lines.join("\n"));
        if let Ok(log) = Log::from_bytes("text.strace", text.as_bytes(), None) {
            let options = Options {
                cpus: 2,
                audit: Audit::End,
                touch: None,
                keep_going: true,
                memory: 16 << 20,
            };
            let outcome = replay(&log, &options, &|_| {}).unwrap();
            prop_assert_eq!((outcome.violations, outcome.leaked), (0, 0));
        }
    }
}
