//! Operations on locked page-table nodes. Whoever has a node's lock owns its 512 words and its
//! position, and nothing below its children.
use super::entry_word::Ad;
use super::identity::{pages_before, NodeMeta};
use super::lock::{lock, unlock};
use super::node_frame::take_frame;
use super::node_frame::{read_meta, write_meta};
use super::retired::Retired;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use veripage_hw::lock::live_store_release;
use veripage_hw::page::{pte_load, pte_store, pte_swap, zero_page};
use vstd::prelude::*;

/// Entry `i` of the locked node `pa`, exact but for what the MMU set since it was written.
#[inline(always)]
pub fn load<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize) -> E {
    E::from_usize(pte_load::<P, Ad<E>>(pa, i) as usize)
}

/// Stores an entry that points to no table over one that does not, and leaves the count of present
/// entries to the caller: see [`set_count`].
#[inline(always)]
pub fn store<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize, e: E) {
    pte_store::<P>(pa, i, e.as_usize() as u64)
}

/// As [`store`], and returns the old entry with every bit that the MMU ever set in it.
#[inline(always)]
pub fn swap<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize, e: E) -> E {
    E::from_usize(pte_swap::<P, Ad<E>>(pa, i, e.as_usize() as u64) as usize)
}

/// The number of present entries that the locked node's slot says.
#[inline(always)]
pub fn count<P: Platform, E: PageTableEntryTrait>(pa: Paddr) -> usize {
    read_meta::<P>(pa).count
}

/// Corrects the number of present entries after a run of stores.
#[inline(always)]
pub fn set_count<P: Platform, E: PageTableEntryTrait>(pa: Paddr, n: usize) {
    let m = read_meta::<P>(pa);
    write_meta::<P>(pa, NodeMeta { count: n, ..m });
}

/// Level and first page of the locked node.
#[inline(always)]
pub fn position<P: Platform, E: PageTableEntryTrait>(pa: Paddr) -> (PagingLevel, usize) {
    let m = read_meta::<P>(pa);
    (m.level, m.base)
}

/// Unlocks a node.
#[inline(always)]
pub fn unlock_node<P: Platform, E: PageTableEntryTrait>(pa: Paddr) {
    unlock::<P>(pa)
}

/// Locks the child at the table entry `i` of the locked node `pa`. That entry is why the frame is
/// known to be a live node, and at which position: nothing needs to be checked.
#[inline(always)]
pub fn lock_child<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    i: usize,
) -> Paddr {
    let child = load::<P, E>(pa, i).paddr(level);
    lock::<P>(child);
    child
}

/// Allocates a child without entries for the absent entry `i` of the locked node `pa` and links it,
/// already locked. `None`: no frame is free, and nothing has changed.
pub fn alloc_child<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize) -> Option<Paddr> {
    let m = read_meta::<P>(pa);
    let child = take_frame::<P, E>()?;
    zero_page::<P>(child);
    birth::<P>(
        child,
        NodeMeta {
            root: m.root,
            level: m.level - 1,
            base: m.base + pages_before(m.level, i),
            count: 0,
        },
    );
    pte_store::<P>(pa, i, E::new_pt(child).as_usize() as u64);
    write_meta::<P>(
        pa,
        NodeMeta {
            count: m.count + 1,
            ..m
        },
    );
    Some(child)
}

/// Replaces the leaf at entry `i` of the locked node `pa` by a child whose 512 entries map the same
/// pages, of address `to` on, with property `prop`. The child is locked. `None`: no frame is free,
/// and nothing has changed.
pub fn split_child<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    i: usize,
    to: Paddr,
    prop: PageProperty,
) -> Option<Paddr> {
    let m = read_meta::<P>(pa);
    let child = take_frame::<P, E>()?;
    let level = m.level - 1;
    let mut j = 0;
    while j < 512 {
        let e = E::new_page(to + pages_before(level, j) * 4096, level, prop);
        pte_store::<P>(child, j, e.as_usize() as u64);
        j += 1;
    }
    birth::<P>(
        child,
        NodeMeta {
            root: m.root,
            level,
            base: m.base + pages_before(m.level, i),
            count: 512,
        },
    );
    pte_store::<P>(pa, i, E::new_pt(child).as_usize() as u64);
    Some(child)
}

/// Removes the locked `child`, which has no children of its own, from entry `i` of its locked parent
/// `pa`: clears the entry, marks the child dead, unlocks it, and puts it into `out` with the leaves
/// that it still holds.
pub fn detach<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    i: usize,
    child: Paddr,
    out: &mut Retired<P, E>,
) {
    pte_store::<P>(pa, i, E::new_absent().as_usize() as u64);
    let m = read_meta::<P>(pa);
    write_meta::<P>(
        pa,
        NodeMeta {
            count: m.count - 1,
            ..m
        },
    );
    bury::<P>(child);
    out.push(child);
}

/// Makes the frame `pa`, whose words are written, a locked live node.
#[inline(always)]
fn birth<P: Platform>(pa: Paddr, m: NodeMeta) {
    lock::<P>(pa);
    write_meta::<P>(pa, m);
    live_store_release::<P>(pa, 1, Tracked::assume_new());
}

/// Marks the locked node dead and unlocks it.
#[inline(always)]
fn bury<P: Platform>(pa: Paddr) {
    live_store_release::<P>(pa, 0, Tracked::assume_new());
    unlock::<P>(pa);
}

/// A new table: an unlocked root at `level` whose first page is `base`. `None`: no frame is free.
pub fn new_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
) -> Option<Paddr> {
    let root = take_frame::<P, E>()?;
    zero_page::<P>(root);
    birth::<P>(
        root,
        NodeMeta {
            root,
            level,
            base,
            count: 0,
        },
    );
    unlock::<P>(root);
    Some(root)
}

/// A new table whose entries `from..512` are those of the kernel's root `kernel`: its nodes, which
/// are locked through the kernel table only. `None`: no frame is free.
pub fn new_user_root<P: Platform, E: PageTableEntryTrait>(
    level: PagingLevel,
    base: usize,
    kernel: Paddr,
    from: usize,
) -> Option<Paddr> {
    let root = new_root::<P, E>(level, base)?;
    lock::<P>(root);
    lock::<P>(kernel);
    let mut i = from;
    let mut n = 0;
    while i < 512 {
        let e = load::<P, E>(kernel, i);
        pte_store::<P>(root, i, e.as_usize() as u64);
        if e.is_present() {
            n += 1;
        }
        i += 1;
    }
    unlock::<P>(kernel);
    set_count::<P, E>(root, n);
    unlock::<P>(root);
    Some(root)
}

/// Takes a whole table apart: every node of it goes into `out`, leaves first, with the leaf entries
/// that it still holds. Entries `lo..hi` of the root are the table's own.
pub fn retire_table<P: Platform, E: PageTableEntryTrait>(
    root: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
    out: &mut Retired<P, E>,
) {
    lock::<P>(root);
    retire_below::<P, E>(root, level, lo, hi, out);
    bury::<P>(root);
    out.push(root);
}

/// Detaches every node below entries `lo..hi` of the locked node `pa`.
fn retire_below<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    lo: usize,
    hi: usize,
    out: &mut Retired<P, E>,
) {
    if level == 1 {
        return;
    }
    let mut i = lo;
    while i < hi {
        let e = load::<P, E>(pa, i);
        if e.is_present() && !e.is_last(level) {
            let child = lock_child::<P, E>(pa, level, i);
            retire_below::<P, E>(child, level - 1, 0, 512, out);
            detach::<P, E>(pa, i, child, out);
        }
        i += 1;
    }
}
