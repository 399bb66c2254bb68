//! Nodes that nobody can see any more become frames again, and what they still map is let go.
use super::leaf::Leaf;
use super::loose::*;
#[cfg(verus_only)]
use super::node_frame::NodeFrame;
use super::retired::*;
#[cfg(verus_only)]
use super::shares::Shares;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "reclaim.proof.rs"]
mod proof;
#[cfg(verus_only)]
use proof::*;

/// Frees dead nodes, and gives up the shares of the pages that they still name.
#[verus_spec]
pub fn reclaim<P: Platform, E: PageTableEntryTrait>(nodes: Expired<P, E>) {
    let mut nodes = nodes;
    #[cfg_attr(verus_only, verus_spec(decreases nodes@.len()))]
    loop {
        proof_decl! { let tracked f: Option<(NodeFrame<P>, Shares<P>)>; }
        proof_with! { => Tracked(f) }
        let next = nodes.pop();
        match next {
            None => return,
            Some((pa, level)) => {
                proof_with! { Tracked(f.tracked_unwrap()) }
                reclaim_node::<P, E>(pa, level);
            }
        }
    }
}

/// Frees one dead node. Every share that came with it is given up, once: the pool is empty in the end.
#[verus_spec(
    with Tracked(dead_node): Tracked<(NodeFrame<P>, Shares<P>)>
    requires
        dead_node.0.wf(pa as int), dead(dead_node.0).level == level, 1 <= level <= 5,
        dead_stocked::<P, E>(dead_node.1, dead(dead_node.0)),
)]
fn reclaim_node<P: Platform, E: PageTableEntryTrait>(pa: Paddr, level: PagingLevel) {
    proof_decl! {
        let tracked (f, mut pool) = dead_node;
        let ghost d = dead(f);
    }
    let mut i = 0;
    #[cfg_attr(verus_only, verus_spec(
        invariant i <= 512, f.wf(pa as int), d == dead(f), d.level == level, 1 <= level <= 5, left::<P, E>(pool, d, i as int),
        decreases 512 - i,
    ))]
    while i < 512 {
        proof_with! { Tracked(&f) }
        let e = load_dead::<P, E>(pa, i);
        proof_decl! { let ghost (before, w) = (pool, e.bits()); }
        if e.is_present() && (level == 1 || e.is_last(level)) {
            let leaf = Leaf {
                pa: e.paddr(level),
                level,
                prop: e.prop(level),
            };
            proof! { lemma_leaf::<P, E>(pool, d, i as int, w, leaf); }
            proof_with! { Tracked(&mut pool), Ghost(first_at(d, i as int)) }
            let_go::<P>(leaf);
        }
        proof! { lemma_next::<P, E>(before, pool, d, i as int, w); }
        i += 1;
    }
    proof! { lemma_empty::<P, E>(pool, d); }
    proof_with! { Tracked(f) }
    free_node::<P, E>(pa);
}
