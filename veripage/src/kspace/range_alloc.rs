//! An allocator of address ranges: first fit over a table of pieces, no heap, no frame.
//!
//! The range is cut into pieces that tile it, in ascending order; a piece is free or in use. One
//! word describes a piece: its start, with bit 0 set if it is in use; it ends where the next one
//! starts. Allocation cuts a free piece, so it can find the table full; freeing only joins pieces,
//! so it cannot fail. `n` areas need at most `2 n + 1` words.
//! ```text
//!   start    a        b     c         end
//!     | free |  used  | used |  free  |        pieces = [start, a|1, b|1, c]
//! ```
#![allow(clippy::manual_is_multiple_of)] // the checker knows `%` only
use core::ops::Range;
use veripage_hw::{Vaddr, PAGE_SIZE};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "range_alloc.proof.rs"]
mod proof;
#[cfg(verus_only)]
#[path = "range_alloc.spec.rs"]
mod spec;
#[cfg(verus_only)]
use spec::*;

/// Why no range was handed out or taken back.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RangeAllocError {
    /// The range to manage is empty, reversed or not a multiple of pages, or the table has no room
    /// for a single piece.
    BadRange(Vaddr, Vaddr),
    /// This size is 0 or not a multiple of the page size.
    BadSize(usize),
    /// This alignment is 0, or the phase is not below it.
    BadAlign(usize),
    /// No free piece holds this many bytes.
    Exhausted(usize),
    /// The table has no room for another piece; the size that was asked for.
    TooManyAreas(usize),
    /// No area is exactly the range that was to be freed.
    NotAllocated(Vaddr, Vaddr),
}

impl core::fmt::Display for RangeAllocError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use RangeAllocError::*;
        match *self {
            BadRange(a, b) => write!(f, "cannot manage the addresses {a:#x}..{b:#x}"),
            BadSize(size) => write!(f, "not a size of whole pages: {size:#x}"),
            BadAlign(align) => write!(f, "not an alignment, or a phase beyond it: {align:#x}"),
            Exhausted(size) => write!(f, "no {size:#x} bytes of addresses are free"),
            TooManyAreas(size) => write!(f, "too many areas for another one of {size:#x} bytes"),
            NotAllocated(a, b) => write!(f, "no area is {a:#x}..{b:#x}"),
        }
    }
}

impl core::error::Error for RangeAllocError {}

/// Hands out disjoint, page-aligned parts of one range of addresses. `N` is the number of pieces
/// that the table holds: at least half as many areas can live at a time.
#[verus_verify]
pub struct RangeAllocator<const N: usize> {
    pieces: [usize; N],
    len: usize,
    end: Vaddr,
}

/// The least address from `from` on that is `phase` modulo `align`, if there is one.
#[verus_spec(r =>
    requires align > 0, phase < align,
    ensures r matches Some(a) ==> a >= from,
)]
fn next_aligned(from: Vaddr, align: usize, phase: usize) -> Option<Vaddr> {
    let rest = from % align;
    let step = if rest <= phase {
        phase - rest
    } else {
        align - (rest - phase)
    };
    from.checked_add(step)
}

