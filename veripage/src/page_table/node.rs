//! Operations on locked page-table nodes.
//!
//! # What a lock owns
//! Every frame's slot has a lock. While the frame is a node, the lock owns the node: its 512 words, its slot
//! metadata, the right to decide the pages that its words decide, and for each child half of the child's
//! identity (which table, which level, which pages). The other half is in the child's own lock. Whoever
//! locks a node has all of that as a `NodePerm` and may do what is below; nothing else is ever believed:
//! - a child found in an owned word needs no check: the halves of its identity agree ([`lock_child`]);
//! - a node found by a walk without locks is checked under its lock, by its own metadata, and is of the
//!   table if its rights are the table's ([`walk_hint::lock_covering`]);
//! - a frame that was just allocated is nobody's, so its slot's lock owns no node ([`alloc_child`]).
//!
//! # Rights
//! For every root frame, page and level there is one right to decide. A root starts with those of its
//! table, linking a child gives it the share of its entry, unlinking takes the share back. So two
//! owners never decide the same page, and cursors of one table that coexist have disjoint ranges.
//! Entries of a root outside the table's own part (the kernel half of a user table) link nothing.
//!
//! # Removal
//! [`detach()`] clears the entry first, then marks the child dead and unlocks it. Readers that saw it live may
//! still look at it, so it goes into a [`Retired`](super::retired::Retired) list, with its leaves, until a
//! grace period has passed. Nodes leave a table one by one, leaves first.
//!
//! # Order of locks
//! A node is waited for while only its ancestors' locks are held (and, for a cursor, those of nodes
//! before it in pre-order); the covering node is waited for while nothing is held; the lock of a fresh
//! frame is contended only by a walker whose hint was wrong, and who waits for nothing while it looks.
//!
//! # Counting
//! [`store`] leaves the number of present entries to its caller, so that a run of stores counts once
//! ([`set_count`]). Only a node whose count is right can be unlocked.
#![allow(clippy::unused_unit, clippy::question_mark)] // ghost values are attached to whole expressions
#![allow(clippy::extra_unused_type_parameters)] // the format is in the contracts
use super::entry_word::Ad;
use super::identity::NodeMeta;
#[cfg(verus_only)]
use super::identity::*;
use super::lock;
#[cfg(verus_only)]
use super::lock::*;
use super::node_frame;
#[cfg(verus_only)]
use super::shares::{stocked, Shares};
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use veripage_hw::page;
use vstd::prelude::*;

mod birth;
mod change;
mod detach;
mod kernel_root;
mod root;
#[cfg(any(verus_only, all(test, not(feature = "loom"))))]
mod tour;
pub mod walk_hint;

pub use {birth::*, change::*, detach::*, kernel_root::*, root::*};

#[cfg(verus_only)]
#[path = "node.spec.rs"]
mod ghost;
#[cfg(verus_only)]
#[path = "node.proof.rs"]
mod lemmas;
#[cfg(verus_only)]
pub use {ghost::*, lemmas::*};

/// Entry `i` of the locked node `pa`, exact but for what the MMU set since it was written.
#[inline(always)]
#[verus_spec(e =>
    with Tracked(p): Tracked<&NodePerm<P, E>>
    requires p.inv(), p@.paddr == pa, i < 512,
    ensures E::same_but_ad(p@.words[i as int], e.bits()),
)]
pub fn load<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize) -> E {
    proof! {
        p.res.node.tracked_borrow().frame.lemma_wf(pa as int);
    }
    // SAFETY: the node is locked by the caller (`p`), which owns its words.
    let w = unsafe {
        proof_with!(Tracked(&p.res.node.tracked_borrow().frame.page));
        page::pte_load::<P, Ad<E>>(pa, i)
    };
    E::from_usize(w as usize)
}

