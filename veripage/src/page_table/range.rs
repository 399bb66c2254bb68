//! Opening and closing a range, for cursors that live outside the checker.
use super::geom::*;
use super::lock_range::{lock_between, slot_end, widen};
use super::node::walk_hint::{Covering, NoFrame};
use super::node::{load, unlock_node};
use crate::paging::{PageTableEntryTrait, PagingConstsTrait, PagingLevel};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform};

/// Locks the node that covers the pages `[start, end)` of the table at `root`, and every node below it
/// that overlaps them.
///
/// # Errors
/// `NoFrame`: a node on the way could not be allocated; nothing is locked.
#[inline(always)]
pub(crate) fn lock_pages<P: Platform, E: PageTableEntryTrait, C: PagingConstsTrait>(
    guard: &mut RcuGuard<P>,
    root: Paddr,
    start: usize,
    end: usize,
) -> Result<Covering, NoFrame> {
    let (lo, hi) = widen(start, end, C::HIGHEST_TRANSLATION_LEVEL);
    lock_between::<P, E>(guard, root, C::NR_LEVELS, lo, hi, start, end)
}

/// Unlocks what [`lock_pages`] locked and what has been linked below since.
#[inline(always)]
pub(crate) fn unlock_pages<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
) {
    if level > 1 {
        unlock_children::<P, E>(pa, level, lo, hi);
    }
    unlock_node::<P, E>(pa);
}

fn unlock_children<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
) {
    let mut cur = lo;
    while cur < hi {
        let next = slot_end(cur, level, hi);
        let e = load::<P, E>(pa, index_of(cur, level));
        if e.is_present() && !e.is_last(level) {
            unlock_pages::<P, E>(e.paddr(level), level - 1, cur, next);
        }
        cur = next;
    }
}
