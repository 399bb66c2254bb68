//! What the errors of this module say to a reader.
use super::{AllocError, GetFrameError, IoError, ListError};
use core::fmt::{Display, Formatter, Result};

impl Display for GetFrameError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        use GetFrameError::*;
        match *self {
            InUse(pa) => write!(f, "the frame at {pa:#x} is in use"),
            Unused(pa) => write!(f, "the frame at {pa:#x} is unused"),
            Busy(pa) => write!(f, "the frame at {pa:#x} is busy, or no RAM"),
            Unique(pa) => write!(f, "the frame at {pa:#x} has one exclusive owner"),
            Saturated(pa) => write!(
                f,
                "the frame at {pa:#x} has as many shares as can be counted"
            ),
            OutOfBound(pa) => write!(f, "there is no frame at {pa:#x}"),
            NotAligned(pa) => write!(f, "{pa:#x} is not the address of a frame"),
            Empty(pa) => write!(f, "the range at {pa:#x} has no frame in it"),
        }
    }
}

impl Display for AllocError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            AllocError::NoMemory => write!(f, "out of frames"),
            AllocError::InvalidArgs => write!(f, "no such number of frames, or no such alignment"),
            AllocError::Frame(e) => write!(f, "the machine handed out a wrong frame: {e}"),
        }
    }
}

impl Display for IoError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let IoError::InvalidArgs { addr, len } = *self;
        write!(
            f,
            "{len:#x} bytes at {addr:#x}: past the end, or not aligned"
        )
    }
}

impl Display for ListError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match *self {
            ListError::OutOfBound(pa) => write!(f, "the frame at {pa:#x} lies too high for a list"),
            ListError::NoName => write!(f, "too many lists have frames"),
        }
    }
}

impl core::error::Error for GetFrameError {}
impl core::error::Error for AllocError {}
impl core::error::Error for IoError {}
impl core::error::Error for ListError {}
