//! Nodes that left their table: listed through their own metadata, so that nothing is allocated.
//!
//! Readers that saw such a node live may still look at it, so it becomes a frame again only when a
//! grace period has passed: [`Retired`] (being collected), [`Waiting`] (its grace period runs),
//! [`Expired`] (free to go). Its leaves stay in it, for whoever must let go of what they map.
#![allow(clippy::extra_unused_type_parameters)] // the format is in the contracts
use super::entry_word::Ad;
use super::node_frame;
#[cfg(verus_only)]
use super::node_frame::NodeFrame;
use super::pending::*;
#[cfg(verus_only)]
use super::shares::Shares;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use core::marker::PhantomData;
#[cfg(verus_only)]
use veripage_hw::lock::has_slot;
use veripage_hw::page;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "retired.spec.rs"]
mod ghost;
#[cfg(verus_only)]
pub use ghost::*;

/// End of a list: no frame is there, since it is no multiple of 4096.
#[verus_verify]
const NONE: usize = 1;

/// Nodes that no table links any more. Readers that saw them live may still look at them.
///
/// Dropping the list leaks its frames.
#[must_use = "the frames are leaked unless they wait for their grace period"]
#[verus_verify]
#[cfg_attr(
    verus_only,
    verifier::reject_recursive_types(P),
    verifier::reject_recursive_types(E)
)]
pub struct Retired<P: Platform, E: PageTableEntryTrait> {
    /// The node that came last.
    head: Paddr,
    /// The node that came first.
    tail: Paddr,
    marker: PhantomData<(P, E)>,
    #[cfg(verus_keep_ghost_body)]
    nodes: Tracked<DeadNodes<P, E>>,
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Retired<P, E> {
    /// No nodes.
    #[verus_spec(r => ensures r@ == Seq::<DeadState>::empty())]
    pub fn new() -> Self {
        proof_decl! {
            let tracked none = DeadNodes { len: 0, frames: Map::tracked_empty(), shares: Map::tracked_empty(), fmt: PhantomData };
        }
        proof_with! { nodes: Tracked(none) }
        Retired {
            head: NONE,
            tail: NONE,
            marker: PhantomData,
        }
    }

    /// Are there none?
    #[verus_spec(r => ensures r == (self@.len() == 0))]
    pub fn is_empty(&self) -> bool {
        proof! {
            use_type_invariant(self);
            self.lemma_head();
        }
        self.head == NONE
    }

    /// Adds a node that has been detached, with the shares of what its leaves map.
    #[verus_spec(
        with Tracked(f): Tracked<NodeFrame<P>>, Tracked(m): Tracked<Shares<P>>
        requires f.wf(pa as int), 1 <= f.meta().0 % 512 <= 5, dead_stocked::<P, E>(m, dead(f)),
        ensures final(self)@ == old(self)@.push(dead(f)),
    )]
    pub(super) fn push(&mut self, pa: Paddr) {
        let mut me = Retired::new();
        core::mem::swap(self, &mut me);
        proof! {
            use_type_invariant(&me);
            me.lemma_head();
        }
        let first = me.head == NONE;
        proof_decl! {
            let tracked mut f = f;
            let ghost f0 = f;
        }
        proof_with!(Tracked(&mut f));
        node_frame::set_next::<P>(pa, me.head as u64);
        let tail = if first { pa } else { me.tail };
        proof_decl! {
            let tracked mut nodes = me.nodes.get();
        }
        proof! {
            assert(dead(f) == dead(f0));
            nodes.push(f, m, pa as int);
        }
        proof_with! { nodes: Tracked(nodes) }
        let all = Retired {
            head: pa,
            tail,
            marker: PhantomData,
        };
        *self = all;
    }

    /// Adds all nodes of another list.
    #[verus_spec(ensures final(self)@ == old(self)@ + other@)]
    pub fn append(&mut self, other: Self) {
        if other.is_empty() {
            proof! {
                assert(old(self)@ + other@ =~= old(self)@);
            }
            return;
        }
        let mut me = Retired::new();
        core::mem::swap(self, &mut me);
        proof! {
            use_type_invariant(&me);
            use_type_invariant(&other);
            me.lemma_head();
            other.lemma_head();
        }
        let tail = if me.head == NONE { other.tail } else { me.tail };
        let (middle, below, head) = (other.tail, me.head, other.head);
        proof_decl! {
            let ghost all = other.nodes@;
            let tracked mut nodes = me.nodes.get();
            let tracked mut more = other.nodes.get();
            let tracked mut first = more.frames.tracked_remove(0);
        }
        proof_with!(Tracked(&mut first));
        node_frame::set_next::<P>(middle, below as u64);
        proof! {
            nodes.join(more, first, all);
        }
        proof_with! { nodes: Tracked(nodes) }
        let all = Retired {
            head,
            tail,
            marker: PhantomData,
        };
        *self = all;
    }

    /// The nodes of a table that nobody can reach any more, not even a reader.
    ///
    /// # Safety
    /// The caller owns the whole table that they were part of.
    #[verus_spec(r => ensures r@ == self@)]
    pub(super) unsafe fn assume_unseen(self) -> Expired<P, E> {
        proof_with! { freed_by: Ghost(Freed::Alone) }
        Expired { list: self }
    }

    /// Takes out the node that came last, with the shares of what its leaves map.
    #[verus_spec(r =>
        with -> f: Tracked<Option<(NodeFrame<P>, Shares<P>)>>
        ensures
            r is None <==> old(self)@.len() == 0,
            r is None ==> final(self)@ == old(self)@,
            r matches Some(n) ==> (f@ matches Some((f, m)) && {
                &&& f.wf(n.0 as int) && dead(f) == old(self)@.last() && n.1 == dead(f).level && 1 <= n.1 <= 5
                &&& dead_stocked::<P, E>(m, dead(f))
                &&& final(self)@ == old(self)@.drop_last()
            }),
    )]
    fn pop(&mut self) -> Option<(Paddr, PagingLevel)> {
        let mut me = Retired::new();
        core::mem::swap(self, &mut me);
        proof! {
            use_type_invariant(&me);
            me.lemma_head();
        }
        proof_decl! {
            let tracked mut out: Option<(NodeFrame<P>, Shares<P>)> = None;
        }
        let r = if me.head == NONE {
            *self = me;
            None
        } else {
            let pa = me.head;
            let old_tail = me.tail;
            proof_decl! {
                let tracked mut nodes = me.nodes.get();
                let tracked (f, m) = nodes.pop();
            }
            proof! {
                if nodes.len > 0 {
                    assert(nodes.node_ok(nodes.len - 1));
                    nodes.frames[nodes.len - 1].lemma_facts(nodes.at(nodes.len - 1));
                }
            }
            proof_with!(Tracked(&f));
            let next = node_frame::next_of::<P>(pa);
            let head = next as usize;
            proof_with!(Tracked(&f));
            let level = node_frame::level_of::<P>(pa);
            let tail = if head == NONE { NONE } else { old_tail };
            proof_with! { nodes: Tracked(nodes) }
            let rest = Retired {
                head,
                tail,
                marker: PhantomData,
            };
            *self = rest;
            proof! {
                out = Some((f, m));
            }
            Some((pa, level))
        };
        proof_with!(|= Tracked(out));
        r
    }
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Default for Retired<P, E> {
    #[verus_spec]
    fn default() -> Self {
        Self::new()
    }
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Flushed<Retired<P, E>> {
    /// Starts the grace period after which the nodes may be used for other things.
    #[verus_spec(r => ensures r@ == self@@, r.by() == self.by())]
    pub fn wait(self) -> Waiting<P, E> {
        proof! { use_type_invariant(&self); }
        let stamp = P::rcu_stamp();
        proof_with! { by: Ghost(self.by()) }
        Waiting {
            stamp,
            list: self.into_inner(),
        }
    }
}

/// Retired nodes that no CPU translates through any more, and whose grace period has begun.
#[must_use = "the frames are leaked unless they are reclaimed"]
#[verus_verify]
#[cfg_attr(
    verus_only,
    verifier::reject_recursive_types(P),
    verifier::reject_recursive_types(E)
)]
pub struct Waiting<P: Platform, E: PageTableEntryTrait> {
    stamp: u64,
    list: Retired<P, E>,
    #[cfg(verus_keep_ghost_body)]
    by: Ghost<Seq<Evidence>>,
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Waiting<P, E> {
    /// Are there none?
    #[verus_spec(r => ensures r == (self@.len() == 0))]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Is the grace period over? Never waits.
    ///
    /// # Errors
    /// It is not: the nodes come back.
    #[verus_spec(r =>
        ensures
            r matches Ok(e) ==> e@ == self@ && e.freed_by() == (Freed::Waited { by: self.by(), stamp: self.stamp() }),
            r matches Err(w) ==> w == self,
    )]
    pub fn try_expire(self) -> Result<Expired<P, E>, Self> {
        proof! { use_type_invariant(&self); }
        if P::rcu_passed(self.stamp) {
            proof_with! { freed_by: Ghost(Freed::Waited { by: self.by(), stamp: self.stamp }) }
            let expired = Expired { list: self.list };
            Ok(expired)
        } else {
            Err(self)
        }
    }
}

