//! Cursors: exclusive over a range of a table while they live.
//!
//! Opening one locks the lowest node that covers the range, and every node below it that overlaps the
//! range (`lock_range`). From then on nobody else reads or writes these words, but
//! for the MMU and lock-free readers. Dropping one unlocks them. Cursors over other ranges do not wait,
//! unless the node that covers one of them covers both.
//!
//! A range that is exactly one entry's pages is covered by that entry's node, so that a huge page of
//! just that size can be mapped.
//!
//! What a cursor does is stated as equations on [`At`](spec::At), in `cursor.spec.rs`: what it sees before and after.
#[cfg(verus_only)]
use super::identity::loose;
#[cfg(verus_only)]
use super::kind::table_of;
#[cfg(verus_only)]
use super::node::RootPerm;
use super::{PageTableConfig, PageTableError};
use crate::paging::{PageProperty, PagingLevel};
use crate::rcu::RcuGuard;
use crate::{Paddr, Vaddr};
use core::marker::PhantomData;
use core::ops::Range;
use vstd::prelude::*;

mod change;
mod opened;
mod remove;
#[cfg(verus_only)]
#[path = "cursor.spec.rs"]
pub(crate) mod spec;

pub use change::CursorMut;
use opened::{bytes_of, Opened};
pub use remove::{RetiredOf, Sink, Taken};
#[cfg(verus_only)]
use spec::*;

/// A cursor that looks.
#[verus_verify(reject_recursive_types(C))]
pub struct Cursor<'a, C: PageTableConfig> {
    pub(super) open: Opened<C>,
    held: PhantomData<&'a mut RcuGuard<C::P>>,
}

#[cfg(not(verus_only))]
impl<C: PageTableConfig> Drop for Cursor<'_, C> {
    fn drop(&mut self) {
        opened::unlock(&self.open.path);
    }
}

#[verus_verify]
impl<'a, C: PageTableConfig> Cursor<'a, C> {
    /// Locks `range` of the table at `root`.
    #[inline(always)]
    #[verus_spec(r =>
        with Tracked(t): Tracked<&RootPerm<C::E>>, Ghost(pins): Ghost<Map<int, int>>
        requires
            t.wf::<C::P>(), t.paddr() == root, t.table() == table_of::<C>(pins), C::TOP_LEVEL_CAN_UNMAP ==> loose(t.table()),
        ensures opened::<C>(*range, match r { Ok(o) => Ok(o.at()), Err(e) => Err(e) }), r matches Ok(o) ==> o.wf(),
    )]
    pub(super) fn open(
        root: Paddr,
        guard: &'a mut RcuGuard<C::P>,
        range: &Range<Vaddr>,
    ) -> Result<Self, PageTableError> {
        proof_with!(Tracked(t), Ghost(pins));
        let open = Opened::open(root, guard, range)?;
        Ok(Cursor {
            open,
            held: PhantomData,
        })
    }

    /// The address that the cursor is at; past the last page of all it is 0.
    #[verus_spec(r => requires self.wf(), ensures r == self.at().va())]
    pub fn virt_addr(&self) -> Vaddr {
        self.open.va()
    }

    /// The range that the cursor owns; an end of 0 stands for 2^64.
    #[verus_spec(r => requires self.wf(), ensures r.start == va_of(self.at().start), r.end == va_of(self.at().end))]
    pub fn range(&self) -> Range<Vaddr> {
        bytes_of(self.open.path.start)..bytes_of(self.open.path.end)
    }

    /// What the current page is mapped to: the full range of the page, which may be a huge one and stick
    /// out of the cursor's range, and a clone of its item. If nothing is mapped, the range is the largest
    /// one around the address that one absent entry covers.
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).at() == old(self).at(),
            match r {
                Ok((range, item)) => stuck(old(self).at()) is None && queried::<C>(old(self).at(), range, item),
                Err(e) => stuck(old(self).at()) == Some(e),
            },
    )]
    pub fn query(&mut self) -> Result<(Range<Vaddr>, Option<C::Item>), PageTableError> {
        let (base, n, found) = self.open.look()?;
        let range = bytes_of(base)..bytes_of(base + n);
        let Some((pa, level, prop)) = found else {
            return Ok((range, None));
        };
        // SAFETY: the entry holds the item, and the cursor's lock keeps it there.
        let item = unsafe {
            C::item_clone_raw(
                pa,
                level,
                prop,
                verus_exec_expr!(Tracked(self.open.shares.borrow())),
                verus_exec_expr!(Ghost(base as int)),
            )
        };
        Ok((range, Some(item)))
    }

    /// Address, level and property of what the current page is mapped to, without a share of it.
    ///
    /// # Errors
    /// `InvalidVaddr`: the cursor is at its end.
    #[inline(always)]
    #[verus_spec(r =>
        requires old(self).wf(),
        ensures
            final(self).wf(), final(self).at() == old(self).at(),
            match r {
                Ok(found) => stuck(old(self).at()) is None && exists|base: int, n: int| looked(old(self).at(), base, n, found),
                Err(e) => stuck(old(self).at()) == Some(e),
            },
    )]
    pub fn peek(&mut self) -> Result<Option<(Paddr, PagingLevel, PageProperty)>, PageTableError> {
        let (_, _, found) = self.open.look()?;
        Ok(found)
    }

    /// Moves to the first mapped page of the next `len` bytes and returns its address, or moves to their
    /// end.
    ///
    /// # Errors
    /// `UnalignedVaddr(len)`: not a multiple of 4096. `InvalidVaddrRange`: past the cursor's range.
    /// `InvalidVaddr`: the cursor is at its end.
    #[verus_spec(r => requires old(self).wf(), ensures final(self).wf(), found(old(self).at(), final(self).at(), len, r))]
    pub fn find_next(&mut self, len: usize) -> Result<Option<Vaddr>, PageTableError> {
        self.open.find_next(len)
    }

    /// Moves to `va`, which may be the end of the range.
    ///
    /// # Errors
    /// `UnalignedVaddr`, `InvalidVaddr` if it is outside the range.
    #[inline(always)]
    #[verus_spec(r => requires old(self).wf(), ensures final(self).wf(), jumped(old(self).at(), final(self).at(), va, r))]
    pub fn jump(&mut self, va: Vaddr) -> Result<(), PageTableError> {
        self.open.jump(va)
    }
}