/// Writes a word that links no child over one that links none.
#[inline(always)]
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>
    requires
        old(p).inv(), old(p)@.paddr == pa, i < 512,
        !linked(old(p)@.info(), old(p)@.words, i as int),
        !linked(old(p)@.info(), old(p)@.words.update(i as int, w), i as int),
        !old(p)@.pins(i as int) || old(p).closing(),
    ensures final(p).inv(), put_word(old(p)@, final(p)@, i as int, w), final(p).closing() == old(p).closing(),
)]
pub(super) fn put<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize, w: u64) {
    proof_decl! {
        let ghost p0 = *p;
        let tracked mut n = p.res.node.tracked_take();
    }
    proof! {
        n.frame.lemma_wf(pa as int);
    }
    // SAFETY: the node is locked by the caller (`p`), which owns its words.
    unsafe {
        proof_with!(Tracked(&mut n.frame.page));
        page::pte_store::<P>(pa, i, w)
    };
    proof! {
        p0.node().frame.lemma_page(n.frame.page, pa as int);
        lemma_region_leaf(p0.info(), p0.node().words(), i as int, w);
        lemma_links_kept(p0.info(), p0.node(), n, i as int, w, pa as int);
        p.res.node = Some(n);
    }
}

/// Stores an entry that points to no table over one that does not, and leaves the count of present
/// entries to the caller: see [`set_count`].
#[inline(always)]
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>
    requires
        old(p).inv(), old(p)@.paddr == pa, i < 512,
        !is_table::<E>(old(p)@.level, old(p)@.words[i as int]), !is_table::<E>(old(p)@.level, e.bits()),
    ensures final(p).inv(), put_word(old(p)@, final(p)@, i as int, e.bits()),
)]
pub fn store<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize, e: E) {
    proof! {
        p.lemma_state();
        lemma_fmt::<E>(p@.level, p@.words[i as int]);
        lemma_fmt::<E>(p@.level, e.bits());
    }
    proof_with!(Tracked(&mut *p));
    put::<P, E>(pa, i, e.as_usize() as u64);
}

/// As [`store`], and returns the old entry with every bit that the MMU ever set in it.
#[inline(always)]
#[verus_spec(old_e =>
    with Tracked(p): Tracked<&mut NodePerm<P, E>>
    requires
        old(p).inv(), old(p)@.paddr == pa, i < 512,
        !is_table::<E>(old(p)@.level, old(p)@.words[i as int]), !is_table::<E>(old(p)@.level, e.bits()),
    ensures
        final(p).inv(), put_word(old(p)@, final(p)@, i as int, e.bits()),
        E::same_but_ad(old(p)@.words[i as int], old_e.bits()),
)]
pub fn swap<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize, e: E) -> E {
    proof! {
        p.lemma_state();
        lemma_fmt::<E>(p@.level, p@.words[i as int]);
        lemma_fmt::<E>(p@.level, e.bits());
    }
    proof_decl! {
        let ghost p0 = *p;
        let ghost w = e.bits();
        let tracked mut n = p.res.node.tracked_take();
    }
    proof! {
        n.frame.lemma_wf(pa as int);
    }
    // SAFETY: the node is locked by the caller (`p`), which owns its words.
    let old_w = unsafe {
        proof_with!(Tracked(&mut n.frame.page));
        page::pte_swap::<P, Ad<E>>(pa, i, e.as_usize() as u64)
    };
    proof! {
        p0.node().frame.lemma_page(n.frame.page, pa as int);
        lemma_region_leaf(p0.info(), p0.node().words(), i as int, w);
        lemma_links_kept(p0.info(), p0.node(), n, i as int, w, pa as int);
        p.res.node = Some(n);
    }
    E::from_usize(old_w as usize)
}

/// What the locked node's slot says of it.
#[inline(always)]
#[verus_spec(m =>
    with Tracked(p): Tracked<&NodePerm<P, E>>
    requires p.inv(), p@.paddr == pa,
    ensures m.root == p@.root, m.level == p@.level, m.base == p@.base, m.count == p@.count,
)]
pub fn meta<P: Platform, E: PageTableEntryTrait>(pa: Paddr) -> NodeMeta {
    proof_with!(Tracked(&p.res.node.tracked_borrow().frame), Ghost(p.info()), Ghost(p@.count));
    node_frame::read_meta::<P>(pa)
}

/// The number of present entries that the locked node's slot says.
#[inline(always)]
#[verus_spec(n =>
    with Tracked(p): Tracked<&NodePerm<P, E>>
    requires p.inv(), p@.paddr == pa,
    ensures n == p@.count,
)]
pub fn count<P: Platform, E: PageTableEntryTrait>(pa: Paddr) -> usize {
    proof_with!(Tracked(p));
    let m = meta::<P, E>(pa);
    m.count
}

