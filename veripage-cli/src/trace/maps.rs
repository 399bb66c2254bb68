//! `/proc/PID/maps` snapshots that accompany a log.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::input::{self, Lines};
use super::text::{leading_pid, quote};
use super::{Error, Prot};

/// The file of snapshots that belongs to a log: `NAME.maps.gz` or `NAME.maps` beside `NAME` or `NAME.gz`.
#[must_use]
pub fn companion(log: &Path) -> Option<PathBuf> {
    let name = log.file_name()?.to_str()?;
    let stem = name.strip_suffix(".gz").unwrap_or(name);
    let beside = |end: &str| log.with_file_name(format!("{stem}{end}"));
    [beside(".maps.gz"), beside(".maps")]
        .into_iter()
        .find(|path| path.is_file())
}

/// Reads a file of snapshots, plain or gzip.
///
/// Each begins with a line `@ start pid N line N` or `@ end pid N line N`. A file without such
/// lines is one `/proc/PID/maps`, taken when the log's first program started.
///
/// # Errors
/// [`Error::Io`] if it cannot be read, [`Error::Line`] at the first line that is neither such a head nor one
/// of `/proc/PID/maps`, or whose region is empty, not of whole pages, or not above the one before.
pub fn read_snapshots(path: &Path) -> Result<Vec<Snapshot>, Error> {
    snapshots(input::open(path)?, &path.display().to_string())
}

/// As [`read_snapshots`], of text that is already open; `file` is its name in errors.
///
/// # Errors
/// As [`read_snapshots`].
pub fn snapshots<R: BufRead>(reader: R, file: &str) -> Result<Vec<Snapshot>, Error> {
    let mut all: Vec<Snapshot> = Vec::new();
    let mut lines = Lines::new(reader, file);
    while let Some(line) = lines.next() {
        let (number, text) = line?;
        if text.trim().is_empty() {
            continue;
        }
        take_line(&mut all, &text).map_err(|what| lines.error(number, what))?;
    }
    Ok(all)
}

fn take_line(all: &mut Vec<Snapshot>, text: &str) -> Result<(), String> {
    if let Some(head) = text.strip_prefix("@ ") {
        all.push(snapshot_head(head)?);
        return Ok(());
    }
    let region = region(text)?;
    if all.is_empty() {
        all.push(Snapshot {
            when: When::Start,
            pid: 0,
            line: 0,
            regions: Vec::new(),
        });
    }
    let Some(Snapshot { regions, .. }) = all.last_mut() else {
        return Ok(());
    };
    if regions.last().is_some_and(|last| last.end > region.start) {
        return Err(format!("{} is not above the region before", quote(text)));
    }
    regions.push(region);
    Ok(())
}

/// `start pid N line N`, behind the `@`.
fn snapshot_head(head: &str) -> Result<Snapshot, String> {
    let bad = || format!("{} is not the head of a snapshot", quote(head));
    let words: Vec<&str> = head.split_whitespace().collect();
    let [when, "pid", pid, "line", line] = words[..] else {
        return Err(bad());
    };
    let when = match when {
        "start" => When::Start,
        "end" => When::End,
        _ => return Err(bad()),
    };
    Ok(Snapshot {
        when,
        pid: pid.parse().map_err(|_| bad())?,
        line: line.parse().map_err(|_| bad())?,
        regions: Vec::new(),
    })
}

/// `5650b251a000-5650b253b000 rw-p 00000000 00:00 0  [heap]`
fn region(text: &str) -> Result<Region, String> {
    let bad = |what: &str| format!("{} {what}", quote(text));
    let hex = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| bad("has a bad number"));
    let mut words = text.split_whitespace();
    let mut column = || {
        words
            .next()
            .ok_or_else(|| bad("is not a line of /proc/PID/maps"))
    };
    let (extent, access, offset, _device, inode) =
        (column()?, column()?, column()?, column()?, column()?);
    let (start, end) = extent.split_once('-').ok_or_else(|| bad("has no extent"))?;
    let (start, end) = (hex(start)?, hex(end)?);
    if start >= end || start % 4096 != 0 || end % 4096 != 0 {
        return Err(bad("is empty or not of whole pages"));
    }
    leading_pid(inode).ok_or_else(|| bad("has no inode"))?;
    let (prot, shared) = access_bits(access).ok_or_else(|| bad("has bad permissions"))?;
    let kind = RegionKind::of(words.next().unwrap_or_default());
    Ok(Region {
        start,
        end,
        prot,
        shared,
        offset: hex(offset)?,
        kind,
    })
}

/// `rwxp`, with `-` for what is not permitted and `s` for shared.
fn access_bits(text: &str) -> Option<(Prot, bool)> {
    let bit = |given: u8, letter: u8, bit: Prot| match given {
        b'-' => Some(0),
        given if given == letter => Some(bit.0),
        _ => None,
    };
    let &[r, w, x, s] = text.as_bytes() else {
        return None;
    };
    let word = bit(r, b'r', Prot::READ)? | bit(w, b'w', Prot::WRITE)? | bit(x, b'x', Prot::EXEC)?;
    match s {
        b'p' => Some((Prot(word), false)),
        b's' => Some((Prot(word), true)),
        _ => None,
    }
}

/// When a snapshot was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// At the return of a successful `execve`: what it mapped, before the program's first instruction.
    Start,
    /// At the entry to `exit_group`.
    End,
}

/// The map of one space at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// When it was taken.
    pub when: When,
    /// The task whose event it belongs to; 0 in a file without headers: the log's first task.
    pub pid: u32,
    /// [`Event::line`](super::Event::line) of its `Execve` (start) or `ExitGroup` (end); 0 in a file
    /// without headers: the first such event.
    pub line: u64,
    /// The mappings, ascending and disjoint.
    pub regions: Vec<Region>,
}

/// One line of `/proc/PID/maps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte, a multiple of 4096.
    pub start: u64,
    /// First byte behind it, a multiple of 4096.
    pub end: u64,
    /// Permitted access.
    pub prot: Prot,
    /// `s` in the fourth column: shared, not private.
    pub shared: bool,
    /// Offset in the file in bytes.
    pub offset: u64,
    /// What is mapped.
    pub kind: RegionKind,
}

/// What a region maps, from the last column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegionKind {
    /// Nothing named: zeroes.
    Anon,
    /// A file, or anything else with a path (a deleted file, a shared memory object).
    File,
    /// `[heap]`, moved by `brk`.
    Heap,
    /// `[stack]`, which grows down on faults.
    Stack,
    /// `[vdso]`: code that the kernel maps.
    Vdso,
    /// `[vvar]`, `[vvar_vclock]` and whatever else the kernel maps under a name in brackets.
    Vvar,
    /// `[vsyscall]`: a page of the kernel half that every process shows; not part of the space.
    Vsyscall,
}

impl RegionKind {
    /// From the first word of the last column.
    fn of(name: &str) -> Self {
        match name {
            "" => Self::Anon,
            "[heap]" => Self::Heap,
            "[stack]" => Self::Stack,
            "[vdso]" => Self::Vdso,
            "[vsyscall]" => Self::Vsyscall,
            _ if name.starts_with("[anon") => Self::Anon,
            _ if name.starts_with('[') => Self::Vvar,
            _ => Self::File,
        }
    }
}
