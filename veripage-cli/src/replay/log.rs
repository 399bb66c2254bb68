//! A trace, read whole: its events, the lines that could not be read, and its snapshots.
use super::messages::Messages;
use crate::trace::{self, Event, EventKind, Snapshot, When};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A log and what belongs to it.
#[derive(Debug, Default)]
pub struct Log {
    /// Its name in reports.
    pub name: String,
    /// Its file, as errors name it.
    pub file: String,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Lines that could not be read, with file and line.
    pub malformed: Messages,
    /// Maps that Linux showed.
    pub snapshots: Vec<Snapshot>,
}

impl Log {
    /// Reads the log at `path` and the snapshots beside it, plain or gzip.
    ///
    /// # Errors
    /// The file, or the snapshots, cannot be read or are of no known format.
    pub fn open(path: &Path) -> Result<Log, trace::Error> {
        let mut log = Log::named(&path.display().to_string());
        log.take(trace::open(path)?)?;
        if let Some(maps) = trace::companion(path) {
            log.snapshots = trace::read_snapshots(&maps)?;
        }
        Ok(log)
    }

    /// Reads a log that is already in memory; `file` is its name, `maps` are its snapshots.
    ///
    /// # Errors
    /// See [`Log::open`].
    pub fn from_bytes(file: &str, log: &[u8], maps: Option<&[u8]>) -> Result<Log, trace::Error> {
        let mut read = Log::named(file);
        read.take(trace::events(unpacked(log), file)?)?;
        if let Some(maps) = maps {
            read.snapshots = trace::snapshots(unpacked(maps), &format!("maps of {file}"))?;
        }
        Ok(read)
    }

    fn named(file: &str) -> Log {
        Log {
            name: short_name(file),
            file: file.to_string(),
            ..Log::default()
        }
    }

    /// Does the log tell page faults?
    pub fn has_faults(&self) -> bool {
        let mut kinds = self.events.iter().map(|e| &e.kind);
        kinds.any(|k| matches!(k, EventKind::Fault { .. }))
    }

    /// Index of the snapshot of task `pid` that was taken before the log begins.
    pub fn snapshot_before(&self, pid: u32) -> Option<usize> {
        let mut all = self.snapshots.iter();
        all.position(|s| s.when == When::Start && (s.pid, s.line) == (pid, 0))
    }

    /// Index of the snapshot that was taken at this event. One without a place in the log is taken
    /// to be of its first task.
    pub fn snapshot(&self, when: When, event: &Event) -> Option<usize> {
        let first = self.events.first().map_or(0, |e| e.pid);
        self.snapshots.iter().position(|s| {
            let headerless = s.pid == 0 && s.line == 0;
            s.when == when
                && if headerless {
                    event.pid == first
                } else {
                    (s.pid, s.line) == (event.pid, event.line)
                }
        })
    }

    fn take(
        &mut self,
        events: impl Iterator<Item = Result<Event, trace::Error>>,
    ) -> Result<(), trace::Error> {
        for event in events {
            match event {
                Ok(event) => self.events.push(event),
                Err(e @ trace::Error::Line { .. }) => self.malformed.add(|| e.to_string()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// The file name without directories and without the endings of a plain recording.
fn short_name(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.strip_suffix(".strace").unwrap_or(name).to_string()
}

fn unpacked(bytes: &[u8]) -> Box<dyn BufRead + '_> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::new(MultiGzDecoder::new(bytes)))
    } else {
        Box::new(bytes.take(u64::MAX))
    }
}