/// Corrects the number of present entries after a run of stores.
#[inline(always)]
#[verus_spec(
    with Tracked(p): Tracked<&mut NodePerm<P, E>>
    requires old(p).inv(), old(p)@.paddr == pa, n <= 512,
    ensures
        final(p).inv(), final(p)@ == (NodeState { count: n as int, ..old(p)@ }),
        n == present_count(fmt::<E>(), old(p)@.words, 512) ==> final(p).wf(),
)]
pub fn set_count<P: Platform, E: PageTableEntryTrait>(pa: Paddr, n: usize) {
    proof_with!(Tracked(&*p));
    let mut m = meta::<P, E>(pa);
    m.count = n;
    proof_decl! {
        let ghost p0 = *p;
        let tracked mut node = p.res.node.tracked_take();
    }
    proof_with!(Tracked(&mut node.frame));
    node_frame::write_meta::<P>(pa, m);
    proof! {
        p.res.node = Some(node);
    }
}

/// Unlocks a node: the shares of what its words map go back into the lock.
#[inline(always)]
#[verus_spec(
    with Tracked(p): Tracked<NodePerm<P, E>>, Tracked(m): Tracked<Shares<P>>
    requires p.wf(), p@.paddr == pa, stocked::<P, E>(m, p@),
)]
pub fn unlock_node<P: Platform, E: PageTableEntryTrait>(pa: Paddr) {
    proof! {
        p.lemma_stock(m);
    }
    proof_with!(Tracked(p.res), Tracked(m));
    lock::unlock::<P>(pa);
}

/// Locks the child at the table entry `i` of the locked node `pa`. That entry is why the frame is
/// known to be a live node, and at which position: nothing needs to be checked. Beside the node comes what
/// its words hold of the frames that they map.
#[inline(always)]
#[verus_spec(child =>
    with Tracked(p): Tracked<&NodePerm<P, E>> -> c: Tracked<(NodePerm<P, E>, Shares<P>)>
    requires
        p.inv(), p@.paddr == pa, i < 512, level == p@.level,
        is_table::<E>(p@.level, p@.words[i as int]), p@.own(i as int),
    ensures
        c@.0.wf(), c@.0@.paddr == child, is_child(c@.0@, p@, i as int), stocked::<P, E>(c@.1, c@.0@),
        child == E::spec_paddr(p@.level, p@.words[i as int]),
)]
pub fn lock_child<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    level: PagingLevel,
    i: usize,
) -> Paddr {
    proof_with!(Tracked(p));
    let e = load::<P, E>(pa, i);
    let child = e.paddr(level);
    proof_decl! {
        let ghost w = p@.words[i as int];
        let tracked got: Locked<P>;
    }
    proof! {
        E::ad_irrelevant(p@.level, w, e.bits());
        lemma_fmt::<E>(p@.level, w);
        lemma_child_info(p.info(), i as int);
        assert(p.node().links.dom().contains(i as int));
    }
    proof_with!(=> Tracked(got));
    lock::lock::<P>(child);
    proof_decl! {
        let tracked (mut s, m) = got;
        let tracked c;
    }
    proof! {
        s.tok.agree(p.res.node.tracked_borrow().links.tracked_borrow(i as int));
        c = (NodePerm { res: s, fmt: core::marker::PhantomData }, m);
        c.0.lemma_stock(m);
    }
    proof_with!(|= Tracked(c));
    child
}

/// Locks the root of a table.
#[inline(always)]
#[verus_spec(
    with Tracked(r): Tracked<&RootPerm<E>> -> p: Tracked<(NodePerm<P, E>, Shares<P>)>
    requires r.wf::<P>(), r.paddr() == root,
    ensures
        p@.0.wf(), p@.0@.paddr == root, p@.0@.info() == root_info(root as int, r.table()),
        stocked::<P, E>(p@.1, p@.0@),
)]
pub fn lock_root<P: Platform, E: PageTableEntryTrait>(root: Paddr) {
    proof_decl! {
        let tracked got: Locked<P>;
    }
    proof_with!(=> Tracked(got));
    lock::lock::<P>(root);
    proof_decl! {
        let tracked (mut s, m) = got;
        let tracked p;
    }
    proof! {
        s.tok.agree(&r.tok);
        p = (NodePerm { res: s, fmt: core::marker::PhantomData }, m);
        p.0.lemma_stock(m);
    }
    proof_with!(|= Tracked(p));
    ()
}
