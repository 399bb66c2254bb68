//! Readers for the memory calls of real programs: `strace` logs, `perf trace` logs with the page
//! faults in them, and `/proc/PID/maps` snapshots, plain or gzip.

mod bits;
mod error;
mod event;
mod maps;

pub use bits::{CloneFlags, MapFlags, Prot, RemapFlags};
pub use error::Error;
pub use event::{Access, Advice, Event, EventKind};
pub use maps::{Region, RegionKind, Snapshot, When};
