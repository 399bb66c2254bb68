//! Locking and unlocking all nodes of a range.
use super::geom::*;
use super::node::{load, lock_child, unlock_node};
use super::walk_hint::{lock_covering, Covering, NoFrame};
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
    let node = lock_covering::<P, E>(guard, root, C::NR_LEVELS, lo, hi, true)?;
    lock_below::<P, E>(node.paddr, node.level, start, end);
    Ok(node)
}

/// First and last page to cover for `[start, end)`. If that is exactly what one entry of a level up to
/// `highest` covers, a neighbour page is added, so that the entry's own node is the one that covers it.
#[inline(always)]
fn widen(start: usize, end: usize, highest: PagingLevel) -> (usize, usize) {
    let mut level = 1;
    while level < highest {
        level += 1;
        if end - start == span_of(level) && first_of(start, level) == start {
            return if index_of(start, level) == 511 {
                (start - 1, end - 1)
            } else {
                (start, end)
            };
        }
    }
    (start, end - 1)
}

/// Locks, in pre-order, every node below the locked level-`level` node `pa` that overlaps the pages
/// `[lo, hi)`, which it covers.
#[inline(always)]
pub(crate) fn lock_below<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
) {
    if level > 1 {
        lock_children::<P, E>(pa, level, lo, hi)
    }
}

fn lock_children<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
) {
    let mut cur = lo;
    while cur < hi {
        let next = slot_end(cur, level, hi);
        let i = index_of(cur, level);
        let e = load::<P, E>(pa, i);
        if e.is_present() && !e.is_last(level) {
            let child = lock_child::<P, E>(pa, level, i);
            lock_below::<P, E>(child, level - 1, cur, next);
        }
        cur = next;
    }
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

/// First page after the level-`level` slot around `page`, or `hi` if that comes first.
#[inline(always)]
fn slot_end(page: usize, level: PagingLevel, hi: usize) -> usize {
    let end = first_of(page, level) + span_of(level);
    if hi < end {
        hi
    } else {
        end
    }
}
