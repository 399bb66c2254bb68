//! Specifications of `boot.rs`.
use super::*;
verus! {

/// Each frame of `start..end` is there to be booted, with its seed.
pub open spec fn bootable(mem: Set<int>, seeds: Map<int, Seed>, start: int, end: int) -> bool {
    forall|pa: int| start <= pa < end && #[trigger] is_page(pa) ==> mem.contains(pa)
        && seeds.contains_key(pa) && seeds[pa].wf(seeds[pa].ids()) && seeds[pa].ids().frame == pa
}

/// `pa` is page-aligned.
pub open spec fn is_page(pa: int) -> bool { pa % 4096 == 0 }

} // verus!
