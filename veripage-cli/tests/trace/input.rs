//! Files: plain and gzip, and what is wrong with them.

use std::io::Write;
use std::path::PathBuf;

use flate2::write::GzEncoder;
use flate2::Compression;
use veripage_cli::trace::{companion, events, open, read_snapshots, Error, EventKind};

use super::read_all;

const LINE: &str = "7 0.000100 munmap(0x1000, 4096) = 0\n";

/// A file in a folder of this test's own, gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("veripage-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn plain_and_gzip_give_the_same() {
    let scratch = Scratch::new("same");
    let text = LINE.repeat(1000);
    let all = |path: PathBuf| -> Vec<_> {
        open(&path)
            .expect("a log")
            .map(|e| e.expect("good"))
            .collect()
    };
    let plain = all(scratch.file("a.strace", text.as_bytes()));
    assert_eq!(plain.len(), 1000);
    assert_eq!(plain, all(scratch.file("a.strace.gz", &gzip(&text))));
    let two_members = [gzip(LINE), gzip(LINE)].concat();
    assert_eq!(all(scratch.file("two.gz", &two_members)).len(), 2);
}

#[test]
fn truncated_gzip_is_an_error_that_names_the_file() {
    let scratch = Scratch::new("truncated");
    let lines: String = (0..20_000_u32)
        .map(|i| format!("7 munmap({:#x}, 4096) = 0\n", i.wrapping_mul(2_654_435_761)))
        .collect();
    let whole = gzip(&lines);
    let path = scratch.file("cut.strace.gz", &whole[..whole.len() / 2]);
    let mut last = None;
    let mut good = 0;
    for item in open(&path).expect("its beginning is good") {
        match item {
            Ok(_) => good += 1,
            Err(e) => last = Some(e),
        }
    }
    let error = last.expect("an error");
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(
        error
            .to_string()
            .ends_with("cut.strace.gz: the gzip data is cut short"),
        "{error}"
    );
    assert!(good > 0 && good < 20_000);

    let path = scratch.file("head.strace.gz", &whole[..12]);
    let error = open(&path).err().expect("an error");
    assert!(
        error
            .to_string()
            .ends_with("head.strace.gz: the gzip data is cut short"),
        "{error}"
    );
}

#[test]
fn missing_file_and_folder_are_errors() {
    let scratch = Scratch::new("missing");
    for path in [scratch.0.join("none.strace"), scratch.0.clone()] {
        let error = open(&path).err().expect("an error");
        assert!(matches!(error, Error::Io { .. }));
        assert!(
            error.to_string().starts_with(&path.display().to_string()),
            "{error}"
        );
        assert!(matches!(read_snapshots(&path), Err(Error::Io { .. })));
    }
}

#[test]
fn what_is_no_log_is_an_error() {
    for text in ["", "\n\n", "once upon a time\n", "{\"json\": 1}\n", "123\n"] {
        let error = events(text.as_bytes(), "story").err().expect("an error");
        assert_eq!(
            error.to_string(),
            "story: neither a strace nor a perf trace log"
        );
    }
}

#[test]
fn overlong_line_is_an_error_and_the_next_is_read() {
    let long = format!("7 mmap({}\n", "x".repeat(3 << 20));
    let all = read_all(&format!("{LINE}{long}{LINE}"));
    assert_eq!(all.len(), 3);
    assert_eq!(
        all[1].as_ref().expect_err("too long").to_string(),
        "log:2: longer than 1048576 bytes"
    );
    assert_eq!(all[2].as_ref().expect("read").line, 3);
}

#[test]
fn bytes_that_are_no_text_are_an_error_of_their_line() {
    let bytes = [LINE.as_bytes(), b"7 \xff\xfe\x00(\n", LINE.as_bytes()].concat();
    let all: Vec<_> = events(&bytes[..], "log").expect("a log").collect();
    assert!(all[1]
        .as_ref()
        .is_err_and(|e| e.to_string().starts_with("log:2: not a call")));
    assert!(matches!(
        all[2].as_ref().expect("read").kind,
        EventKind::Munmap { .. }
    ));
}

#[test]
fn companion_stands_beside_the_log() {
    let scratch = Scratch::new("companion");
    let plain = scratch.file("a.strace", LINE.as_bytes());
    let packed = scratch.file("b.strace.gz", &gzip(LINE));
    assert_eq!(companion(&plain), None);
    let maps = [
        scratch.file("a.strace.maps", b""),
        scratch.file("b.strace.maps.gz", &gzip("")),
    ];
    assert_eq!(companion(&plain).as_ref(), Some(&maps[0]));
    assert_eq!(companion(&packed).as_ref(), Some(&maps[1]));
}
