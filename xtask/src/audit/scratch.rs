//! Copies of the workspace: one that stays as it was when the audit began, one to change.
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What the checker needs of the workspace.
const COPIED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "veripage-hw",
    "veripage",
    "veripage-sim",
    "veripage-cli",
    "xtask",
];

/// A copy of the workspace, with build products of its own.
pub struct Scratch {
    pub root: PathBuf,
}

/// A copy of the workspace at `root` that nobody changes, so that an audit is about one source.
pub fn freeze(root: &Path) -> Result<PathBuf> {
    let frozen = root.join("target/audit/source");
    copy(root, &frozen)?;
    Ok(frozen)
}

impl Scratch {
    /// A copy to change, which is now as the `frozen` one is.
    pub fn of(frozen: &Path) -> Result<Self> {
        let root = frozen.with_file_name("changed");
        copy(frozen, &root)?;
        Ok(Scratch { root })
    }

    pub fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("cannot read {path}"))
    }

    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        fs::write(self.root.join(path), text).with_context(|| format!("cannot write {path}"))
    }
}

/// Makes the copy at `to` what the workspace at `from` is.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for name in COPIED {
        copy_over(&from.join(name), &to.join(name))
            .with_context(|| format!("cannot copy {name}"))?;
        remove_strays(&from.join(name), &to.join(name))
            .with_context(|| format!("cannot clean the copy of {name}"))?;
    }
    Ok(())
}

/// Copies a file, or a directory, where the text differs.
fn copy_over(from: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let target = beside(entry.path(), from, to)?;
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target)?;
            continue;
        }
        if let Some(dir) = target.parent() {
            fs::create_dir_all(dir)?;
        }
        let bytes = fs::read(entry.path())?;
        if fs::read(&target).ok().as_deref() != Some(&bytes[..]) {
            fs::write(&target, bytes)?;
        }
    }
    Ok(())
}

/// Removes files of the copy that the workspace has not.
fn remove_strays(from: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(to) {
        let entry = entry?;
        if entry.file_type().is_file() && !beside(entry.path(), to, from)?.exists() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The path below `there` that is as `path` is below `here`.
fn beside(path: &Path, here: &Path, there: &Path) -> Result<PathBuf> {
    let rest = path.strip_prefix(here)?;
    Ok(if rest.as_os_str().is_empty() {
        there.to_path_buf()
    } else {
        there.join(rest)
    })
}
