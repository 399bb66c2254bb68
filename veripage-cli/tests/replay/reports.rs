//! The reports: the table, the JSON object, the exit status.
use super::{errors, file, veripage};

const START: &str = "5 0.0 execve(\"\", [], []) = 0\n";
const BODY: &str = "\
5 0.1 brk(NULL) = 0x555555580000
5 0.2 brk(0x5555555a1000) = 0x5555555a1000
5 0.3 mmap(NULL, 12288, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000
5 0.4 mprotect(0x7f0000001000, 4096, PROT_READ) = 0
5 0.5 exit_group(0) = ?
";
const MAPS: &str = "\
@ start pid 5 line 1
555555554000-555555556000 r-xp 00000000 00:00 0 file
7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
@ end pid 5 line 6
555555554000-555555556000 r-xp 00000000 00:00 0 file
555555580000-5555555a1000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f0000001000-7f0000002000 r--p 00000000 00:00 0
7f0000002000-7f0000003000 rw-p 00000000 00:00 0
7ffffffdc000-7ffffffff000 rw-p 00000000 00:00 0 [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
";

fn report(test: &str, maps: &str) -> (Option<i32>, serde_json::Value, Vec<String>) {
    let log = file(test, "p.strace", format!("{START}{BODY}").as_bytes());
    file(test, "p.strace.maps", maps.as_bytes());
    let output = veripage()
        .arg("replay")
        .arg(&log)
        .arg("--json")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "one object and nothing else");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    (
        output.status.code(),
        value["traces"][0].clone(),
        errors(&output),
    )
}

#[test]
fn a_space_equal_to_linux_has_no_page_different() {
    let (status, trace, errors) = report("equal", MAPS);
    assert_eq!(status, Some(0), "{errors:?}");
    assert_eq!(errors, [""; 0]);
    let keys: Vec<&String> = trace.as_object().unwrap().keys().collect();
    let mut expected = [
        "name",
        "calls",
        "faults",
        "peak_pages",
        "pages_different",
        "audits",
        "violations",
        "frames_leaked",
        "unsupported",
        "seconds",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(trace["name"], "p");
    assert_eq!(trace["calls"], 6);
    for zero in [
        "pages_different",
        "violations",
        "frames_leaked",
        "unsupported",
    ] {
        assert_eq!(trace[zero], 0, "{zero}");
    }
    // 2 of the program, 33 of heap and of stack, 3 mapped.
    assert_eq!(trace["peak_pages"], 2 + 33 + 33 + 3);
    assert!(trace["faults"].as_u64().unwrap() >= 71);
    assert!(trace["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn every_page_that_differs_from_linux_is_counted_and_the_status_is_1() {
    let changes = [
        // A permission of one page, a page more, three pages less.
        ("1000-7f0000002000 r--p", "1000-7f0000002000 r-xp", 1),
        ("2000-7f0000003000 rw-p", "2000-7f0000004000 rw-p", 1),
        ("555555580000-5555555a1000", "555555580000-55555559e000", 3),
        // Shared in place of private.
        ("0000-7f0000001000 rw-p", "0000-7f0000001000 rw-s", 1),
    ];
    for (i, (from, to, pages)) in changes.into_iter().enumerate() {
        let maps = MAPS.replace(from, to);
        assert_ne!(maps, MAPS);
        let (status, trace, errors) = report(&format!("differs{i}"), &maps);
        assert_eq!(
            (status, &trace["pages_different"]),
            (Some(1), &pages.into())
        );
        assert!(
            errors.iter().any(|l| l.contains("difference")),
            "{errors:?}"
        );
    }
}

#[test]
fn a_snapshot_of_no_event_is_an_error() {
    let (status, _, errors) = report("unmatched", &MAPS.replace("line 6", "line 60"));
    assert_eq!(status, Some(1));
    assert!(errors[0].contains("belong to no event"), "{errors:?}");
}

#[test]
fn the_table_has_a_row_for_each_program() {
    let log = format!("{START}{BODY}");
    let (a, b) = (
        file("table", "first.strace", log.as_bytes()),
        file("table", "second.strace", log.as_bytes()),
    );
    let output = veripage().arg("replay").arg(&a).arg(&b).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", errors(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for word in [
        "program",
        "first",
        "second",
        "mprotect 1",
        "violations",
        "ops/s",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn every_policy_gives_the_same_space() {
    let log = file("policies", "p.strace", format!("{START}{BODY}").as_bytes());
    file("policies", "p.strace.maps", MAPS.as_bytes());
    for touch in ["all", "logged", "none"] {
        for audit in ["every", "end", "off"] {
            for cpus in ["1", "2", "5"] {
                let args = ["--touch", touch, "--audit", audit, "--cpus", cpus, "--json"];
                let output = veripage()
                    .arg("replay")
                    .arg(&log)
                    .args(args)
                    .output()
                    .unwrap();
                assert_eq!(
                    output.status.code(),
                    Some(0),
                    "{args:?} {:?}",
                    errors(&output)
                );
                let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
                let trace = &value["traces"][0];
                assert_eq!(trace["audits"] == 0, audit == "off", "{args:?}");
                assert_eq!(trace["faults"] == 0, touch != "all", "{args:?}");
            }
        }
    }
}

#[test]
fn help_and_version_are_answered() {
    for arg in ["--help", "--version"] {
        let output = veripage().arg(arg).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout)
            .unwrap()
            .contains("veripage"));
    }
}

#[test]
fn without_arguments_the_shipped_traces_are_replayed_and_all_zeros_are_zero() {
    // Away from the sources: the traces are in the binary.
    let output = veripage().current_dir("/").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", errors(&output));
    assert_eq!(errors(&output), [""; 0]);
    let text = String::from_utf8(output.stdout).unwrap();
    for program in [
        "python3",
        "gcc",
        "sort",
        "cargo",
        "java",
        "node",
        "python3.perf",
    ] {
        let row = text
            .lines()
            .find(|l| l.split_whitespace().next() == Some(program));
        let row = row.unwrap_or_else(|| panic!("{program} in {text}"));
        // From the right: operations a second, unsupported, leaked, violations, audits, different.
        let figures: Vec<&str> = row.split_whitespace().rev().take(7).collect();
        let [rate, unsupported, leaked, violations, audits, different, compared] = figures[..]
        else {
            panic!("{row}");
        };
        assert_eq!(
            [unsupported, leaked, violations, different],
            ["0"; 4],
            "{row}"
        );
        let number = |s: &str| s.replace(',', "").parse::<u64>().unwrap();
        assert!(
            number(rate) > 0 && number(audits) >= 3 && number(compared) > 0,
            "{row}"
        );
    }
}
