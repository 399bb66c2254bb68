//! What can go wrong in reading a log, always with the file and, for text, the line.

use std::io;

/// Why a file or a line of it could not be read.
///
/// After [`Error::Line`] the iterator that gave it goes on with the next line; after
/// [`Error::Io`] it has ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened, read or decompressed; a truncated gzip too.
    #[error("{file}: {source}")]
    Io {
        /// The file, as the caller named it.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is neither kind of log: no line of its beginning looks like one.
    #[error("{file}: neither a strace nor a perf trace log")]
    UnknownFormat {
        /// The file, as the caller named it.
        file: String,
    },
    /// A line that is not what the format allows.
    #[error("{file}:{line}: {what}")]
    Line {
        /// The file, as the caller named it.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}
