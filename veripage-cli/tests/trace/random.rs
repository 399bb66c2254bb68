//! No input makes a reader panic, and every event and error names a line that is there.

use proptest::prelude::*;
use veripage_cli::trace::{events, snapshots, Error};

/// Real lines of both kinds of log, to be damaged.
const LINES: &[&str] = &[
    "7 0.1 mmap(0x7f14e8686000, 2801664, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x86000) = 0x7f14e8686000",
    "7 0.2 munmap(0x7f5d3c5b5000, 33883) = 0",
    "7 0.3 mprotect(0x1000, 4096, PROT_READ) = 0",
    "7 0.4 brk(NULL <unfinished ...>",
    "7 0.5 <... brk resumed>) = 0x5559ecb30000",
    "7 0.6 mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, 0x9000) = 0x9000",
    "7 0.7 madvise(0x1000, 4096, MADV_DONTNEED) = -1 EINVAL (Invalid argument)",
    "7 0.8 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f} => {parent_tid=[8]}, 88) = 8",
    "7 0.8 vfork( <unfinished ...>",
    "8 0.9 execve(\"/bin/a\", [\"a\", \"b\"...], 0x7ffe /* 39 vars */) = 0",
    "7 0.9 <... vfork resumed>) = 8",
    "8 1.0 exit_group(0) = ?",
    "8 1.1 +++ exited with 0 +++",
    "7 1.2 +++ superseded by execve in pid 8 +++",
    "7 1.3 --- SIGCHLD {si_signo=SIGCHLD, si_pid=8} ---",
    "[pid     9] shmat(3, NULL, 0) = 0x7f0000000000",
    "vfork(strace: Process 10 attached",
    ") = 10",
    "     0.000 ( 0.000 ms): cat/7 minfault [elf_load+0x28a] => 0x5583342f1280 (?k)",
    "     0.240 ( 0.000 ms): cat/7 minfault [_start+0x0] => /usr/lib/ld.so@0x1ab70 (d.)",
    "     0.113 (         ): cat/7 exceptions:page_fault_user(address: 0x7f862f4c2b70, ip: 1402, error_code: 20)",
    "     0.672 ( 0.025 ms): cat/7 mmap(len: 8192, prot: READ|WRITE, flags: PRIVATE|ANONYMOUS)  = 0x7f4b96ed3000",
    "   181.724 (         ): python3/7 clone3(uargs: 0x7ffc0466d6e0, size: 88)                            ...",
    "   181.724 ( 3.071 ms): python3/7  ... [continued]: clone3())                                           = 30611",
    "         ? (         ): :8/8  ... [continued]: clone())                                            = ",
];

const MAPS: &[&str] = &[
    "@ start pid 2 line 36",
    "5583342e6000-5583342e8000 r--p 00000000 fe:00 247030                     /usr/bin/cat",
    "55835da26000-55835da47000 rw-p 00000000 00:00 0                          [heap]",
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
    "@ end pid 2 line 50",
];

/// Damage to one line.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Truncate(prop::sample::Index),
    Replace(prop::sample::Index, char),
    Insert(prop::sample::Index, String),
    Remove(prop::sample::Index, prop::sample::Index),
    Twice,
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    let mark = prop::sample::select("(){}[]<>\"\\,=|-/*.? 0x9".chars().collect::<Vec<_>>());
    prop_oneof![
        3 => Just(Damage::None),
        2 => at().prop_map(Damage::Truncate),
        2 => (at(), mark).prop_map(|(at, mark)| Damage::Replace(at, mark)),
        1 => (at(), ".{0,8}").prop_map(|(at, text)| Damage::Insert(at, text)),
        1 => (at(), at()).prop_map(|(from, to)| Damage::Remove(from, to)),
        1 => Just(Damage::Twice),
    ]
}

fn damaged(line: &str, damage: &Damage) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let place = |at: &prop::sample::Index| at.index(chars.len());
    match damage {
        Damage::None => {}
        Damage::Truncate(at) => chars.truncate(place(at)),
        Damage::Replace(at, mark) => {
            let at = place(at);
            chars[at] = *mark;
        }
        Damage::Insert(at, text) => {
            let at = place(at);
            drop(chars.splice(at..at, text.chars()).collect::<Vec<_>>());
        }
        Damage::Remove(from, to) => {
            let (from, to) = (place(from), place(to));
            drop(chars.drain(from.min(to)..from.max(to)));
        }
        Damage::Twice => return format!("{line}{line}"),
    }
    chars.into_iter().collect()
}

fn log(lines: &'static [&'static str]) -> impl Strategy<Value = String> {
    let line = (prop::sample::select(lines), damage()).prop_map(|(line, d)| damaged(line, &d));
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\n"))
}

/// Reads everything; every line number must be one of the text.
fn survives(text: &[u8]) -> Result<(), TestCaseError> {
    let count = text.split(|&b| b == b'\n').count() as u64;
    let Ok(all) = events(text, "log") else {
        return Ok(());
    };
    for item in all {
        match item {
            Ok(event) => prop_assert!((1..=count).contains(&event.line)),
            Err(Error::Line { line, .. }) => prop_assert!((1..=count).contains(&line)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_logs(text in log(LINES)) {
        survives(text.as_bytes())?;
    }

    #[test]
    fn damaged_logs_behind_a_line_of_strace(text in log(LINES)) {
        survives(format!("{}\n{text}", LINES[1]).as_bytes())?;
    }

    #[test]
    fn damaged_logs_behind_a_line_of_perf(text in log(LINES)) {
        survives(format!("{}\n{text}", LINES[21]).as_bytes())?;
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes)?;
        survives(&[LINES[1].as_bytes(), b"\n", &bytes].concat())?;
        drop(snapshots(&bytes[..], "maps"));
    }

    #[test]
    fn damaged_maps(text in log(MAPS)) {
        if let Ok(all) = snapshots(text.as_bytes(), "maps") {
            for region in all.iter().flat_map(|s| &s.regions) {
                prop_assert!(region.start < region.end);
            }
        }
    }

    /// Numbers go through unchanged, in every form in which logs write them.
    #[test]
    fn numbers_survive(addr in any::<u64>(), len in any::<u64>()) {
        use veripage_cli::trace::EventKind;
        let expected = EventKind::Munmap { addr, len };
        prop_assert_eq!(super::one(&format!("7 munmap({addr:#x}, {len}) = 0")), expected.clone());
        prop_assert_eq!(super::one(&format!("1.0 ( 2.0 ms): a/7 munmap(addr: {addr:#x}, len: {len}) = 0")), expected);
    }
}
