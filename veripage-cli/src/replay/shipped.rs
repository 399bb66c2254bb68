//! The traces that come with the program. They are part of the binary, so that it needs no files.
use super::log::Log;
use crate::trace;

/// A recorded log and the maps that Linux showed, both gzip.
struct Shipped {
    file: &'static str,
    log: &'static [u8],
    maps: Option<&'static [u8]>,
}

const SHIPPED: &[Shipped] = &[];

/// Reads all of them.
///
/// # Errors
/// None that was seen: the files are fixed.
pub fn logs() -> Result<Vec<Log>, trace::Error> {
    let shipped = SHIPPED.iter();
    shipped
        .map(|s| Log::from_bytes(s.file, s.log, s.maps))
        .collect()
}
