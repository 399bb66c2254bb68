//! Lock-free walks: the hint for where to lock, and the answer for readers.
use super::super::identity::{index_of, pages_before};
use super::super::node_frame;
#[cfg(verus_only)]
use super::super::shares::{lemma_stocked_none, lemma_stocked_same, stocked, Shares};
use super::*;
#[cfg(verus_only)]
use crate::paging::geometry::slot;
use crate::rcu::RcuGuard;
#[cfg(verus_only)]
use veripage_hw::genesis::the_world;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::lock::{live_load, live_observe};
#[cfg(verus_only)]
use vstd::invariant::*;
use vstd::open_atomic_invariant;

/// The node that covers a range: locked.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covering {
    /// Its frame.
    pub paddr: Paddr,
    /// Its level.
    pub level: PagingLevel,
}

/// No frame was free.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFrame;

/// Can a node be at `pa`?
#[inline(always)]
#[verus_spec(r => ensures r ==> has_slot::<P>(pa as int))]
fn may_be_node<P: Platform>(pa: Paddr) -> bool {
    pa < P::MAX_PADDR && pa % 4096 == 0
}

/// Looks for the lowest node that covers the pages `lo..=hi` of the table, by loads that race with
/// everything: what comes out is a guess for where to lock.
#[inline(always)]
#[verus_spec(r =>
    requires has_slot::<P>(root as int), 1 <= top <= 5,
    ensures has_slot::<P>(r as int),
)]
fn hint_walk<P: Platform, E: PageTableEntryTrait>(
    guard: &RcuGuard<P>,
    root: Paddr,
    top: PagingLevel,
    lo: usize,
    hi: usize,
) -> Paddr {
    let mut pa = root;
    let mut level = top;
    #[cfg_attr(verus_only, verus_spec(
        invariant has_slot::<P>(pa as int), 1 <= level <= 5,
        decreases level,
    ))]
    while level > 1 {
        let i = index_of(lo, level);
        if i != index_of(hi, level) {
            break;
        }
        // SAFETY: `pa` has a slot (the loop's invariant).
        let seen = unsafe { live_observe::<P>(guard.section(), pa) };
        let Some(_readable) = seen else {
            break;
        };
        // SAFETY: the section keeps the node readable (`live_observe`).
        let w = unsafe {
            proof_with!(Tracked(_readable.borrow()));
            page::pte_peek::<P>(pa, i)
        };
        let e = E::from_usize(w as usize);
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
#[verus_spec(r =>
    with Tracked(t): Tracked<&RootPerm<E>> -> out: Tracked<Option<(NodePerm<P, E>, Shares<P>)>>
    requires t.wf::<P>(), t.paddr() == root, top == t.table().top, in_table(t.table(), lo as int), in_table(t.table(), hi as int), lo <= hi,
    ensures
        r matches Ok(c) ==> (out@ matches Some((p, m)) && {
            &&& p.wf() && covers(p@, c, root as int, t.table(), lo as int, hi as int)
            &&& lowest::<E>(p@, create, lo as int, hi as int)
            &&& stocked::<P, E>(m, p@)
        }),
)]
#[cfg_attr(verus_only, verifier::exec_allows_no_decreases_clause)]
pub fn lock_covering<P: Platform, E: PageTableEntryTrait>(
    guard: &RcuGuard<P>,
    root: Paddr,
    top: PagingLevel,
    lo: usize,
    hi: usize,
    create: bool,
) -> Result<Covering, NoFrame> {
    proof_decl! {
        let tracked mut hand = Hand::<P, E> { node: None };
        let tracked out: Option<(NodePerm<P, E>, Shares<P>)>;
    }
    proof! {
        t.lemma_root::<P>();
    }
    let mut pa = hint_walk::<P, E>(guard, root, top, lo, hi);
    proof_with!(Tracked(t), Tracked(&mut hand));
    let mut level = lock_valid::<P, E>(pa, root, lo, hi);
    #[cfg_attr(verus_only, verus_spec(
        invariant
            t.wf::<P>(), t.paddr() == root, has_slot::<P>(root as int), 1 <= top <= 5, lo <= hi,
            level == 0 ==> hand.node is None,
            level != 0 ==> (hand.node matches Some((p, m)) && p.wf() && stocked::<P, E>(m, p@)
                && covers(p@, Covering { paddr: pa, level }, root as int, t.table(), lo as int, hi as int)),
    ))]
    while level == 0 {
        P::relax();
        pa = hint_walk::<P, E>(guard, root, top, lo, hi);
        proof_with!(Tracked(t), Tracked(&mut hand));
        let now = lock_valid::<P, E>(pa, root, lo, hi);
        level = now;
    }
    proof_with!(Tracked(hand.node.tracked_unwrap()), Ghost(root as int), Ghost(t.table()) => Tracked(out));
    let r = descend::<P, E>(pa, level, lo, hi, create);
    proof_with!(|= Tracked(out));
    r
}

