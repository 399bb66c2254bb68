//! Page numbers and the slots of a table that cover them.
//!
//! Everything below the public cursors counts in base pages, not in bytes: the page number of the
//! last byte of the address space is 2^52 - 1, so no sum of them overflows, at either end.
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::PagingLevel;
use vstd::prelude::*;

/// Number of page numbers: 2^64 bytes.
#[verus_verify]
pub(crate) const NR_PAGES: usize = 0x10_0000_0000_0000;

/// Pages covered by one entry of a level-`level` node.
#[verus_spec(ret => requires 1 <= level <= 5, ensures ret == span(level as int))]
pub(crate) const fn span_of(level: PagingLevel) -> usize {
    proof! {
        assert(1usize << 0usize == 1 && 1usize << 9usize == 512 && 1usize << 18usize == 262144 && 1usize << 27usize == 134217728
            && 1usize << 36usize == 68719476736) by (bit_vector);
    }
    1 << (9 * (level as usize - 1))
}

/// Index, in its level-`level` node, of the entry that covers `page`.
#[verus_spec(ret =>
    requires 1 <= level <= 5,
    ensures ret == slot(level as int, page as int) % 512, ret < 512,
)]
pub(crate) const fn index_of(page: usize, level: PagingLevel) -> usize {
    let shift = 9 * (level as usize - 1);
    proof! {
        reveal(slot);
        assert((page >> 0usize) & 511 == page % 512) by (bit_vector);
        assert((page >> 9usize) & 511 == page / 512 % 512) by (bit_vector);
        assert((page >> 18usize) & 511 == page / 262144 % 512) by (bit_vector);
        assert((page >> 27usize) & 511 == page / 134217728 % 512) by (bit_vector);
        assert((page >> 36usize) & 511 == page / 68719476736 % 512) by (bit_vector);
    }
    (page >> shift) & 511
}

/// First page of the level-`level` slot around `page`.
#[verus_spec(ret =>
    requires 1 <= level <= 5,
    ensures ret == first(level as int, page as int), ret <= page,
)]
pub(crate) const fn first_of(page: usize, level: PagingLevel) -> usize {
    proof! {
        reveal(slot);
        reveal(base);
        assert(page & !0usize == page) by (bit_vector);
        assert(page & !511usize == page - page % 512) by (bit_vector);
        assert(page & !262143usize == page - page % 262144) by (bit_vector);
        assert(page & !134217727usize == page - page % 134217728) by (bit_vector);
        assert(page & !68719476735usize == page - page % 68719476736) by (bit_vector);
    }
    page & !(span_of(level) - 1)
}

/// Do `a` and `b` lie in the same level-`level` slot?
#[verus_spec(ret =>
    requires 1 <= level <= 5,
    ensures ret == (slot(level as int, a as int) == slot(level as int, b as int)),
)]
pub(crate) const fn same_slot(a: usize, b: usize, level: PagingLevel) -> bool {
    let shift = 9 * (level as usize - 1);
    proof! {
        reveal(slot);
        assert(a >> 0usize == a && a >> 9usize == a / 512 && a >> 18usize == a / 262144 && a >> 27usize == a / 134217728
            && a >> 36usize == a / 68719476736) by (bit_vector);
        assert(b >> 0usize == b && b >> 9usize == b / 512 && b >> 18usize == b / 262144 && b >> 27usize == b / 134217728
            && b >> 36usize == b / 68719476736) by (bit_vector);
    }
    a >> shift == b >> shift
}

/// Number of the level-`level` slot around `page`.
#[verus_spec(ret =>
    requires 1 <= level <= 5,
    ensures ret == slot(level as int, page as int),
)]
pub(crate) const fn slot_of(page: usize, level: PagingLevel) -> usize {
    proof! {
        reveal(slot);
        assert(page >> 0usize == page && page >> 9usize == page / 512 && page >> 18usize == page / 262144 && page >> 27usize == page / 134217728
            && page >> 36usize == page / 68719476736) by (bit_vector);
    }
    page >> (9 * (level as usize - 1))
}

/// Pages of `n` slots of level `level`.
#[verus_spec(ret =>
    requires 1 <= level <= 5, n <= 512,
    ensures ret == base(level as int, n as int), ret <= 0x2000_0000_0000,
)]
pub(crate) const fn pages_of(n: usize, level: PagingLevel) -> usize {
    proof! {
        reveal(base);
        assert(n <= 512 ==> n << 0usize == n && n << 9usize == n * 512 && n << 18usize == n * 262144 && n << 27usize == n * 134217728
            && n << 36usize == n * 68719476736) by (bit_vector);
    }
    n << (9 * (level as usize - 1))
}
