//! Ranges of addresses, taken and given back: a client that the checker reads as a kernel's code would be
//! read, and that the tests run.
use super::area_pool::AreaPool;
use super::range_alloc::RangeAllocError;
use veripage_hw::Platform;
use vstd::prelude::*;

/// Takes two ranges and gives them back; returns the distance between them. That they do not overlap, so
/// that the distance is no negative number, is what the checker has to know of the pool.
///
/// # Errors
/// None is expected: the pool is large enough.
#[verus_spec]
#[allow(unused_mut)] // for the theorem
pub fn two_ranges<P: Platform>() -> Result<usize, RangeAllocError> {
    let pool = AreaPool::<8>::new(0x1000..0x9000)?;
    let mut a = pool.take::<P>(0x3000, 0x1000, 0)?;
    let b = match pool.take::<P>(0x2000, 0x2000, 0) {
        Ok(b) => b,
        Err(e) => {
            pool.give_back::<P>(a);
            return Err(e);
        }
    };
    proof! {
        a.theorem_areas_are_disjoint(&b, pool.key());
    }
    let gap = if a.start() < b.start() {
        b.start() - a.end()
    } else {
        a.start() - b.end()
    };
    pool.give_back::<P>(a);
    pool.give_back::<P>(b);
    let all = pool.take::<P>(0x8000, 0x1000, 0)?;
    pool.give_back::<P>(all);
    Ok(gap)
}
