//! Meaning of splitting a run.
use super::*;
use vstd::arithmetic::power2::pow2;

verus! {

/// A level-`level` page can begin the run.
pub open spec fn fits(level: int, va: int, pa: int, len: int) -> bool {
    len >= bytes(level) && aligned(level, va) && aligned(level, pa)
}

impl LargestPagesError {
    /// What the error says is so.
    pub open spec fn holds<C: PagingConstsTrait>(self, va: usize, pa: usize, len: usize) -> bool {
        match self {
            LargestPagesError::UnalignedVaddr(a) => a == va && !aligned(1, va as int),
            LargestPagesError::UnalignedPaddr(a) => a == pa && !aligned(1, pa as int),
            LargestPagesError::UnalignedLength(n) => n == len && !aligned(1, len as int),
            LargestPagesError::InvalidVaddr(a) => a == va && va + len > 0x1_0000_0000_0000_0000,
            LargestPagesError::InvalidPaddr(a) => a == pa && pa + len > pow2(C::PADDR_WIDTH as nat),
        }
    }
}

impl<C: PagingConstsTrait> LargestPages<C> {
    /// Where the rest of the run begins, and its length.
    pub closed spec fn at(self) -> (usize, usize, usize) {
        (self.va, self.pa, self.len)
    }

    /// The rest of the run is aligned and does not leave either address space.
    pub closed spec fn wf(self) -> bool {
        &&& aligned(1, self.va as int) && aligned(1, self.pa as int) && aligned(1, self.len as int)
        &&& self.va + self.len <= 0x1_0000_0000_0000_0000
        &&& self.pa + self.len <= pow2(C::PADDR_WIDTH as nat)
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
