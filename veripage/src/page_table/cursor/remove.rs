//! What cursors take out, and who takes it.
use super::super::config::{PageTableConfig, Shares};
use super::super::geom::*;
use super::super::kind::TableKind;
use super::super::leaf::{Found, Leaf, TakeLeaf};
use super::super::retired::Retired;
use super::super::{PageTableError, Pending};
use super::{bytes_of, CursorMut};
use crate::Vaddr;
use core::marker::PhantomData;
use core::ops::Range;
use vstd::prelude::*;

/// Nodes that have left a table.
pub type RetiredOf<C> = Retired<<C as TableKind>::P, <C as TableKind>::E>;

/// Takes what a range operation removes, piece by piece, while the cursor holds its locks. Each knows the
/// addresses that it was taken from ([`Pending::range`]).
pub trait Sink<C: PageTableConfig> {
    /// A page that was mapped.
    fn page(&mut self, item: Pending<C::Item>);

    /// Nodes that were detached from somewhere in the range, with the pages that they still name.
    fn nodes(&mut self, nodes: Pending<RetiredOf<C>>);
}

/// What [`CursorMut::take_next`] took.
#[must_use = "what it holds is leaked unless it goes through the TLB flusher"]
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

impl<C: PageTableConfig> CursorMut<'_, C> {
    /// Takes out the next mapping of the next `len` bytes and moves past it: one page, or a whole table
    /// that lies in them. A huge page that sticks out is split first. If there is none, moves to their end.
    /// Nodes that leave the table go to `sink`.
    ///
    /// # Errors
    /// As for [`find_next`](super::Cursor::find_next); `NoMemory` and `UnsupportedProperty` if a page cannot be
    /// split: then no page has changed.
    pub fn take_next(
        &mut self,
        len: usize,
        sink: &mut impl Sink<C>,
    ) -> Result<Option<Taken<C>>, PageTableError> {
        let open = &mut self.0.open;
        let from = open.path.page;
        let mut nodes = Retired::new();
        let found = open.take_next(len, &mut nodes);
        if !nodes.is_empty() {
            sink.nodes(Pending::new(nodes, range_of(from, open.path.page)));
        }
        Ok(found?.map(|found| match found {
            Found::Leaf(page, leaf, shares) => Taken::Page {
                va: page * 4096,
                len: span_of(leaf.level) * 4096,
                item: taken::<C>(page, leaf, shares),
            },
            Found::Table(page, size, pages) => Taken::Table {
                va: page * 4096,
                len: size * 4096,
                pages,
            },
        }))
    }

    /// Unmaps every page of the next `len` bytes and moves past them; returns how many base pages were
    /// mapped. Needs no memory, unless a huge page sticks out.
    ///
    /// # Errors
    /// As for [`take_next`](Self::take_next): then nothing is unmapped.
    pub fn unmap(&mut self, len: usize, sink: &mut impl Sink<C>) -> Result<usize, PageTableError> {
        let open = &mut self.0.open;
        let from = open.path.page;
        let mut nodes = Retired::new();
        let n = open.unmap(len, &mut nodes, &mut Pages::<C, _>(sink, PhantomData));
        if !nodes.is_empty() {
            sink.nodes(Pending::new(nodes, range_of(from, open.path.page)));
        }
        n
    }
}

/// Hands the leaves that a range operation clears to a sink, as items.
struct Pages<'s, C, S>(&'s mut S, PhantomData<C>);

impl<C: PageTableConfig, S: Sink<C>> TakeLeaf<C::P> for Pages<'_, C, S> {
    #[inline(always)]
    fn leaf(&mut self, page: usize, leaf: Leaf, shares: Tracked<Shares<C::P>>) {
        self.0.page(taken::<C>(page, leaf, shares));
    }
}

/// The addresses of the pages `[start, end)`; an end of 0 stands for 2^64.
#[inline(always)]
fn range_of(start: usize, end: usize) -> Range<Vaddr> {
    bytes_of(start)..bytes_of(end)
}

/// The item of a leaf that was cleared, whose first page was `page`.
#[inline(always)]
fn taken<C: PageTableConfig>(
    page: usize,
    leaf: Leaf,
    shares: Tracked<Shares<C::P>>,
) -> Pending<C::Item> {
    // SAFETY: the entry held the item and was cleared under the cursor's lock.
    let item = unsafe { C::item_from_raw(leaf.pa, leaf.level, leaf.prop, shares) };
    Pending::new(item, range_of(page, page + span_of(leaf.level)))
}
