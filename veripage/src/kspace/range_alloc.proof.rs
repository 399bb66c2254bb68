//! How the table's three moves (mark, cut, join) act on the areas.
use super::*;

verus! {

impl<const N: usize> RangeAllocator<N> {
    /// Piece `i` ends before every later piece starts.
    pub(super) proof fn lemma_order(&self, i: int, j: int)
        requires self.wf(), 0 <= i < j < self.len,
        ensures self.begin(i) < self.finish(i) <= self.begin(j) < self.finish(j),
    {
        assert(self.begin(i) < self.begin(i + 1));
        if i + 1 < j { assert(self.begin(i + 1) < self.begin(j)); }
        if j + 1 < self.len { assert(self.begin(j) < self.begin(j + 1)); }
    }

    /// Two pieces with the same start are one piece.
    pub(super) proof fn lemma_same_start(&self, i: int, j: int)
        requires self.wf(), 0 <= i < self.len, 0 <= j < self.len, self.begin(i) == self.begin(j),
        ensures i == j,
    {
        if i < j { self.lemma_order(i, j); }
        if j < i { self.lemma_order(j, i); }
    }

    /// What lies in a free piece lies in no area.
    pub(super) proof fn lemma_unused(&self, i: int, lo: int, hi: int)
        requires self.wf(), 0 <= i < self.len, !self.in_use(i), self.begin(i) <= lo, hi <= self.finish(i),
        ensures self.unused(lo, hi),
    {
        reveal(RangeAllocator::is_area);
        assert forall|a: int, b: int| #[trigger] self.is_area(a, b) implies b <= lo || hi <= a by {
            let j = choose|j: int| self.area_at(j, a, b);
            if j < i { self.lemma_order(j, i); }
            if i < j { self.lemma_order(i, j); }
        }
    }

    pub(super) proof fn lemma_marked(&self, o: &Self, i: int, used: bool)
        requires
            o.wf(), 0 <= i < o.len, self.len == o.len, self.end == o.end,
            self.pieces@ == o.pieces@.update(i, (o.begin(i) + if used { 1int } else { 0 }) as usize),
        ensures self.wf(), self.marked(o, i, used), self.same_bounds(o),
    {
        assert forall|j: int| 0 <= j < self.len implies #[trigger] self.begin(j) == o.begin(j) by {}
        assert forall|j: int| 0 <= j < self.len implies #[trigger] self.finish(j) == o.finish(j) by {
            if j + 1 < self.len { assert(self.begin(j + 1) == o.begin(j + 1)); }
        }
    }

    pub(super) proof fn lemma_areas_marked(&self, o: &Self, i: int, used: bool)
        requires o.wf(), self.wf(), self.len == o.len, 0 <= i < o.len, self.marked(o, i, used),
        ensures self.areas_marked(o, i, used),
    {
        reveal(RangeAllocator::is_area);
        assert forall|lo: int, hi: int| #[trigger] self.is_area(lo, hi) <==> {
            if lo == o.begin(i) && hi == o.finish(i) { used } else { o.is_area(lo, hi) }
        } by {
            assert(self.begin(i) == o.begin(i));
            if self.is_area(lo, hi) {
                let j = choose|j: int| self.area_at(j, lo, hi);
                if lo == o.begin(i) { self.lemma_same_start(i, j); }
                if i != j { assert(o.area_at(j, lo, hi)); }
            }
            if o.is_area(lo, hi) && !(lo == o.begin(i) && hi == o.finish(i)) {
                let j = choose|j: int| o.area_at(j, lo, hi);
                assert(self.begin(j) == o.begin(j));
                assert(self.area_at(j, lo, hi));
            }
            if used { assert(self.area_at(i, o.begin(i), o.finish(i))); }
        }
    }

    /// Every piece of `o` but the cut one is a piece of `self`, and the other way round.
    pub(super) proof fn lemma_cut(&self, o: &Self, i: int, at: int)
        requires
            o.wf(), 0 <= i < o.len < N, !o.in_use(i), o.begin(i) < at < o.finish(i), at % PAGE_SIZE as int == 0,
            self.len == o.len + 1, self.end == o.end,
            forall|j: int| 0 <= j <= i ==> self.pieces@[j] == o.pieces@[j],
            self.pieces@[i + 1] == at,
            forall|j: int| i + 1 < j <= o.len ==> self.pieces@[j] == o.pieces@[j - 1],
        ensures
            self.wf(), self.same_bounds(o), self.same_areas(o),
            !self.in_use(i), !self.in_use(i + 1), self.begin(i) == o.begin(i), self.finish(i) == at,
            self.begin(i + 1) == at, self.finish(i + 1) == o.finish(i),
    {
        assert(at % 2 == 0);
        assert forall|j: int| 0 <= j < self.len implies #[trigger] self.begin(j)
            == (if j <= i { o.begin(j) } else if j == i + 1 { at } else { o.begin(j - 1) }) by {}
        assert forall|j: int| 0 <= j < self.len implies #[trigger] self.begin(j) % PAGE_SIZE as int == 0 && self.begin(j) < self.end by {}
        assert forall|j: int, k: int| 0 <= j < k < self.len implies #[trigger] self.begin(j) < #[trigger] self.begin(k) by {
            let (a, b) = (if j <= i { j } else { j - 1 }, if k <= i { k } else { k - 1 });
            if a < b { o.lemma_order(a, b); }
        }
        reveal(RangeAllocator::is_area);
        assert forall|lo: int, hi: int| #[trigger] self.is_area(lo, hi) == o.is_area(lo, hi) by {
            if self.is_area(lo, hi) {
                let j = choose|j: int| self.area_at(j, lo, hi);
                assert(j != i && j != i + 1);
                assert(o.area_at(if j < i { j } else { j - 1 }, lo, hi));
            }
            if o.is_area(lo, hi) {
                let j = choose|j: int| o.area_at(j, lo, hi);
                assert(j != i);
                assert(self.area_at(if j < i { j } else { j + 1 }, lo, hi));
            }
        }
    }

    /// The reverse of a cut.
    pub(super) proof fn lemma_join(&self, o: &Self, i: int)
        requires
            o.wf(), 0 <= i, i + 1 < o.len, !o.in_use(i), !o.in_use(i + 1),
            self.len == o.len - 1, self.end == o.end,
            forall|j: int| 0 <= j <= i ==> self.pieces@[j] == o.pieces@[j],
            forall|j: int| i < j < self.len ==> self.pieces@[j] == o.pieces@[j + 1],
        ensures self.wf(), self.same_bounds(o), self.same_areas(o),
    {
        assert forall|j: int| 0 <= j < self.len implies #[trigger] self.begin(j) == o.begin(if j <= i { j } else { j + 1 }) by {}
        assert forall|j: int, k: int| 0 <= j < k < self.len implies #[trigger] self.begin(j) < #[trigger] self.begin(k) by {
            o.lemma_order(if j <= i { j } else { j + 1 }, if k <= i { k } else { k + 1 });
        }
        reveal(RangeAllocator::is_area);
        assert forall|lo: int, hi: int| #[trigger] self.is_area(lo, hi) == o.is_area(lo, hi) by {
            if self.is_area(lo, hi) {
                let j = choose|j: int| self.area_at(j, lo, hi);
                assert(j != i);
                assert(o.area_at(if j < i { j } else { j + 1 }, lo, hi));
            }
            if o.is_area(lo, hi) {
                let j = choose|j: int| o.area_at(j, lo, hi);
                assert(j != i && j != i + 1);
                assert(self.area_at(if j < i { j } else { j - 1 }, lo, hi));
            }
        }
    }
}

} // verus!
