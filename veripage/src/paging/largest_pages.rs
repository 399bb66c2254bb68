//! Splitting a run of memory into the fewest pages.
#[cfg(verus_only)]
use super::geometry::*;
use super::{is_aligned, page_size, PagingConstsTrait, PagingLevel};
use crate::{Paddr, Vaddr};
use core::marker::PhantomData;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "largest_pages.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

#[cfg(verus_only)]
#[path = "largest_pages.proof.rs"]
mod proof;
#[cfg(verus_only)]
pub use proof::*;

/// Why a run cannot be split into pages.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LargestPagesError {
    /// The virtual address is no multiple of 4096.
    UnalignedVaddr(Vaddr),
    /// The physical address is no multiple of 4096.
    UnalignedPaddr(Paddr),
    /// The length is no multiple of 4096.
    UnalignedLength(usize),
    /// The run at this virtual address would pass 2^64.
    InvalidVaddr(Vaddr),
    /// The run at this physical address would pass 2^`PADDR_WIDTH`.
    InvalidPaddr(Paddr),
}

/// What is left of a run: yields its pages in order, each as large as it can be.
#[verus_verify]
#[derive(Debug)]
pub struct LargestPages<C: PagingConstsTrait> {
    va: Vaddr,
    pa: Paddr,
    len: usize,
    consts: PhantomData<C>,
}

/// Splits the run of `len` bytes at `va`, backed by `pa`, into the fewest pages that
/// the scheme `C` has, in order. The run may end at 2^64.
///
/// # Errors
/// [`LargestPagesError`], with the address or length that is not a multiple of 4096, or from which the
/// run would leave the address space.
#[verus_spec(ret =>
    ensures match ret {
        Ok(run) => run.wf() && run.at() == (va, pa, len),
        Err(e) => e.holds::<C>(va, pa, len),
    },
)]
pub fn largest_pages<C: PagingConstsTrait>(
    va: Vaddr,
    pa: Paddr,
    len: usize,
) -> Result<LargestPages<C>, LargestPagesError> {
    proof! {
        C::lemma_consts();
        lemma_pa_end::<C>();
    }
    if !is_aligned(va, 1) {
        return Err(LargestPagesError::UnalignedVaddr(va));
    }
    if !is_aligned(pa, 1) {
        return Err(LargestPagesError::UnalignedPaddr(pa));
    }
    if !is_aligned(len, 1) {
        return Err(LargestPagesError::UnalignedLength(len));
    }
    if len > 0 && len - 1 > usize::MAX - va {
        return Err(LargestPagesError::InvalidVaddr(va));
    }
    let pa_end = 1usize << C::PADDR_WIDTH;
    if pa > pa_end || len > pa_end - pa {
        return Err(LargestPagesError::InvalidPaddr(pa));
    }
    Ok(LargestPages {
        va,
        pa,
        len,
        consts: PhantomData,
    })
}

/// Can the run at `va` and `pa` with `len` bytes left begin with a level-`level` page?
#[verus_spec(ret => ensures ret == fits(level as int, va as int, pa as int, len as int))]
fn page_fits(va: Vaddr, pa: Paddr, len: usize, level: PagingLevel) -> bool {
    len >= page_size(level) && is_aligned(va, level) && is_aligned(pa, level)
}

#[verus_verify]
impl<C: PagingConstsTrait> LargestPages<C> {
    /// The next page: its addresses and level; `None` at the end of the run.
    #[verus_spec(ret =>
        requires old(self).wf(),
        ensures
            final(self).wf(),
            match ret {
                Some((va, pa, level)) => old(self).yields(*final(self), va, pa, level as int),
                None => old(self).at().2 == 0 && *final(self) == *old(self),
            },
    )]
    pub fn next_page(&mut self) -> Option<(Vaddr, Paddr, PagingLevel)> {
        if self.len == 0 {
            return None;
        }
        proof! {
            C::lemma_consts();
            lemma_pa_end::<C>();
        }
        let mut level = C::HIGHEST_TRANSLATION_LEVEL;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.wf(),
                self.len > 0,
                self == old(self),
                1 <= level <= C::HIGHEST_TRANSLATION_LEVEL <= 5,
                maximal(C::HIGHEST_TRANSLATION_LEVEL as int, self.va as int, self.pa as int, self.len as int, level as int),
            decreases level,
        ))]
        while level > 1 && !page_fits(self.va, self.pa, self.len, level) {
            level -= 1;
        }
        proof! {
            let (va, pa, len) = (self.va as int, self.pa as int, self.len as int);
            lemma_step(level as int, va, pa, len);
            lemma_best(C::HIGHEST_TRANSLATION_LEVEL as int, va, pa, len, level as int);
        }
        let page = (self.va, self.pa, level);
        let size = page_size(level);
        self.len -= size;
        if self.len > 0 {
            self.va += size;
            self.pa += size;
        }
        proof! {
            if self.len == 0 {
                assert(self.pages() =~= pages_of(C::HIGHEST_TRANSLATION_LEVEL as int, self.va + size, self.pa + size, 0));
            }
        }
        Some(page)
    }
}

impl<C: PagingConstsTrait> Iterator for LargestPages<C> {
    type Item = (Vaddr, Paddr, PagingLevel);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_page()
    }
}
