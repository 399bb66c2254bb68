//! Meaning of splitting a run.
use super::*;

verus! {

/// A level-`level` page can begin the run.
pub open spec fn fits(level: int, va: int, pa: int, len: int) -> bool {
    len >= bytes(level) && aligned(level, va) && aligned(level, pa)
}

/// The limit of physical addresses is far below 2^64.
pub proof fn lemma_pa_end<C: PagingConstsTrait>()
    ensures 0 < (1usize << C::PADDR_WIDTH) <= 0x100_0000_0000_0000,
{
    C::lemma_consts();
    let w = C::PADDR_WIDTH;
    assert(0 < (1usize << w) <= 0x100_0000_0000_0000) by (bit_vector) requires w <= 56;
}

/// Past a page, everything is a multiple of 4096 again.
pub proof fn lemma_step(level: int, va: int, pa: int, len: int)
    requires aligned(1, va), aligned(1, pa), aligned(1, len), len > 0,
    ensures
        fits(1, va, pa, len),
        aligned(1, va + bytes(level)), aligned(1, pa + bytes(level)), aligned(1, len - bytes(level)),
{
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

    /// The rest of the run is aligned and does not leave either address space.
    pub open(super) spec fn wf(self) -> bool {
        &&& aligned(1, self.va as int) && aligned(1, self.pa as int) && aligned(1, self.len as int)
        &&& self.va + self.len <= 0x1_0000_0000_0000_0000
        &&& self.pa + self.len <= (1usize << C::PADDR_WIDTH)
    }

    /// From `self`, the page at `(va, pa)` is taken and `rest` remains: the page begins the run, is aligned
    /// to its size, no larger page could begin there, and the rest follows it without a gap.
    pub open spec fn yields(self, rest: Self, va: usize, pa: usize, level: int) -> bool {
        &&& (va, pa) == (self.at().0, self.at().1)
        &&& 1 <= level <= C::HIGHEST_TRANSLATION_LEVEL
        &&& fits(level, va as int, pa as int, self.at().2 as int)
        &&& forall|l: int| level < l <= C::HIGHEST_TRANSLATION_LEVEL ==> !#[trigger] fits(l, va as int, pa as int, self.at().2 as int)
        &&& rest.at().2 == self.at().2 - bytes(level)
        &&& rest.at().2 > 0 ==> rest.at().0 == va + bytes(level) && rest.at().1 == pa + bytes(level)
    }
}

} // verus!
