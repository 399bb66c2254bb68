//! Each bad input gets the answer that is promised, and none a panic.
use super::{errors, file, veripage};
use flate2::write::GzEncoder;
use flate2::Compression;
use std::io::Write;

const MMAP: &str = "7 0.1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\n";
const MUNMAP: &str = "7 0.2 munmap(0x7f0000000000, 8192) = 0\n";
const EXIT: &str = "7 0.9 exit_group(0) = ?\n";

/// The arguments are refused with one line on standard error, status 2, and no report.
fn refused(args: &[&str], says: &str) {
    let output = veripage().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    let lines = errors(&output);
    assert_eq!(lines.len(), 1, "{args:?}: {lines:?}");
    assert!(lines[0].contains(says), "{args:?}: {lines:?}");
}

#[test]
fn options_that_make_no_sense() {
    refused(&["replay", "--cpus", "0"], "'0' for '--cpus");
    refused(&["replay", "--cpus", "1000"], "'1000' for '--cpus");
    refused(&["replay", "--cpus", "two"], "--cpus");
    refused(&["replay", "--memory", "0"], "--memory");
    refused(&["replay", "--audit", "sometimes"], "--audit");
    refused(&["replay", "--nonsense"], "--nonsense");
    refused(&["conquer"], "conquer");
}

#[test]
fn files_that_cannot_be_read() {
    refused(
        &["replay", "/nonexistent/a.strace"],
        "/nonexistent/a.strace",
    );
    refused(&["replay", "/"], "/");
    let good = file(
        "unreadable",
        "good.strace",
        format!("{MMAP}{EXIT}").as_bytes(),
    );
    let good = good.to_str().unwrap();
    refused(
        &["replay", good, "missing.strace", "--json"],
        "missing.strace",
    );
}

#[test]
fn a_file_of_something_else() {
    let path = file(
        "else",
        "poem.txt",
        b"Shall I compare thee\nto a summer's day?\n",
    );
    refused(&["replay", path.to_str().unwrap()], "poem.txt");
    let path = file("else", "bytes", &[0, 159, 146, 150, 255, 254, 10, 13, 0]);
    refused(&["replay", path.to_str().unwrap()], "bytes");
}

#[test]
fn a_truncated_gzip_with_and_without_keep_going() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    for _ in 0..500 {
        gzip.write_all(MMAP.as_bytes()).unwrap();
        gzip.write_all(MUNMAP.as_bytes()).unwrap();
    }
    let whole = gzip.finish().unwrap();
    for cut in [whole.len() - 4, whole.len() / 2] {
        let path = file("cut", &format!("cut{cut}.strace.gz"), &whole[..cut]);
        let path = path.to_str().unwrap();
        refused(&["replay", path], path);
        refused(&["replay", path, "--keep-going"], path);
    }
}

#[test]
fn malformed_snapshots() {
    let log = file("snap", "a.strace", format!("{MMAP}{EXIT}").as_bytes());
    file(
        "snap",
        "a.strace.maps",
        b"@ end pid 7 line 2\nnot a line of maps\n",
    );
    refused(&["replay", log.to_str().unwrap()], "a.strace.maps:2");
}

#[test]
fn a_malformed_line_is_named_and_the_rest_replayed_on_demand() {
    let log = format!("{MMAP}7 0.15 munmap(0x7f00000\n{MUNMAP}7 0.3 mmap(banana) = 0x1000\n{EXIT}");
    let path = file("malformed", "bad.strace", log.as_bytes());
    let path = path.to_str().unwrap();
    refused(&["replay", path], "bad.strace:2: ");

    let output = veripage()
        .args(["replay", "--keep-going", "--json", path])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = errors(&output);
    assert!(lines[0].contains("bad.strace:2: "), "{lines:?}");
    assert!(lines[1].contains("bad.strace:4: "), "{lines:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let trace = &report["traces"][0];
    assert_eq!(trace["calls"], 3);
    assert_eq!(trace["violations"], 0);
    assert_eq!(trace["frames_leaked"], 0);
}

#[test]
fn a_call_that_cannot_have_happened_is_named_and_the_rest_replayed_on_demand() {
    let log = format!(
        "{MMAP}7 0.2 munmap(0x7f0000000001, 4096) = 0\n\
         7 0.3 mremap(0x600000000000, 4096, 8192, MREMAP_MAYMOVE) = 0x610000000000\n\
         7 0.4 mmap(NULL, 18446744073709551615, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\n\
         7 0.5 brk(0xffffffffffffffff) = 0xffffffffffffffff\n\
         7 0.6 madvise(0xfffffffffffff000, 18446744073709551615, MADV_DONTNEED) = 0\n\
         {MUNMAP}{EXIT}"
    );
    let path = file("impossible", "odd.strace", log.as_bytes());
    let path = path.to_str().unwrap();
    let output = veripage()
        .args(["replay", path, "--audit", "every"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output)[0].contains("odd.strace:2: munmap: "),
        "{:?}",
        errors(&output)
    );

    let args = ["replay", path, "--audit", "every", "--keep-going", "--json"];
    let output = veripage().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = errors(&output);
    for (line, call) in [
        (2, "munmap"),
        (3, "mremap"),
        (4, "mmap"),
        (5, "brk"),
        (6, "madvise"),
    ] {
        let says = format!("odd.strace:{line}: {call}: ");
        assert!(lines.iter().any(|l| l.contains(&says)), "{says} {lines:?}");
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["traces"][0]["violations"], 0);
    assert_eq!(report["traces"][0]["frames_leaked"], 0);
}

#[test]
fn an_unsupported_call_is_counted_and_listed() {
    let log =
        format!("{MMAP}7 0.2 remap_file_pages(0x7f0000000000, 4096, 0, 1, 0) = 0\n{MUNMAP}{EXIT}");
    let path = file("unsupported", "rare.strace", log.as_bytes());
    let output = veripage()
        .arg("replay")
        .arg(&path)
        .arg("--json")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["traces"][0]["unsupported"], 1);
    assert_eq!(report["traces"][0]["calls"], 4);
    let lines = errors(&output);
    assert!(
        lines
            .iter()
            .any(|l| l.contains("not supported: remap_file_pages")),
        "{lines:?}"
    );
}

#[test]
fn out_of_simulated_memory_names_the_call_and_the_audit_holds() {
    let mut log = String::new();
    for i in 0..16u64 {
        let at = 0x7f00_0000_0000 + i * 0x40_0000;
        log += &format!(
            "7 0.{i:03} mmap(NULL, 1048576, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = {at:#x}\n"
        );
    }
    log += EXIT;
    let path = file("memory", "big.strace", log.as_bytes());
    let path = path.to_str().unwrap();
    let output = veripage()
        .args([
            "replay", path, "--memory", "2", "--audit", "every", "--json",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = errors(&output);
    assert!(lines[0].contains("big.strace:"), "{lines:?}");
    assert!(
        lines[0].contains("mmap: out of simulated memory"),
        "{lines:?}"
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let trace = &report["traces"][0];
    assert_eq!(trace["violations"], 0, "{lines:?}");
    assert_eq!(trace["frames_leaked"], 0);
    assert!(trace["audits"].as_u64().unwrap() > 2);
    assert!(trace["calls"].as_u64().unwrap() < 16);
}