/// Locks `pa` and keeps the lock if it is a node of table `root` that covers the pages `lo..=hi`:
/// gives its level, else 0. Only what the slot says under the lock counts. The lock is waited for with an empty
/// hand: nobody who has it waits for this walk.
#[inline(always)]
#[verus_spec(l =>
    with Tracked(t): Tracked<&RootPerm<E>>, Tracked(hand): Tracked<&mut Hand<P, E>>
    requires t.wf::<P>(), t.paddr() == root, has_slot::<P>(pa as int), lo <= hi, old(hand).node is None,
    ensures
        l == 0 ==> final(hand).node is None,
        l != 0 ==> (final(hand).node matches Some((p, m)) && p.wf() && stocked::<P, E>(m, p@)
            && covers(p@, Covering { paddr: pa, level: l }, root as int, t.table(), lo as int, hi as int)),
)]
fn lock_valid<P: Platform, E: PageTableEntryTrait>(
    pa: Paddr,
    root: Paddr,
    lo: usize,
    hi: usize,
) -> PagingLevel {
    proof_decl! {
        let tracked got: Locked<P>;
        let tracked world = the_world::<P, World<P>>();
    }
    proof_with!(=> Tracked(got));
    lock::lock::<P>(pa);
    proof_decl! {
        let tracked (mut s, stock) = got;
        let ghost info = s.tok@;
    }
    let mut level = 0;
    // SAFETY: the slot's lock was just taken.
    let live = unsafe { live_load::<P>(pa, verus_exec_expr!(Tracked(&s.live))) };
    if live == 1 {
        proof_with!(Tracked(&s.node.tracked_borrow().frame), Ghost(info), Ghost(s.node->0.count(info)));
        let m = node_frame::read_meta::<P>(pa);
        if m.root == root && m.base <= lo && hi - m.base < pages_before(m.level, 512) {
            level = m.level;
        }
    }
    if level != 0 {
        open_atomic_invariant!(&world.rights => a => {
            proof {
                assert(RightsPred::inv(ids::<P>().rights, a));
                s.node.tracked_borrow().rights.agree(&a);
                t.handle.agree(&a);
                let x: Key = (info.root, info.base, info.level);
                let y = handle_key(root as int);
                assert(region(info, s.node->0.words()).contains(x));
                assert(s.node->0.rights@.dom().contains(x) && a@.dom().contains(x));
                assert(t.handle@.dom().contains(y) && a@.dom().contains(y));
                assert(a@[x] == a@[y]);
            }
        });
        proof! {
            lemma_prefix(info, lo as int);
            lemma_prefix(info, hi as int);
            let tracked p = NodePerm { res: s, fmt: core::marker::PhantomData };
            p.lemma_stock(stock);
            hand.node = Some((p, stock));
        }
    } else {
        proof_with!(Tracked(s), Tracked(stock));
        lock::unlock::<P>(pa);
    }
    level
}

