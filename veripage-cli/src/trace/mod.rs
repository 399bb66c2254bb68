//! Readers for the memory calls of real programs: `strace` logs, `perf trace` logs with the page
//! faults in them, and `/proc/PID/maps` snapshots, plain or gzip.
//!
//! [`open`] yields an iterator of [`Event`]s in the order in which they took effect. A line that cannot be
//! read is an [`Error`] with file and line, and the iterator goes on behind it: stopping is the caller's
//! choice. [`companion`] finds the snapshots that belong to a log, [`read_snapshots`] reads them.
//!
//! ```
//! use veripage_cli::trace::{events, EventKind};
//!
//! let log = "7 0.000100 munmap(0x7f0000000000, 8192) = 0\n";
//! let event = events(log.as_bytes(), "example").unwrap().next().unwrap().unwrap();
//! assert_eq!((event.line, event.pid), (1, 7));
//! assert_eq!(event.kind, EventKind::Munmap { addr: 0x7f00_0000_0000, len: 8192 });
//! ```

mod bits;
mod call;
mod error;
mod event;
mod events;
mod halves;
mod input;
mod maps;
mod order;
mod perf;
mod strace;
mod text;

pub use bits::{CloneFlags, MapFlags, Prot, RemapFlags};
pub use call::IGNORED;
pub use error::Error;
pub use event::{Access, Advice, Event, EventKind};
pub use events::{events, open, Events};
pub use maps::{companion, read_snapshots, snapshots, Region, RegionKind, Snapshot, When};
