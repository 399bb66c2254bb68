//! What cursors take out, and who takes it.
#[cfg(not(verus_only))]
use super::super::config::Shares;
use super::super::geom::*;
#[cfg(verus_only)]
use super::super::item::spec::moved;
use super::super::kind::TableKind;
#[cfg(verus_only)]
use super::super::leaf::came_out;
use super::super::leaf::{Found, Leaf, TakeLeaf};
use super::super::retired::Retired;
#[cfg(verus_only)]
use super::super::shares::Shares;
use super::super::{PageTableConfig, PageTableError, Pending};
#[cfg(verus_only)]
use super::spec::*;
use super::{bytes_of, CursorMut};
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::Vaddr;
use core::marker::PhantomData;
use core::ops::Range;
use vstd::prelude::*;

/// Nodes that have left a table.
pub type RetiredOf<C> = Retired<<C as TableKind>::P, <C as TableKind>::E>;

/// Takes what a range operation removes, piece by piece, while the cursor holds its locks. Each knows the
/// addresses that it was taken from ([`Pending::range`]).
#[verus_verify]
pub trait Sink<C: PageTableConfig> {
    /// A page that was mapped.
    fn page(&mut self, item: Pending<C::Item>);

    /// Nodes that were detached from somewhere in the range, with the pages that they still name.
    fn nodes(&mut self, nodes: Pending<RetiredOf<C>>);
}

/// What [`CursorMut::take_next`] took.
#[must_use = "what it holds is leaked unless it goes through the TLB flusher"]
#[verus_verify(reject_recursive_types(C))]
pub enum Taken<C: PageTableConfig> {
    /// One page.
    Page {
        /// Its first address.
        va: Vaddr,
        /// Its bytes.
        len: usize,
        /// What was mapped.
        item: Pending<C::Item>,
    },
    /// A whole table of the range, detached at once; the pages that it mapped are still in its nodes.
    Table {
        /// First address that it covered.
        va: Vaddr,
        /// Bytes that it covered.
        len: usize,
        /// How many base pages were mapped in it.
        pages: usize,
    },
}

#[verus_verify]
impl<'a, C: PageTableConfig> CursorMut<'a, C> {
    /// Takes out the next mapping of the next `len` bytes and moves past it: one page, or a whole table
    /// that lies in them. A huge page that sticks out is split first. If there is none, moves to their end.
    /// Nodes that leave the table go to `sink`.
    ///
    /// # Errors
    /// As for [`find_next`](super::Cursor::find_next); `NoMemory` and `UnsupportedProperty` if a page cannot be
    /// split: then no page has changed.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures final(self).wf(), took_item::<C>(old(self).at(), final(self).at(), len, r),
    )]
    pub fn take_next<S: Sink<C>>(
        &mut self,
        len: usize,
        sink: &mut S,
    ) -> Result<Option<Taken<C>>, PageTableError> {
        let from = self.0.open.path.page;
        let mut nodes = Retired::new();
        let found = self.0.open.take_next(len, &mut nodes);
        if !nodes.is_empty() {
            sink.nodes(Pending::new(nodes, range_of(from, self.0.open.path.page)));
        }
        match found? {
            Some(Found::Leaf(page, leaf, shares)) => Ok(Some(Taken::Page {
                va: page * 4096,
                len: span_of(leaf.level) * 4096,
                item: taken::<C>(page, leaf, shares),
            })),
            Some(Found::Table(page, size, pages)) => Ok(Some(Taken::Table {
                va: page * 4096,
                len: size * 4096,
                pages,
            })),
            None => Ok(None),
        }
    }

    /// Unmaps every page of the next `len` bytes and moves past them; returns how many base pages were
    /// mapped. Needs no memory, unless a huge page sticks out.
    ///
    /// # Errors
    /// As for [`take_next`](Self::take_next): then nothing is unmapped.
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures final(self).wf(), unmapped(old(self).at(), final(self).at(), len, r),
    )]
    pub fn unmap<S: Sink<C>>(&mut self, len: usize, sink: &mut S) -> Result<usize, PageTableError> {
        let from = self.0.open.path.page;
        let mut nodes = Retired::new();
        let mut pages = Pages::<C, S>(&mut *sink, PhantomData);
        let n = self.0.open.unmap(len, &mut nodes, &mut pages);
        if !nodes.is_empty() {
            sink.nodes(Pending::new(nodes, range_of(from, self.0.open.path.page)));
        }
        n
    }
}

/// Hands the leaves that a range operation clears to a sink, as items.
#[verus_verify(reject_recursive_types(C))]
struct Pages<'s, C, S>(&'s mut S, PhantomData<C>);

verus! {

impl<'s, C: PageTableConfig, S: Sink<C>> TakeLeaf<C::P> for Pages<'s, C, S> {
    #[inline(always)]
    fn leaf(&mut self, page: usize, leaf: Leaf, shares: Tracked<Shares<C::P>>) {
        let item = taken::<C>(page, leaf, shares);
        self.0.page(item);
    }
}

} // verus!

/// The addresses of the pages `[start, end)`; an end of 0 stands for 2^64.
#[inline(always)]
#[verus_spec(r => requires start <= NR_PAGES, end <= NR_PAGES, ensures r.start == va_of(start as int), r.end == va_of(end as int))]
fn range_of(start: usize, end: usize) -> Range<Vaddr> {
    bytes_of(start)..bytes_of(end)
}

/// The item of a leaf that was cleared, whose first page was `page`.
#[inline(always)]
#[verus_spec(r =>
    requires came_out(page as int, leaf, _shares@),
    ensures
        C::raw(r@) == (leaf.pa, leaf.level, leaf.prop),
        r.va().start == va_of(page as int), r.va().end == va_of(page + span(leaf.level as int)),
)]
fn taken<C: PageTableConfig>(
    page: usize,
    leaf: Leaf,
    _shares: Tracked<Shares<C::P>>,
) -> Pending<C::Item> {
    proof_decl! {
        let tracked m = moved(_shares.get(), page as int, 0, (leaf.pa, leaf.level, leaf.prop));
    }
    // SAFETY: the entry held the item and was cleared under the cursor's lock.
    let item =
        unsafe { C::item_from_raw(leaf.pa, leaf.level, leaf.prop, verus_exec_expr!(Tracked(m))) };
    Pending::new(item, range_of(page, page + span_of(leaf.level)))
}
