//! `veripage replay` as a user meets it, and the engine under random calls.
mod bad_input;
mod random;
mod reports;
mod semantics;

use assert_cmd::Command;
use std::path::PathBuf;

/// The built command.
fn veripage() -> Command {
    Command::new(env!("CARGO_BIN_EXE_veripage"))
}

/// A file of this name and content in a directory of the test's own.
fn file(test: &str, name: &str, content: &[u8]) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Standard error of a finished command, as lines.
fn errors(output: &std::process::Output) -> Vec<String> {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().map(str::to_string).collect()
}