#[verus_verify]
impl<const N: usize> RangeAllocator<N> {
    /// An allocator of all of `range`, a non-empty range of whole pages.
    ///
    /// # Errors
    /// [`RangeAllocError::BadRange`].
    #[verus_spec(r =>
        ensures
            r matches Ok(a) ==> a.wf() && a.low() == range.start && a.high() == range.end
                && forall|lo: int, hi: int| !a.is_area(lo, hi),
            r is Err ==> !(range.start < range.end && range.start % PAGE_SIZE == 0 && range.end % PAGE_SIZE == 0 && N > 0),
    )]
    pub fn new(range: Range<Vaddr>) -> Result<Self, RangeAllocError> {
        let (start, end) = (range.start, range.end);
        if start >= end || start % PAGE_SIZE != 0 || end % PAGE_SIZE != 0 || N == 0 {
            return Err(RangeAllocError::BadRange(start, end));
        }
        let mut pieces = [0; N];
        pieces[0] = start;
        let a = RangeAllocator {
            pieces,
            len: 1,
            end,
        };
        proof! { reveal(RangeAllocator::is_area); }
        Ok(a)
    }

    /// First address that is managed.
    #[verus_spec(r => requires self.wf(), ensures r == self.low())]
    pub fn start(&self) -> Vaddr {
        let w = self.pieces[0];
        w - w % 2
    }

    /// First address past what is managed.
    #[verus_spec(r => requires self.wf(), ensures r == self.high())]
    pub fn end(&self) -> Vaddr {
        self.end
    }

    /// Takes `size` bytes, at an address that is `phase` modulo `align`: the lowest that is free.
    ///
    /// # Errors
    /// `BadSize`, `BadAlign`; `Exhausted` if nothing free is large enough, `TooManyAreas` if the
    /// table is full. Nothing has changed then.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).low() == old(self).low(), final(self).high() == old(self).high(),
            match r {
                Ok(a) => {
                    &&& a.end - a.start == size && size > 0 && a.start % PAGE_SIZE == 0 && a.end % PAGE_SIZE == 0
                    &&& old(self).low() <= a.start && a.end <= old(self).high()
                    &&& old(self).unused(a.start as int, a.end as int)
                    &&& forall|lo: int, hi: int| #[trigger] final(self).is_area(lo, hi)
                        <==> old(self).is_area(lo, hi) || (lo == a.start && hi == a.end)
                },
                Err(_) => *final(self) == *old(self),
            },
    )]
    pub fn alloc(
        &mut self,
        size: usize,
        align: usize,
        phase: usize,
    ) -> Result<Range<Vaddr>, RangeAllocError> {
        if size == 0 || size % PAGE_SIZE != 0 {
            return Err(RangeAllocError::BadSize(size));
        }
        if align == 0 || phase >= align {
            return Err(RangeAllocError::BadAlign(align));
        }
        let (i, start) = match self.find_free(size, align, phase) {
            Some(found) => found,
            None => return Err(RangeAllocError::Exhausted(size)),
        };
        let end = start + size;
        proof! { self.lemma_unused(i as int, start as int, end as int); }
        let head = self.start_of(i) < start;
        let tail = end < self.end_of(i);
        if N - self.len < head as usize + tail as usize {
            return Err(RangeAllocError::TooManyAreas(size));
        }
        let mut k = i;
        if head {
            self.cut(i, start);
            k = i + 1;
        }
        proof! { assert(end % PAGE_SIZE == 0); }
        if tail {
            self.cut(k, end);
        }
        self.mark(k, true);
        Ok(start..end)
    }

    /// Gives back an area that [`Self::alloc`] handed out, joined with its free neighbours.
    ///
    /// # Errors
    /// `NotAllocated` if no area is exactly `start..end`; nothing has changed then.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).low() == old(self).low(), final(self).high() == old(self).high(),
            match r {
                Ok(_) => {
                    &&& old(self).is_area(start as int, end as int)
                    &&& forall|lo: int, hi: int| #[trigger] final(self).is_area(lo, hi)
                        <==> old(self).is_area(lo, hi) && !(lo == start && hi == end)
                },
                Err(_) => *final(self) == *old(self) && !old(self).is_area(start as int, end as int),
            },
    )]
    pub fn free(&mut self, start: Vaddr, end: Vaddr) -> Result<(), RangeAllocError> {
        let i = match self.find_area(start, end) {
            Some(i) => i,
            None => return Err(RangeAllocError::NotAllocated(start, end)),
        };
        self.mark(i, false);
        self.settle(i);
        Ok(())
    }

    /// Areas that live now.
    #[verus_spec(requires self.wf())]
    pub fn areas(&self) -> usize {
        let mut count = 0;
        let mut i = 0;
        #[cfg_attr(verus_only, verus_spec(invariant self.wf(), count <= i <= self.len, decreases self.len - i))]
        while i < self.len {
            if self.used(i) {
                count += 1;
            }
            i += 1;
        }
        count
    }

    #[verus_spec(r => requires self.wf(), i < self.len, ensures r == self.begin(i as int))]
    fn start_of(&self, i: usize) -> Vaddr {
        let w = self.pieces[i];
        w - w % 2
    }

    #[verus_spec(r => requires self.wf(), i < self.len, ensures r == self.finish(i as int))]
    fn end_of(&self, i: usize) -> Vaddr {
        if i + 1 < self.len {
            self.start_of(i + 1)
        } else {
            self.end
        }
    }

    #[verus_spec(r => requires self.wf(), i < self.len, ensures r == self.in_use(i as int))]
    fn used(&self, i: usize) -> bool {
        self.pieces[i] % 2 == 1
    }

    /// The first free piece with room for `size` bytes at `phase` modulo `align`, and where.
    #[verus_spec(r =>
        requires self.wf(), size > 0, size % PAGE_SIZE == 0, align > 0, phase < align,
        ensures r matches Some((i, a)) ==> i < self.len && !self.in_use(i as int) && a % PAGE_SIZE == 0
            && self.begin(i as int) <= a && a + size <= self.finish(i as int),
    )]
    fn find_free(&self, size: usize, align: usize, phase: usize) -> Option<(usize, Vaddr)> {
        let mut i = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant self.wf(), align > 0, phase < align, size % PAGE_SIZE == 0,
            decreases self.len - i,
        ))]
        while i < self.len {
            if !self.used(i) {
                let end = self.end_of(i);
                if let Some(a) = next_aligned(self.start_of(i), align, phase) {
                    if a % PAGE_SIZE == 0 && a <= end && size <= end - a {
                        return Some((i, a));
                    }
                }
            }
            i += 1;
        }
        None
    }

    /// The piece in use that is exactly `start..end`.
    #[verus_spec(r =>
        requires self.wf(),
        ensures match r {
            Some(i) => i < self.len && self.in_use(i as int) && self.begin(i as int) == start
                && self.finish(i as int) == end && self.is_area(start as int, end as int),
            None => !self.is_area(start as int, end as int),
        },
    )]
    fn find_area(&self, start: Vaddr, end: Vaddr) -> Option<usize> {
        let mut i = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.wf(), i <= self.len,
                forall|k: int| 0 <= k < i ==> !#[trigger] self.area_at(k, start as int, end as int),
            decreases self.len - i,
        ))]
        while i < self.len {
            if self.start_of(i) == start && self.end_of(i) == end && self.used(i) {
                proof! {
                    reveal(RangeAllocator::is_area);
                    assert(self.area_at(i as int, start as int, end as int));
                }
                return Some(i);
            }
            i += 1;
        }
        proof! { reveal(RangeAllocator::is_area); }
        None
    }

    /// Says whether piece `i` is in use.
    #[verus_spec(
        requires old(self).wf(), i < old(self).len,
        ensures
            final(self).wf(), final(self).len == old(self).len, final(self).same_bounds(old(self)),
            final(self).marked(old(self), i as int, used),
            final(self).areas_marked(old(self), i as int, used),
    )]
    fn mark(&mut self, i: usize, used: bool) {
        let start = self.start_of(i);
        self.pieces[i] = start + used as usize;
        proof! {
            self.lemma_marked(old(self), i as int, used);
            self.lemma_areas_marked(old(self), i as int, used);
        }
    }

    /// Cuts the free piece `i` in two at `at`, which lies inside it.
    #[verus_spec(
        requires
            old(self).wf(), i < old(self).len < N, !old(self).in_use(i as int),
            old(self).begin(i as int) < at < old(self).finish(i as int), at % PAGE_SIZE == 0,
        ensures
            final(self).wf(), final(self).len == old(self).len + 1, final(self).same_bounds(old(self)),
            final(self).same_areas(old(self)),
            !final(self).in_use(i as int), !final(self).in_use(i + 1),
            final(self).begin(i as int) == old(self).begin(i as int), final(self).finish(i as int) == at,
            final(self).begin(i + 1) == at, final(self).finish(i + 1) == old(self).finish(i as int),
    )]
    fn cut(&mut self, i: usize, at: Vaddr) {
        let mut k = self.len;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                i < k <= old(self).len, self.len == old(self).len < N, self.end == old(self).end,
                shifted_up(old(self).pieces@, self.pieces@, k as int, old(self).len as int),
            decreases k,
        ))]
        while k > i + 1 {
            self.pieces[k] = self.pieces[k - 1];
            k -= 1;
        }
        self.pieces[i + 1] = at;
        self.len += 1;
        proof! { self.lemma_cut(old(self), i as int, at as int); }
    }

    /// Joins the free piece `i` with its free neighbours.
    #[verus_spec(
        requires old(self).wf(), i < old(self).len, !old(self).in_use(i as int),
        ensures final(self).wf(), final(self).same_bounds(old(self)), final(self).same_areas(old(self)),
    )]
    fn settle(&mut self, i: usize) {
        if i + 1 < self.len && !self.used(i + 1) {
            self.join(i);
        }
        if i > 0 && !self.used(i - 1) {
            self.join(i - 1);
        }
    }

    /// Joins the free pieces `i` and `i + 1`.
    #[verus_spec(
        requires old(self).wf(), i + 1 < old(self).len, !old(self).in_use(i as int), !old(self).in_use(i + 1),
        ensures
            final(self).wf(), final(self).len == old(self).len - 1, final(self).same_bounds(old(self)),
            final(self).same_areas(old(self)), !final(self).in_use(i as int),
    )]
    fn join(&mut self, i: usize) {
        let mut k = i + 1;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                i < k < self.len, self.len == old(self).len <= N, self.end == old(self).end,
                shifted_down(old(self).pieces@, self.pieces@, i + 1, k as int),
            decreases self.len - k,
        ))]
        while k + 1 < self.len {
            self.pieces[k] = self.pieces[k + 1];
            k += 1;
        }
        self.len -= 1;
        proof! { self.lemma_join(old(self), i as int); }
    }
}
