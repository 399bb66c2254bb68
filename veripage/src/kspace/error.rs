//! What can go wrong with kernel areas.
use super::range_alloc::RangeAllocError;
use crate::page_table::PageTableError;
use crate::paging::PageProperty;
use crate::{Paddr, Vaddr};

/// Why an area was refused, or a question about one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KSpaceError {
    /// No addresses for an area: a bad size, or nothing that is free is large enough.
    Range(RangeAllocError),
    /// What is to be mapped (offset, length) does not fit into an area of that size, or is not a
    /// multiple of pages.
    BadWindow(usize, usize, usize),
    /// The memory to be mapped ends below its start.
    BadPaddrRange(Paddr, Paddr),
    /// More frames than the area has room for; the first address past it.
    TooManyFrames(Vaddr),
    /// A kernel mapping cannot be accessible to user mode, nor use the flag `AVAIL1`.
    BadProperty(PageProperty),
    /// The address lies outside the area.
    OutOfArea(Vaddr),
    /// The range of addresses for areas is not inside the kernel half.
    NotKernel(Vaddr, Vaddr),
    /// The page table refused.
    Table(PageTableError),
}

impl From<PageTableError> for KSpaceError {
    fn from(e: PageTableError) -> Self {
        KSpaceError::Table(e)
    }
}

impl From<RangeAllocError> for KSpaceError {
    fn from(e: RangeAllocError) -> Self {
        KSpaceError::Range(e)
    }
}

impl core::fmt::Display for KSpaceError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use KSpaceError::*;
        match *self {
            Range(e) => write!(f, "{e}"),
            BadWindow(offset, len, size) => write!(
                f,
                "{len:#x} bytes at offset {offset:#x} do not fit into an area of {size:#x}"
            ),
            BadPaddrRange(a, b) => write!(f, "{a:#x}..{b:#x} is no range of memory"),
            TooManyFrames(va) => write!(f, "more frames than fit below {va:#x}"),
            BadProperty(prop) => write!(f, "not a property of kernel mappings: {prop:?}"),
            OutOfArea(va) => write!(f, "{va:#x} is outside the area"),
            NotKernel(a, b) => write!(f, "{a:#x}..{b:#x} is not inside the kernel half"),
            Table(e) => write!(f, "{e}"),
        }
    }
}

impl core::error::Error for KSpaceError {}
