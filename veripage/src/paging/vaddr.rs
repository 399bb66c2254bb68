//! Ranges of virtual addresses, right at both ends of the address space.
//!
//! What a table may map is told by the root entries that it may use. Bounds are inclusive, so that
//! nothing overflows at 2^64. Half-open ranges write 2^64 as the end 0.
#[cfg(verus_only)]
use super::geometry::*;
use super::{page_size, PagingConstsTrait};
use crate::Vaddr;
use core::ops::{Range, RangeInclusive};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "vaddr.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// The address that the translated bits of `va` stand for: the bits above are filled with the
/// highest translated bit (if the scheme does so) or with zeroes.
#[verus_spec(ret => ensures ret == spec_sign_extend::<C>(va))]
pub fn sign_extend<C: PagingConstsTrait>(va: Vaddr) -> Vaddr {
    proof! { C::lemma_consts(); }
    let size = page_size(C::NR_LEVELS + 1);
    let inside = size - 1;
    let sign = size / 2;
    proof! { reveal(spec_sign_extend); lemma_sign(C::NR_LEVELS + 1, va, size, inside, sign); }
    if C::VA_SIGN_EXT && va & sign != 0 {
        va | !inside
    } else {
        va & inside
    }
}

/// First and last address below the root entries `top` (both ends inclusive), or `None` if these are no
/// range of addresses: no entries, entries past 512, or entries of both halves where addresses are
/// sign-extended.
#[verus_spec(ret =>
    ensures match ret {
        Some((first, last)) => top_ok::<C>(top.start as int, top.end as int)
            && first == first_addr::<C>(top.start as int)
            && last + 1 == end_addr::<C>(top.start as int, top.end as int),
        None => !top_ok::<C>(top.start as int, top.end as int),
    },
)]
pub fn vaddr_range_bounds<C: PagingConstsTrait>(top: &Range<usize>) -> Option<(Vaddr, Vaddr)> {
    if top.start >= top.end || top.end > 512 {
        return None;
    }
    if C::VA_SIGN_EXT && top.start < 256 && top.end > 256 {
        return None;
    }
    proof! {
        C::lemma_consts();
        lemma_bounds::<C>(top.start as int, top.end as int);
    }
    let size = page_size(C::NR_LEVELS);
    let first = top.start * size;
    let last = (top.end - 1) * size + (size - 1);
    proof! {
        lemma_extend::<C>(first);
        lemma_extend::<C>(last);
    }
    Some((sign_extend::<C>(first), sign_extend::<C>(last)))
}

/// The addresses below the root entries `top`; see [`vaddr_range_bounds`].
#[verus_spec(ret =>
    ensures match ret {
        Some(r) => top_ok::<C>(top.start as int, top.end as int)
            && r@.start == first_addr::<C>(top.start as int)
            && r@.end + 1 == end_addr::<C>(top.start as int, top.end as int)
            && !r@.exhausted,
        None => !top_ok::<C>(top.start as int, top.end as int),
    },
)]
pub fn vaddr_range<C: PagingConstsTrait>(top: &Range<usize>) -> Option<RangeInclusive<Vaddr>> {
    let (first, last) = vaddr_range_bounds::<C>(top)?;
    Some(RangeInclusive::new(first, last))
}

/// Last address of a half-open range, where the end 0 stands for 2^64; `None` if the range is empty
/// or reversed.
#[verus_spec(ret =>
    ensures match ret {
        Some(last) => last + 1 == range_end(range.end) && range.start <= last,
        None => range.start >= range_end(range.end),
    },
)]
pub fn range_last(range: &Range<Vaddr>) -> Option<Vaddr> {
    let last = range.end.wrapping_sub(1);
    if range.start <= last {
        Some(last)
    } else {
        None
    }
}

/// Is `range` a non-empty range of addresses below the root entries `top`? An end of 0 stands for
/// 2^64.
#[verus_spec(ret =>
    ensures ret == valid_range::<C>(top.start as int, top.end as int, range.start as int, range_end(range.end)),
)]
pub fn is_valid_range<C: PagingConstsTrait>(top: &Range<usize>, range: &Range<Vaddr>) -> bool {
    match (vaddr_range_bounds::<C>(top), range_last(range)) {
        (Some((first, last)), Some(range_last)) => first <= range.start && range_last <= last,
        _ => false,
    }
}
