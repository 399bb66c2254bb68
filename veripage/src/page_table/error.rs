//! What can go wrong with a table, each with the address that it went wrong at.
use crate::{Paddr, Vaddr};
use vstd::prelude::*;

/// Why an operation on a page table was refused.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageTableError {
    /// The range (start, end) is empty, reversed, or not inside the addresses that the table manages.
    InvalidVaddrRange(Vaddr, Vaddr),
    /// The address is not one that the cursor can work at: outside its range, or at its end.
    InvalidVaddr(Vaddr),
    /// The virtual address or length is not a multiple of the page size asked for.
    UnalignedVaddr(Vaddr),
    /// The physical address is not a multiple of the page size, or more than an entry can hold.
    InvalidPaddr(Paddr),
    /// A page is mapped at this address already.
    AlreadyMapped(Vaddr),
    /// Nothing is mapped at this address.
    NotMapped(Vaddr),
    /// No frame could be had for a node that covers this address.
    NoMemory(Vaddr),
    /// The format cannot express the property, or has no page of this size, at this address.
    UnsupportedProperty(Vaddr),
}

impl core::fmt::Display for PageTableError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use PageTableError::*;
        match *self {
            InvalidVaddrRange(a, b) => {
                write!(f, "invalid range of virtual addresses {a:#x}..{b:#x}")
            }
            InvalidVaddr(a) => write!(f, "invalid virtual address {a:#x}"),
            UnalignedVaddr(a) => write!(f, "unaligned virtual address or length {a:#x}"),
            InvalidPaddr(a) => write!(f, "unaligned or too large physical address {a:#x}"),
            AlreadyMapped(a) => write!(f, "already mapped at {a:#x}"),
            NotMapped(a) => write!(f, "nothing mapped at {a:#x}"),
            NoMemory(a) => write!(f, "out of memory for a page-table node at {a:#x}"),
            UnsupportedProperty(a) => write!(f, "property or page size not supported at {a:#x}"),
        }
    }
}

impl core::error::Error for PageTableError {}
