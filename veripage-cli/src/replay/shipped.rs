//! The traces that come with the program. They are part of the binary, so that it needs no files.
use super::log::Log;
use crate::trace;

/// A recorded log and the maps that Linux showed, both gzip.
struct Shipped {
    file: &'static str,
    log: &'static [u8],
    maps: &'static [u8],
}

macro_rules! shipped {
    ($($file:literal,)*) => {
        &[$(Shipped {
            file: concat!("traces/", $file, ".gz"),
            log: include_bytes!(concat!("../../../traces/", $file, ".gz")),
            maps: include_bytes!(concat!("../../../traces/", $file, ".maps.gz")),
        }),*]
    };
}

const SHIPPED: &[Shipped] = shipped![
    "sort.strace",
    "python3.strace",
    "python3.perf",
    "gcc.strace",
    "bash.strace",
    "git.strace",
    "sqlite3.strace",
    "java.strace",
    "node.strace",
    "cargo.strace",
];

/// Reads all of them.
///
/// # Errors
/// None that was seen: the files are fixed.
pub fn logs() -> Result<Vec<Log>, trace::Error> {
    let shipped = SHIPPED.iter();
    shipped
        .map(|s| Log::from_bytes(s.file, s.log, Some(s.maps)))
        .collect()
}
