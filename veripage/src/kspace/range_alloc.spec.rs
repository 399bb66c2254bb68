//! What the table of pieces means: a tiling of the range, some tiles of which are areas.
use super::*;

verus! {

/// `new` is `old` with the words from `k` on moved up by one place, the hole at `k` not yet filled.
pub open(super) spec fn shifted_up(old: Seq<usize>, new: Seq<usize>, k: int, len: int) -> bool {
    &&& new.len() == old.len()
    &&& forall|j: int| 0 <= j < k ==> new[j] == old[j]
    &&& forall|j: int| k < j <= len ==> new[j] == old[j - 1]
}

/// `new` is `old` with the words from `i + 1` to `k` moved down by one place.
pub open(super) spec fn shifted_down(old: Seq<usize>, new: Seq<usize>, i: int, k: int) -> bool {
    &&& new.len() == old.len()
    &&& forall|j: int| 0 <= j < i ==> new[j] == old[j]
    &&& forall|j: int| i <= j < k ==> new[j] == old[j + 1]
    &&& forall|j: int| k <= j < old.len() ==> new[j] == old[j]
}

impl<const N: usize> RangeAllocator<N> {
    pub open(super) spec fn begin(&self, i: int) -> int { self.pieces@[i] - self.pieces@[i] % 2 }
    pub open(super) spec fn in_use(&self, i: int) -> bool { self.pieces@[i] % 2 == 1 }
    pub open(super) spec fn finish(&self, i: int) -> int {
        if i + 1 < self.len { self.begin(i + 1) } else { self.end as int }
    }

    pub open(super) spec fn low(&self) -> int { self.begin(0) }
    pub open(super) spec fn high(&self) -> int { self.end as int }

    /// Pieces are whole pages, in ascending order, up to the end.
    pub open(super) spec fn wf(&self) -> bool {
        &&& 1 <= self.len <= N
        &&& self.end as int % PAGE_SIZE as int == 0
        &&& forall|i: int| 0 <= i < self.len ==> #[trigger] self.begin(i) % PAGE_SIZE as int == 0 && self.begin(i) < self.end
        &&& forall|i: int, j: int| 0 <= i < j < self.len ==> #[trigger] self.begin(i) < #[trigger] self.begin(j)
    }

    pub open(super) spec fn same_bounds(&self, o: &Self) -> bool {
        self.low() == o.low() && self.high() == o.high()
    }

    /// Piece `i` is the area `lo..hi`.
    pub open(super) spec fn area_at(&self, i: int, lo: int, hi: int) -> bool {
        0 <= i < self.len && self.in_use(i) && self.begin(i) == lo && self.finish(i) == hi
    }

    /// `lo..hi` is a live area.
    #[verifier::opaque]
    pub open(super) spec fn is_area(&self, lo: int, hi: int) -> bool {
        exists|i: int| self.area_at(i, lo, hi)
    }

    /// No live area has an address in `lo..hi`.
    pub open spec fn unused(&self, lo: int, hi: int) -> bool {
        forall|a: int, b: int| #[trigger] self.is_area(a, b) ==> b <= lo || hi <= a
    }

    pub open(super) spec fn same_areas(&self, o: &Self) -> bool {
        forall|lo: int, hi: int| #[trigger] self.is_area(lo, hi) == o.is_area(lo, hi)
    }

    /// Only whether piece `i` is in use differs.
    pub open(super) spec fn marked(&self, o: &Self, i: int, used: bool) -> bool {
        &&& forall|j: int| 0 <= j < self.len ==> #[trigger] self.begin(j) == o.begin(j)
        &&& forall|j: int| 0 <= j < self.len ==> #[trigger] self.finish(j) == o.finish(j)
        &&& forall|j: int| 0 <= j < self.len && j != i ==> #[trigger] self.in_use(j) == o.in_use(j)
        &&& self.in_use(i) == used
    }

    /// What `marked` means for the areas: piece `i` is one now, or is none any more.
    pub open(super) spec fn areas_marked(&self, o: &Self, i: int, used: bool) -> bool {
        forall|lo: int, hi: int| #[trigger] self.is_area(lo, hi) <==> {
            if lo == o.begin(i) && hi == o.finish(i) { used } else { o.is_area(lo, hi) }
        }
    }
}

} // verus!
