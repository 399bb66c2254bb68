//! Lock-free walks: the hint for where to lock, and the answer for readers.
use super::super::identity::index_of;
use super::super::lock::{lock, unlock};
use super::super::node_frame::read_meta;
use super::{alloc_child, load, lock_child};
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform};
use veripage_hw::lock::{live_load, live_observe};
use veripage_hw::page::pte_peek;
use vstd::prelude::*;

/// The node that covers a range: locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covering {
    /// Its frame.
    pub paddr: Paddr,
    /// Its level.
    pub level: PagingLevel,
}

/// No frame was free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFrame;

/// Can a node be at `pa`?
#[inline(always)]
fn may_be_node<P: Platform>(pa: Paddr) -> bool {
    pa < P::MAX_PADDR && pa % 4096 == 0
}

/// Looks for the lowest node that covers the pages `lo..=hi` of the table, by loads that race with
/// everything: what comes out is a guess for where to lock.
#[inline(always)]
fn hint_walk<P: Platform, E: PageTableEntryTrait>(
    guard: &RcuGuard<P>,
    root: Paddr,
    top: PagingLevel,
    lo: usize,
    hi: usize,
) -> Paddr {
    let mut pa = root;
    let mut level = top;
    while level > 1 {
        let i = index_of(lo, level);
        if i != index_of(hi, level) || live_observe::<P>(guard.section(), pa).is_none() {
            break;
        }
        let e = E::from_usize(pte_peek::<P>(pa, i) as usize);
        let child = e.paddr(level);
        if !e.is_present() || e.is_last(level) || !may_be_node::<P>(child) {
            break;
        }
        pa = child;
        level -= 1;
    }
    pa
}

/// Locks the lowest node of table `root` that covers the pages `lo..=hi`. With `create`, absent nodes
/// on the way are allocated (so the walk ends where the range no longer fits into one entry, or at
/// a leaf); without, the walk ends at the lowest node that exists.
///
/// # Errors
/// [`NoFrame`]: a node could not be allocated; no lock is held, and what was allocated stays linked.
pub fn lock_covering<P: Platform, E: PageTableEntryTrait>(
    guard: &RcuGuard<P>,
    root: Paddr,
    top: PagingLevel,
    lo: usize,
    hi: usize,
    create: bool,
) -> Result<Covering, NoFrame> {
    loop {
        let pa = hint_walk::<P, E>(guard, root, top, lo, hi);
        lock::<P>(pa);
        if live_load::<P>(pa, Tracked::assume_new()) == 1 {
            let m = read_meta::<P>(pa);
            if m.root == root && m.base <= lo && hi - m.base < 512 << (9 * (m.level as usize - 1)) {
                return descend::<P, E>(pa, m.level, lo, hi, create);
            }
        }
        unlock::<P>(pa);
        P::relax();
    }
}

/// From the locked node `pa`, hand over hand, to the lowest node that covers `lo..=hi`.
#[inline(always)]
fn descend<P: Platform, E: PageTableEntryTrait>(
    mut pa: Paddr,
    mut level: PagingLevel,
    lo: usize,
    hi: usize,
    create: bool,
) -> Result<Covering, NoFrame> {
    while level > 1 && index_of(lo, level) == index_of(hi, level) {
        let i = index_of(lo, level);
        let e = load::<P, E>(pa, i);
        let child = if !e.is_present() {
            if !create {
                break;
            }
            match alloc_child::<P, E>(pa, i) {
                Some(child) => child,
                None => {
                    unlock::<P>(pa);
                    return Err(NoFrame);
                }
            }
        } else if e.is_last(level) {
            break;
        } else {
            lock_child::<P, E>(pa, level, i)
        };
        unlock::<P>(pa);
        pa = child;
        level -= 1;
    }
    Ok(Covering { paddr: pa, level })
}

/// What a lock-free walk finds for `page`: the last entry on its way and that entry's level. It is
/// what an MMU would have found at some moment between call and return; it may be absent or a leaf.
/// `None`: a node vanished during the walk.
#[inline(always)]
pub fn walk<P: Platform, E: PageTableEntryTrait>(
    guard: &RcuGuard<P>,
    root: Paddr,
    top: PagingLevel,
    page: usize,
) -> Option<(E, PagingLevel)> {
    let mut pa = root;
    let mut level = top;
    loop {
        live_observe::<P>(guard.section(), pa)?;
        let e = E::from_usize(pte_peek::<P>(pa, index_of(page, level)) as usize);
        if !e.is_present() || level == 1 || e.is_last(level) {
            return Some((e, level));
        }
        pa = e.paddr(level);
        if !may_be_node::<P>(pa) {
            return None;
        }
        level -= 1;
    }
}
