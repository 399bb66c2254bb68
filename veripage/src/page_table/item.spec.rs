//! What items are as entries, and the shares that go with them.
use super::super::shares::*;
use super::*;
use crate::frame::segment::{all_of, frames_in, lends, run_of, share_ok, Key};
use crate::frame::slot::{slot_at, slot_ok, Kind};
use crate::frame::AnyMeta;
use crate::paging::geometry::*;
use vstd::prelude::*;

verus! {

/// What an entry says of its page: address, level, property.
pub type RawItem = (Paddr, PagingLevel, PageProperty);

/// `prop` with the flag of memory that nobody counts, or without it.
pub open spec fn marked(prop: PageProperty, counted: bool) -> PageProperty {
    let bits = prop.flags.bits;
    PageProperty { flags: PageFlags { bits: if counted { bits & !32u8 } else { bits | 32u8 } }, ..prop }
}

/// The level whose pages have `size` bytes, or 0.
pub open spec fn level_with(size: int) -> PagingLevel {
    if size == bytes(1) { 1 } else if size == bytes(2) { 2 } else if size == bytes(3) { 3 } else if size == bytes(4) { 4 }
    else if size == bytes(5) { 5 } else { 0 }
}

/// A share of each of the `n` frames from `pa` on, by the numbers `v..v + n`, and no other.
pub open spec fn parts<P: Platform>(m: Shares<P>, v: int, n: int, pa: int) -> bool {
    &&& forall|x: int| #[trigger] m.dom().contains(x) <==> v <= x < v + n
    &&& forall|x: int| #[trigger] m.dom().contains(x) ==> share_of(m[x], pa + (x - v) * 4096)
}

/// What the page `item` at page number `v` holds.
pub open spec fn held_by<P: Platform>(m: Shares<P>, v: int, item: RawItem) -> bool {
    if counted(item.2) { 1 <= item.1 <= 5 && parts(m, v, span(item.1 as int), item.0 as int) } else { m.dom() =~= Set::empty() }
}

/// `m` has what the page `item` at page number `v` holds, and may have more.
pub open spec fn lent<P: Platform>(m: Shares<P>, v: int, item: RawItem) -> bool {
    counted(item.2) ==> 1 <= item.1 <= 5 && forall|x: int| v <= x < v + span(item.1 as int) ==>
        #[trigger] m.dom().contains(x) && share_of(m[x], item.0 + (x - v) * 4096)
}

/// The shares of a page, by other numbers.
pub proof fn moved<P: Platform>(tracked m: Shares<P>, v: int, w: int, item: RawItem) -> (tracked r: Shares<P>)
    requires held_by(m, v, item),
    ensures held_by(r, w, item),
{
    if counted(item.2) {
        let n = span(item.1 as int);
        let keys = Map::new(|x: int| w <= x < w + n, |x: int| x - w + v);
        let tracked mut r = m;
        r.tracked_map_keys_in_place(keys);
        assert forall|x: int| #[trigger] r.dom().contains(x) implies share_of(r[x], item.0 + (x - w) * 4096) by {
            assert(r[x] == m[x - w + v] && m.dom().contains(x - w + v));
        }
        r
    } else {
        m
    }
}

/// The shares of a run of frames, by the numbers from 0 on.
pub proof fn numbered<P: Platform>(tracked m: Shares<P>, start: int, n: int) -> (tracked r: Shares<P>)
    requires all_of::<P, AnyMeta>(m, start, start + n * 4096, Kind::Pte), 0 <= n,
    ensures parts(r, 0, n, start),
{
    let keys = Map::new(|x: int| 0 <= x < n, |x: int| start + x * 4096);
    assert forall|x: int| 0 <= x < n implies #[trigger] m.contains_key(start + x * 4096) by {
        assert(frames_in(start + x * 4096, start, start + n * 4096));
    }
    let tracked mut r = m;
    r.tracked_map_keys_in_place(keys);
    assert forall|x: int| #[trigger] r.dom().contains(x) implies share_of(r[x], start + x * 4096) by {
        assert(r[x] == m[start + x * 4096] && m.contains_key(start + x * 4096));
    }
    r
}

