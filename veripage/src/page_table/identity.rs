//! Where a node sits: which table, which level, which pages. Kept in the 16 bytes of its slot, and
//! trusted only under the slot's lock.
use crate::paging::PagingLevel;
use crate::{Paddr, Platform};
use veripage_hw::node_meta::{meta_first, meta_second, meta_set_first, meta_set_second};

/// Position of a node and the number of its present entries.
///
/// ```text
/// first word:   base page (a multiple of 512) | level (below 512)
/// second word:  root frame (a multiple of 4096) | present entries (0 to 512)
/// ```
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
pub fn read_meta<P: Platform>(pa: Paddr) -> NodeMeta {
    let (a, b) = (meta_first::<P>(pa), meta_second::<P>(pa));
    NodeMeta {
        root: (b - b % 4096) as usize,
        level: (a % 512) as PagingLevel,
        base: (a - a % 512) as usize,
        count: (b % 4096) as usize,
    }
}

/// Writes a node's metadata.
#[inline(always)]
pub fn write_meta<P: Platform>(pa: Paddr, m: NodeMeta) {
    meta_set_first::<P>(pa, m.base as u64 + m.level as u64);
    meta_set_second::<P>(pa, m.root as u64 + m.count as u64);
}

/// Index, in its level-`level` node, of the entry that covers page `page`.
#[inline(always)]
pub fn index_of(page: usize, level: PagingLevel) -> usize {
    (page >> (9 * (level as usize - 1))) % 512
}

/// Pages that a level-`level` node covers up to its entry `i`.
#[inline(always)]
pub fn pages_before(level: PagingLevel, i: usize) -> usize {
    i << (9 * (level as usize - 1))
}