/// Retired nodes that no CPU and no reader can see.
#[must_use = "the frames are leaked unless they are reclaimed"]
#[verus_verify]
#[cfg_attr(
    verus_only,
    verifier::reject_recursive_types(P),
    verifier::reject_recursive_types(E)
)]
pub struct Expired<P: Platform, E: PageTableEntryTrait> {
    list: Retired<P, E>,
    #[cfg(verus_keep_ghost_body)]
    freed_by: Ghost<Freed>,
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Expired<P, E> {
    /// Takes a node out: its frame and its level, with the shares of what its leaves map.
    #[verus_spec(r =>
        with -> f: Tracked<Option<(NodeFrame<P>, Shares<P>)>>
        ensures
            r is None <==> old(self)@.len() == 0,
            r is None ==> final(self)@ == old(self)@,
            r matches Some(n) ==> (f@ matches Some((f, m)) && {
                &&& f.wf(n.0 as int) && dead(f) == old(self)@.last() && n.1 == dead(f).level && 1 <= n.1 <= 5
                &&& dead_stocked::<P, E>(m, dead(f))
                &&& final(self)@ == old(self)@.drop_last()
            }),
            final(self).freed_by() == old(self).freed_by(),
    )]
    pub fn pop(&mut self) -> Option<(Paddr, PagingLevel)> {
        proof_decl! {
            let tracked f: Option<(NodeFrame<P>, Shares<P>)>;
        }
        proof_with! { freed_by: Ghost(Freed::Alone) }
        let mut me = Expired {
            list: Retired::new(),
        };
        core::mem::swap(self, &mut me);
        proof! { use_type_invariant(&me); }
        let mut list = me.list;
        proof_with!(=> Tracked(f));
        let r = list.pop();
        proof_with! { freed_by: Ghost(me.freed_by()) }
        let rest = Expired { list };
        *self = rest;
        proof_with!(|= Tracked(f));
        r
    }
}

/// An entry that a node held when it was detached, with every bit that the MMU set in it.
#[verus_spec(e =>
    with Tracked(f): Tracked<&NodeFrame<P>>
    requires f.wf(pa as int), i < 512,
    ensures E::same_but_ad(f.words()[i as int], e.bits()),
)]
pub fn load_dead<P: Platform, E: PageTableEntryTrait>(pa: Paddr, i: usize) -> E {
    proof! {
        f.lemma_wf(pa as int);
    }
    // SAFETY: the frame is the caller's (`f`).
    let w = unsafe {
        proof_with!(Tracked(&f.page));
        page::pte_load::<P, Ad<E>>(pa, i)
    };
    E::from_usize(w as usize)
}

/// Gives the frame of a dead node back.
#[verus_spec(
    with Tracked(f): Tracked<NodeFrame<P>>
    requires f.wf(pa as int),
)]
pub fn free_node<P: Platform, E: PageTableEntryTrait>(pa: Paddr) {
    proof_with!(Tracked(f));
    node_frame::give_frame::<P>(pa);
}