/// The shares of a run of frames, by their addresses.
pub proof fn addressed<P: Platform>(tracked m: Shares<P>, start: int, n: int) -> (tracked r: Shares<P>)
    requires parts(m, 0, n, start), 0 < n,
    ensures all_of::<P, AnyMeta>(r, start, start + n * 4096, Kind::Pte),
{
    let keys = Map::new(|pa: int| frames_in(pa, start, start + n * 4096), |pa: int| (pa - start) / 4096);
    lemma_parts_run::<P>(m, n, start);
    let tracked mut r = m;
    r.tracked_map_keys_in_place(keys);
    assert forall|pa: int| #[trigger] r.contains_key(pa) implies share_ok::<P, AnyMeta>(r[pa], pa, Kind::Pte) by {
        assert(r[pa] == m[(pa - start) / 4096]);
        assert(m.dom().contains((pa - start) / 4096));
    }
    r
}

proof fn lemma_parts_run<P: Platform>(m: Shares<P>, n: int, pa: int)
    requires parts(m, 0, n, pa), 0 < n,
    ensures run_of::<P>(pa, pa + n * 4096),
{
    lemma_run::<P>(m, 0, n, pa);
}

/// Frames that have shares lie in memory.
pub proof fn lemma_run<P: Platform>(m: Shares<P>, v: int, n: int, pa: int)
    requires forall|x: int| v <= x < v + n ==> #[trigger] m.dom().contains(x) && share_of(m[x], pa + (x - v) * 4096), 0 < n,
    ensures run_of::<P>(pa, pa + n * 4096),
{
    P::bounds();
    assert(m.dom().contains(v) && m.dom().contains(v + n - 1));
}

/// A page's shares, found by the addresses of its frames.
pub proof fn lemma_lends<P: Platform>(m: Shares<P>, v: int, n: int, pa: int, key: Key)
    requires
        forall|x: int| v <= x < v + n ==> #[trigger] m.dom().contains(x) && share_of(m[x], pa + (x - v) * 4096),
        run_of::<P>(pa, pa + n * 4096), key == |a: int| v + (a - pa) / 4096,
    ensures lends::<P, AnyMeta>(m, key, pa, pa + n * 4096),
{
    assert forall|a: int| #[trigger] frames_in(a, pa, pa + n * 4096) implies m.dom().contains(key(a)) && share_of(m[key(a)], a) by {
        let x = v + (a - pa) / 4096;
        assert(m.dom().contains(x));
    }
}

impl<P: Platform> MappedItem<P> {
    /// What it is as an entry.
    pub open spec fn raw(self) -> RawItem {
        match self {
            MappedItem::Tracked(f, prop) => (f.paddr(), 1, marked(prop, true)),
            MappedItem::TrackedHuge(s, prop) => (s.start(), level_with(s.end() - s.start()), marked(prop, true)),
            MappedItem::Untracked(pa, level, prop) => (pa, level, marked(prop, false)),
        }
    }
}

/// The flag alone tells the kinds apart, and marking twice is marking once.
pub proof fn lemma_marked(prop: PageProperty, c: bool)
    ensures
        counted(marked(prop, c)) == c,
        marked(marked(prop, true), c) == marked(prop, c),
        marked(marked(prop, false), c) == marked(prop, c),
        counted(prop) ==> marked(prop, true) == prop,
        !counted(prop) ==> marked(prop, false) == prop,
{
    let b = prop.flags.bits;
    assert((b & !32u8) & 32 == 0 && (b | 32u8) & 32 == 32) by (bit_vector);
    assert((b & !32u8) & !32u8 == b & !32u8 && (b | 32u8) & !32u8 == b & !32u8) by (bit_vector);
    assert((b & !32u8) | 32u8 == b | 32u8 && (b | 32u8) | 32u8 == b | 32u8) by (bit_vector);
    assert(b & 32 == 0 ==> b & !32u8 == b) by (bit_vector);
    assert(b & 32 != 0 ==> b | 32u8 == b && b & 32 == 32) by (bit_vector);
}

/// What the flag's bit says.
pub proof fn lemma_flag(prop: PageProperty)
    ensures counted(prop) <==> prop.flags.bits & 32 != 32,
{
    let b = prop.flags.bits;
    assert(b & 32 == 0 <==> b & 32 != 32) by (bit_vector);
}

} // verus!
