//! Source files of the verified crates.
use anyhow::{Context, Result};
use std::path::Path;
use walkdir::WalkDir;

/// A source file: its path from the workspace root, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

/// All Rust files below `dir`, in order of their paths.
pub fn read(root: &Path, dir: &str) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(root.join(dir)).sort_by_file_name() {
        let entry = entry?;
        if entry.path().extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            let path = entry.path().strip_prefix(root)?.display().to_string();
            files.push(Source { path, text });
        }
    }
    Ok(files)
}

/// The verified crates.
pub const CRATES: [&str; 2] = ["veripage-hw/src", "veripage/src"];

/// The files of the verified crates.
pub fn crates(root: &Path) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for dir in CRATES {
        files.extend(read(root, dir)?);
    }
    Ok(files)
}
