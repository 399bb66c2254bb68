//! Files as lines of text: plain or gzip, told apart by their first bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::Error;

/// Longest line that is read; what is longer is an error, not memory.
pub(super) const MAX_LINE: u64 = 1 << 20;

/// Opens `path`, decompressing if it starts with the gzip magic.
///
/// # Errors
/// [`Error::Io`] if it cannot be opened or read.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, Error> {
    let io_error = |source| Error::Io {
        file: path.display().to_string(),
        source,
    };
    let mut plain = BufReader::new(File::open(path).map_err(io_error)?);
    let head = plain.fill_buf().map_err(io_error)?;
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(plain))));
    }
    Ok(Box::new(plain))
}

/// The lines of a reader, numbered from 1, without their line ends.
pub(super) struct Lines<R> {
    reader: R,
    file: String,
    line: u64,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    /// `file` is the name used in errors.
    pub(super) fn new(reader: R, file: &str) -> Self {
        Self {
            reader,
            file: file.to_owned(),
            line: 0,
            ended: false,
        }
    }

    /// The number of the last line that was read; 0 before the first.
    pub(super) fn last_line(&self) -> u64 {
        self.line
    }

    /// An [`Error::Line`] of this file.
    pub(super) fn error(&self, line: u64, what: impl Into<String>) -> Error {
        Error::Line {
            file: self.file.clone(),
            line,
            what: what.into(),
        }
    }

    fn read_line(&mut self) -> Result<Option<String>, Error> {
        let mut bytes = Vec::new();
        let mut limited = (&mut self.reader).take(MAX_LINE);
        let read = limited.read_until(b'\n', &mut bytes);
        let read = read.map_err(|e| self.io_error(e))?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() as u64 == MAX_LINE {
            self.skip_line()?;
            return Err(self.error(self.line, format!("longer than {MAX_LINE} bytes")));
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Passes over the rest of a line without keeping it.
    fn skip_line(&mut self) -> Result<(), Error> {
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(e) => return Err(self.io_error(e)),
            };
            let (used, done) = match chunk.iter().position(|&b| b == b'\n') {
                Some(at) => (at + 1, true),
                None => (chunk.len(), chunk.is_empty()),
            };
            self.reader.consume(used);
            if done {
                return Ok(());
            }
        }
    }

    fn io_error(&mut self, source: io::Error) -> Error {
        self.ended = true;
        let source = match source.kind() {
            // Only the decompressor says this; its own words do not name the cause.
            io::ErrorKind::UnexpectedEof => {
                io::Error::new(io::ErrorKind::UnexpectedEof, "the gzip data is cut short")
            }
            _ => source,
        };
        Error::Io {
            file: self.file.clone(),
            source,
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<(u64, String), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.read_line() {
            Ok(Some(text)) => Some(Ok((self.line, text))),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(e) => Some(Err(e)),
        }
    }
}
