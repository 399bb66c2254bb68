//! Why a frame could not be had.
#[cfg(verus_only)]
use veripage_hw::count::*;
#[cfg(not(verus_only))]
use veripage_hw::count::{BUSY, UNIQUE, UNUSED};
use veripage_hw::Paddr;
use vstd::prelude::*;

/// Why a frame could not be had by its address, which each variant gives.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GetFrameError {
    /// It was to be unused, and somebody has it.
    InUse(Paddr),
    /// It was to be in use, and nobody has it.
    Unused(Paddr),
    /// Its state is just being changed; trying again may help. Also what a hole in RAM says.
    Busy(Paddr),
    /// One owner has it exclusively.
    Unique(Paddr),
    /// It has as many shares as can be counted.
    Saturated(Paddr),
    /// There is no such frame: not below `P::MAX_PADDR`.
    OutOfBound(Paddr),
    /// Not a multiple of 4096.
    NotAligned(Paddr),
    /// The range has no frame in it; the address is its start.
    Empty(Paddr),
}

/// Why memory could not be allocated.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllocError {
    /// The machine has no such run of frames left.
    NoMemory,
    /// No frames were asked for, or more than fit below `P::MAX_PADDR`, or an alignment that is not a
    /// power of two of at least 4096.
    InvalidArgs,
    /// The machine handed out a frame that is not unused.
    Frame(GetFrameError),
}

/// Why a list did not take a frame in.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListError {
    /// The frame's number is not below 2^32 - 1; the address is the frame's.
    OutOfBound(Paddr),
    /// As many lists have frames as can be told apart: 32767, or the machine's frames if they are fewer.
    NoName,
}

/// What the word of the frame at `pa` says to somebody who wanted to share it.
#[verus_spec]
pub(crate) fn why_not(seen: u32, pa: Paddr) -> GetFrameError {
    if seen == UNUSED {
        GetFrameError::Unused(pa)
    } else if seen == UNIQUE {
        GetFrameError::Unique(pa)
    } else if seen == BUSY {
        GetFrameError::Busy(pa)
    } else {
        GetFrameError::Saturated(pa)
    }
}

/// What the word of the frame at `pa` says to somebody who wanted to claim it.
#[verus_spec]
pub(crate) fn why_taken(seen: u32, pa: Paddr) -> GetFrameError {
    if seen == UNIQUE {
        GetFrameError::Unique(pa)
    } else if seen == BUSY {
        GetFrameError::Busy(pa)
    } else {
        GetFrameError::InUse(pa)
    }
}
