//! The table that a kind describes, and why every range that it accepts lies in that table.
use super::*;
use crate::page_table::identity::{aligned, fmt, loose, off, page_end, span, table_ok, TableInfo};
use crate::page_table::node::walk_hint::in_table;
use crate::paging::geometry::bytes;
use crate::paging::vaddr::{end_addr, first_addr, half_offset, space};

verus! {

/// Page number of root entry 0, as addresses of `K`'s part have it.
pub open spec fn root_page<K: TableKind>() -> int {
    half_offset::<K::C>(K::TOP_LEVEL_INDEX_RANGE.start as int) / 4096
}

/// A table of kind `K` whose root entries `pins` name fixed children.
pub open spec fn table_of<K: TableKind>(pins: Map<int, int>) -> TableInfo {
    TableInfo {
        fmt: fmt::<K::E>(),
        top: K::C::NR_LEVELS as int,
        base: root_page::<K>(),
        lo: K::TOP_LEVEL_INDEX_RANGE.start as int,
        hi: K::TOP_LEVEL_INDEX_RANGE.end as int,
        pins,
    }
}

/// Pins that a table of kind `K` may have: none of its own entries if they may lose their nodes, else no others.
pub open spec fn pins_ok<K: TableKind>(pins: Map<int, int>) -> bool {
    let t = table_of::<K>(pins);
    if K::TOP_LEVEL_CAN_UNMAP {
        loose(t)
    } else {
        forall|i: int| #[trigger] pins.dom().contains(i) ==> t.lo <= i < t.hi
    }
}

/// The range is one of addresses of `K`, in whole pages.
pub open spec fn range_ok<K: TableKind>(start: usize, end: usize) -> bool {
    let top = K::TOP_LEVEL_INDEX_RANGE;
    &&& start % 4096 == 0 && end % 4096 == 0
    &&& valid_range::<K::C>(top.start as int, top.end as int, start as int, range_end(end))
}

/// Tables of every kind are tables: of 3, 4 or 5 levels, of either half or of both.
pub proof fn lemma_table_ok<K: TableKind>(pins: Map<int, int>)
    ensures
        table_ok(table_of::<K>(pins)),
        0 <= root_page::<K>() <= page_end(),
        root_page::<K>() * 4096 == half_offset::<K::C>(K::TOP_LEVEL_INDEX_RANGE.start as int),
        table_of::<K>(pins).lo % 2 == 0,
        table_of::<K>(pins).hi % 2 == 0,
{
    K::lemma_kind();
    K::C::lemma_consts();
    let n = K::C::NR_LEVELS;
    assert(n == 3 || n == 4 || n == 5);
}

/// The halves of the addresses.
pub proof fn lemma_halves<P: Platform, F: PagingFormat>()
    ensures
        KernelPtConfig::<P, F>::TOP_LEVEL_INDEX_RANGE == (Range { start: 256usize, end: 512usize }),
        UserPtConfig::<P, F>::TOP_LEVEL_INDEX_RANGE == (Range { start: 0usize, end: 256usize }),
        !KernelPtConfig::<P, F>::TOP_LEVEL_CAN_UNMAP,
        UserPtConfig::<P, F>::TOP_LEVEL_CAN_UNMAP,
{
}

/// What opening a range asks of it follows from the check of its ends: up to both ends of the address space.
pub proof fn lemma_range_in_table<K: TableKind>(pins: Map<int, int>, start: usize, end: usize)
    requires range_ok::<K>(start, end),
    ensures
        start / 4096 < range_end(end) / 4096 <= page_end(),
        in_table(table_of::<K>(pins), start as int / 4096),
        in_table(table_of::<K>(pins), range_end(end) / 4096 - 1),
{
    K::lemma_kind();
    K::C::lemma_consts();
    lemma_table_ok::<K>(pins);
    let n = K::C::NR_LEVELS;
    assert(n == 3 || n == 4 || n == 5);
}

} // verus!
