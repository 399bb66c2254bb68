//! Where a node sits: which table, which level, which pages. Kept in the 16 bytes of its slot, and
//! believed only under the slot's lock.
use crate::paging::PagingLevel;
use crate::{Paddr, Platform};
use veripage_hw::node_meta;
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
///
/// ```text
/// first word:   base page (a multiple of 512) | level (below 512)
/// second word:  root frame (a multiple of 4096) | present entries (0 to 512)
/// ```
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

/// Reads a node's metadata.
#[inline(always)]
#[verus_spec(r =>
    with Tracked(m): Tracked<&node_meta::NodeMetaPerm<P>>, Ghost(p): Ghost<NodeInfo>, Ghost(n): Ghost<int>
    requires m.paddr() == pa, says(m@, p, n), 0 <= n <= 512, info_ok(p), p.root % 4096 == 0,
    ensures r.root == p.root, r.level == p.level, r.base == p.base, r.count == n,
)]
pub fn read_meta<P: Platform>(pa: Paddr) -> NodeMeta {
    proof_with!(Tracked(m));
    let a = node_meta::meta_first::<P>(pa);
    proof_with!(Tracked(m));
    let b = node_meta::meta_second::<P>(pa);
    proof! {
        assert(p.base % 512 == 0);
    }
    NodeMeta {
        root: (b - b % 4096) as usize,
        level: (a % 512) as PagingLevel,
        base: (a - a % 512) as usize,
        count: (b % 4096) as usize,
    }
}

/// Writes a node's metadata.
#[inline(always)]
#[verus_spec(
    with Tracked(m): Tracked<&mut node_meta::NodeMetaPerm<P>>
    requires old(m).paddr() == pa, v.count <= 512, v.root <= usize::MAX - 512, v.base <= usize::MAX - 255,
    ensures final(m).paddr() == pa, final(m)@.0 == v.base + v.level, final(m)@.1 == v.root + v.count,
)]
pub fn write_meta<P: Platform>(pa: Paddr, v: NodeMeta) {
    proof_with!(Tracked(&mut *m));
    node_meta::meta_set_first::<P>(pa, v.base as u64 + v.level as u64);
    proof_with!(Tracked(&mut *m));
    node_meta::meta_set_second::<P>(pa, v.root as u64 + v.count as u64);
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
