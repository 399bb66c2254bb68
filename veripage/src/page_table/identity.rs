//! Where a node sits: which table, which level, which pages. Kept in the 16 bytes of its slot, and
//! believed only under the slot's lock.
use crate::paging::PagingLevel;
use crate::Paddr;
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "identity.spec.rs"]
mod ghost;
#[cfg(verus_only)]
#[path = "identity.proof.rs"]
mod lemmas;
#[cfg(verus_only)]
pub use {ghost::*, lemmas::*};

/// Position of a node and the number of its present entries.
#[verus_verify(external_derive)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeMeta {
    /// The root node's frame: it names the table.
    pub root: Paddr,
    /// Level of the node.
    pub level: PagingLevel,
    /// First page that the node covers, of the full 64-bit address.
    pub base: usize,
    /// Number of present entries.
    pub count: usize,
}

/// Index, in its level-`level` node, of the entry that covers page `page`.
#[inline(always)]
#[verus_spec(r =>
    requires 1 <= level <= 5,
    ensures
        r < 512,
        forall|p: NodeInfo| info_ok(p) && p.level == level && p.base <= page < p.base + span(p.level)
            ==> #[trigger] idx(p, page as int) == r,
)]
pub fn index_of(page: usize, level: PagingLevel) -> usize {
    proof! {
        lemma_shr(page, level);
        let q = page as int / es(level as int);
        assert forall|p: NodeInfo| info_ok(p) && p.level == level && p.base <= page < p.base + span(p.level)
            implies #[trigger] idx(p, page as int) == q % 512 by {
            lemma_slots(p.level, p.base, page as int);
        }
    }
    (page >> (9 * (level as usize - 1))) % 512
}

/// Pages that a level-`level` node covers up to its entry `i`.
#[inline(always)]
#[verus_spec(r =>
    requires 1 <= level <= 5, i <= 512,
    ensures r == off(level as int, i as int), r <= span(level as int),
)]
pub fn pages_before(level: PagingLevel, i: usize) -> usize {
    proof! {
        lemma_shl(i, level);
    }
    i << (9 * (level as usize - 1))
}
