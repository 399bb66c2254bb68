//! Specifications of `boot.rs`.
use super::*;
verus! {

/// Each frame of `start..end` is there to be booted.
pub open spec fn bootable(mem: Set<int>, start: int, end: int) -> bool {
    forall|pa: int| start <= pa < end && #[trigger] is_page(pa) ==> mem.contains(pa)
}

/// `pa` is page-aligned.
pub open spec fn is_page(pa: int) -> bool { pa % 4096 == 0 }

} // verus!