/// From the locked node `pa`, hand over hand, to the lowest node that covers `lo..=hi`.
#[inline(always)]
#[verus_spec(r =>
    with Tracked(held): Tracked<(NodePerm<P, E>, Shares<P>)>, Ghost(root): Ghost<int>, Ghost(t): Ghost<TableInfo>
        -> out: Tracked<Option<(NodePerm<P, E>, Shares<P>)>>
    requires
        held.0.wf(), stocked::<P, E>(held.1, held.0@), covers(held.0@, Covering { paddr: pa, level }, root, t, lo as int, hi as int), lo <= hi,
        in_table(t, lo as int), in_table(t, hi as int),
    ensures
        r matches Ok(c) ==> (out@ matches Some((p, m)) && {
            &&& p.wf() && covers(p@, c, root, t, lo as int, hi as int)
            &&& lowest::<E>(p@, create, lo as int, hi as int)
            &&& stocked::<P, E>(m, p@)
        }),
)]
fn descend<P: Platform, E: PageTableEntryTrait>(
    mut pa: Paddr,
    mut level: PagingLevel,
    lo: usize,
    hi: usize,
    create: bool,
) -> Result<Covering, NoFrame> {
    proof_decl! {
        let tracked mut p = Some(held);
        let tracked mut out: Option<(NodePerm<P, E>, Shares<P>)> = None;
    }
    let mut full = false;
    #[cfg_attr(verus_only, verus_spec(
        invariant
            !full ==> (p matches Some((n, m)) && n.wf() && stocked::<P, E>(m, n@)
                && covers(n@, Covering { paddr: pa, level }, root, t, lo as int, hi as int)),
            lo <= hi, in_table(t, lo as int), in_table(t, hi as int),
        ensures
            !full ==> (p matches Some((n, m)) && n.wf() && stocked::<P, E>(m, n@)
                && covers(n@, Covering { paddr: pa, level }, root, t, lo as int, hi as int) && lowest::<E>(n@, create, lo as int, hi as int)),
        decreases level,
    ))]
    while !full && level > 1 {
        proof_decl! {
            let tracked (mut n, m) = p.tracked_take();
            let tracked mut c: Option<(NodePerm<P, E>, Shares<P>)> = None;
            let ghost n0 = n@;
        }
        let i = index_of(lo, level);
        proof! {
            n.lemma_state();
            lemma_own(n@.info(), lo as int);
        }
        if i != index_of(hi, level) {
            proof! {
                p = Some((n, m));
            }
            break;
        }
        proof_with!(Tracked(&n));
        let e = load::<P, E>(pa, i);
        proof! {
            E::ad_irrelevant(level as int, n@.words[i as int], e.bits());
        }
        let child;
        if e.is_present() {
            if e.is_last(level) {
                proof! {
                    p = Some((n, m));
                }
                break;
            }
            proof_with!(Tracked(&n) => Tracked(one));
            let next = lock_child::<P, E>(pa, level, i);
            proof! {
                c = Some(one);
            }
            child = next;
        } else {
            if !create {
                proof! {
                    p = Some((n, m));
                }
                break;
            }
            proof_with!(Tracked(&mut n) => Tracked(made));
            let next = alloc_child::<P, E>(pa, i);
            match next {
                Some(next) => {
                    proof! {
                        let tracked made = made.tracked_unwrap();
                        E::zero_absent();
                        lemma_stocked_none::<P, E>(made@);
                        c = Some((made, Map::tracked_empty()));
                        lemma_stocked_same::<P, E>(m, n0, n@, i as int);
                    }
                    child = next;
                }
                None => {
                    proof_with!(Tracked(n), Tracked(m));
                    unlock_node::<P, E>(pa);
                    full = true;
                    break;
                }
            }
        }
        proof! {
            lemma_step(n@.info(), i as int, lo as int);
            lemma_step(n@.info(), i as int, hi as int);
            p = c;
        }
        proof_with!(Tracked(n), Tracked(m));
        unlock_node::<P, E>(pa);
        pa = child;
        level -= 1;
    }
    let r = if full {
        Err(NoFrame)
    } else {
        proof! {
            out = p;
        }
        Ok(Covering { paddr: pa, level })
    };
    proof_with!(|= Tracked(out));
    r
}

