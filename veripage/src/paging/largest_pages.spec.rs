//! Meaning of splitting a run.
use super::*;

verus! {

/// A run of whole base pages.
pub open spec fn run_ok(va: int, pa: int, len: int) -> bool {
    aligned(1, va) && aligned(1, pa) && aligned(1, len) && len >= 0
}

/// A level-`level` page can begin the run.
pub open spec fn fits(level: int, va: int, pa: int, len: int) -> bool {
    len >= bytes(level) && aligned(level, va) && aligned(level, pa)
}

/// No page larger than `level` can begin the run.
pub open spec fn maximal(highest: int, va: int, pa: int, len: int, level: int) -> bool {
    forall|l: int| level < l <= highest ==> !#[trigger] fits(l, va, pa, len)
}

/// Pages of these levels, one after the other, cover the run exactly, each aligned to its size in both
/// address spaces.
pub open spec fn tiles(levels: Seq<int>, highest: int, va: int, pa: int, len: int) -> bool
    decreases levels.len(),
{
    if levels.len() == 0 {
        len == 0
    } else {
        let l = levels[0];
        &&& 1 <= l <= highest
        &&& fits(l, va, pa, len)
        &&& tiles(levels.drop_first(), highest, va + bytes(l), pa + bytes(l), len - bytes(l))
    }
}

/// Level of the largest page that can begin the run.
pub open spec fn best(highest: int, va: int, pa: int, len: int) -> int {
    if highest >= 5 && fits(5, va, pa, len) { 5 }
    else if highest >= 4 && fits(4, va, pa, len) { 4 }
    else if highest >= 3 && fits(3, va, pa, len) { 3 }
    else if highest >= 2 && fits(2, va, pa, len) { 2 }
    else { 1 }
}

/// Levels of the pages that the run is split into. `lemma_tiles`: they tile it. `lemma_fewest`: no tiling
/// has fewer.
pub open spec fn pages_of(highest: int, va: int, pa: int, len: int) -> Seq<int>
    decreases len,
{
    if len < 4096 {
        Seq::empty()
    } else {
        let l = best(highest, va, pa, len);
        seq![l] + pages_of(highest, va + bytes(l), pa + bytes(l), len - bytes(l))
    }
}

impl LargestPagesError {
    /// What the error says is so.
    pub open spec fn holds<C: PagingConstsTrait>(self, va: usize, pa: usize, len: usize) -> bool {
        match self {
            LargestPagesError::UnalignedVaddr(a) => a == va && !aligned(1, va as int),
            LargestPagesError::UnalignedPaddr(a) => a == pa && !aligned(1, pa as int),
            LargestPagesError::UnalignedLength(n) => n == len && !aligned(1, len as int),
            LargestPagesError::InvalidVaddr(a) => a == va && va + len > 0x1_0000_0000_0000_0000,
            LargestPagesError::InvalidPaddr(a) => a == pa && pa + len > (1usize << C::PADDR_WIDTH),
        }
    }
}

impl<C: PagingConstsTrait> LargestPages<C> {
    /// Where the rest of the run begins, and its length.
    pub open(super) spec fn at(self) -> (usize, usize, usize) {
        (self.va, self.pa, self.len)
    }

    /// The rest of the run is aligned and leaves neither address space.
    pub open(super) spec fn wf(self) -> bool {
        &&& run_ok(self.va as int, self.pa as int, self.len as int)
        &&& self.va + self.len <= 0x1_0000_0000_0000_0000
        &&& self.pa + self.len <= (1usize << C::PADDR_WIDTH)
    }

    /// Levels of the pages to come.
    pub open spec fn pages(self) -> Seq<int> {
        pages_of(C::HIGHEST_TRANSLATION_LEVEL as int, self.at().0 as int, self.at().1 as int, self.at().2 as int)
    }

    /// From `self`, the page at `(va, pa)` is taken and `rest` remains: the page begins the run, is aligned
    /// to its size, no larger page could begin there, and the rest follows it without a gap.
    pub open spec fn yields(self, rest: Self, va: usize, pa: usize, level: int) -> bool {
        let highest = C::HIGHEST_TRANSLATION_LEVEL as int;
        &&& (va, pa) == (self.at().0, self.at().1)
        &&& 1 <= level <= highest
        &&& fits(level, va as int, pa as int, self.at().2 as int)
        &&& maximal(highest, va as int, pa as int, self.at().2 as int, level)
        &&& rest.at().2 == self.at().2 - bytes(level)
        &&& rest.at().2 > 0 ==> rest.at().0 == va + bytes(level) && rest.at().1 == pa + bytes(level)
        &&& self.pages() == seq![level] + rest.pages()
    }
}

} // verus!
