//! Pages that have left their table, and how the shares of their frames are given up.
use super::geom::span_of;
use super::leaf::Leaf;
#[cfg(verus_only)]
use super::shares::Shares;
use crate::frame::shared::*;
use crate::paging::PageFlags;
use crate::Platform;
use core::marker::PhantomData;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "loose.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// A page that no table names any more, with its shares: one of each of its frames if they are counted, else none.
///
/// Dropping one leaks them.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
pub(crate) struct LoosePage<P: Platform> {
    leaf: Leaf,
    marker: PhantomData<P>,
    #[cfg(verus_keep_ghost_body)]
    load: Tracked<Load<P>>,
}

#[verus_verify]
impl<P: Platform> LoosePage<P> {
    /// The page `leaf`, of which the caller has the shares.
    #[inline(always)]
    #[verus_spec(r =>
        with Ghost(at): Ghost<int>, Tracked(shares): Tracked<Shares<P>>
        requires held_by(shares, at, raw_of(leaf)),
        ensures r.leaf() == leaf,
    )]
    pub(crate) fn new(leaf: Leaf) -> Self {
        proof_with! { load: Tracked(Load { at, shares }) }
        LoosePage {
            leaf,
            marker: PhantomData,
        }
    }

    /// Takes it apart.
    #[inline(always)]
    #[verus_spec(r =>
        with -> load: Tracked<Load<P>>
        ensures r == self.leaf(), load@.of(r),
    )]
    pub(crate) fn into_leaf(self) -> Leaf {
        proof! { use_type_invariant(&self); }
        proof_decl! { let tracked load = self.load.get(); }
        proof_with! { |= Tracked(load) }
        self.leaf
    }
}

/// Gives up the shares of a page that no table names and no CPU translates to any more; `at` is the number that the
/// first of them has in the pool.
#[verus_spec(
    with Tracked(pool): Tracked<&mut Shares<P>>, Ghost(at): Ghost<int>
    requires lent(*old(pool), at, raw_of(leaf)),
    ensures *final(pool) == old(pool).remove_keys(numbers(at, leaf)),
)]
pub(crate) fn let_go<P: Platform>(leaf: Leaf) {
    proof! { lemma_flag(leaf.prop.flags.bits); }
    if leaf.prop.flags.contains(PageFlags::AVAIL1) {
        proof! { assert(*pool =~= old(pool).remove_keys(numbers(at, leaf))); }
        return;
    }
    let n = span_of(leaf.level);
    let mut i = 0;
    #[cfg_attr(verus_only, verus_spec(
        invariant
            i <= n, n == span(leaf.level as int), counted(leaf.prop), 1 <= leaf.level <= 5,
            lent(*old(pool), at, raw_of(leaf)),
            *pool =~= old(pool).remove_keys(Set::new(|v: int| at <= v < at + i)),
        decreases n - i,
    ))]
    while i < n {
        proof! {
            assert(old(pool).dom().contains(at + i));
            assert(pool.dom().contains(at + i));
        }
        proof_decl! { let tracked share = pool.tracked_remove(at + i); }
        proof! {
            assert(share_of(share, leaf.pa + i * 4096));
        }
        proof_with! { Tracked(share) }
        release_share::<P>(leaf.pa + i * 4096);
        i += 1;
    }
    proof! {
        assert(*pool =~= old(pool).remove_keys(numbers(at, leaf)));
    }
}