/// What a lock-free walk finds for `page`: the last entry on its way and that entry's level. It is
/// what an MMU would have found at some moment between call and return; it may be absent or a leaf.
/// `None`: a node vanished during the walk.
#[inline(always)]
#[verus_spec(r =>
    requires has_slot::<P>(root as int), 1 <= top <= 5,
    ensures r matches Some(x) ==> 1 <= x.1 <= top && !is_table::<E>(x.1 as int, x.0.bits()),
)]
pub fn walk<P: Platform, E: PageTableEntryTrait>(
    guard: &RcuGuard<P>,
    root: Paddr,
    top: PagingLevel,
    page: usize,
) -> Option<(E, PagingLevel)> {
    let mut pa = root;
    let mut level = top;
    #[cfg_attr(verus_only, verus_spec(
        invariant has_slot::<P>(pa as int), 1 <= level <= top <= 5,
        decreases level,
    ))]
    loop {
        // SAFETY: `pa` has a slot (the loop's invariant).
        let seen = unsafe { live_observe::<P>(guard.section(), pa) };
        let Some(_readable) = seen else {
            return None;
        };
        // SAFETY: the section keeps the node readable (`live_observe`).
        let w = unsafe {
            proof_with!(Tracked(_readable.borrow()));
            page::pte_peek::<P>(pa, index_of(page, level))
        };
        let e = E::from_usize(w as usize);
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

#[cfg(verus_only)]
verus! {

/// What a walk for the covering node holds.
#[verifier::reject_recursive_types(P)]
tracked struct Hand<P: Platform, E: PageTableEntryTrait> {
    node: Option<(NodePerm<P, E>, Shares<P>)>,
}

/// Page `v` is in the table's own part.
pub open spec fn in_table(t: TableInfo, v: int) -> bool {
    t.base + off(t.top, t.lo) <= v < t.base + off(t.top, t.hi)
}

/// The node `s` of table `root` is the one that `c` names, and covers the pages `lo..=hi`.
pub open spec fn covers(s: NodeState, c: Covering, root: int, t: TableInfo, lo: int, hi: int) -> bool {
    &&& s.paddr == c.paddr && s.level == c.level && 1 <= c.level <= 5
    &&& s.root == root && s.table == t
    &&& s.base <= lo && hi < s.base + span(s.level)
    &&& slot(s.level + 1, lo) == s.prefix && slot(s.level + 1, hi) == s.prefix
}

/// No child of `s` covers the pages `lo..=hi`; if absent nodes were to be made, there is none that
/// could.
pub open spec fn lowest<E: PageTableEntryTrait>(s: NodeState, create: bool, lo: int, hi: int) -> bool {
    ||| s.level == 1
    ||| idx(s.info(), lo) != idx(s.info(), hi)
    ||| {
        let w = s.words[idx(s.info(), lo)];
        !is_table::<E>(s.level, w) && (create ==> E::spec_present(w))
    }
}

/// One step down: a page whose entry is `i` is in the child there.
proof fn lemma_step(p: NodeInfo, i: int, v: int)
    requires
        info_ok(p),
        p.level >= 2,
        p.base <= v < p.base + span(p.level),
        idx(p, v) == i,
    ensures
        0 <= i < 512,
        child_info(p, i).base <= v < child_info(p, i).base + span(p.level - 1),
        slot(p.level, v) == prefix(p) * 512 + i,
{
    lemma_idx(p, v, i);
    lemma_child_info(p, i);
    lemma_prefix(child_info(p, i), v);
}

} // verus!
