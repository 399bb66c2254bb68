//! What a frame carries so that it can become a page-table node: its identity and the address
//! tokens of the table that it could be the root of. Ghost only.
use vstd::prelude::*;
use vstd::resource::{frac::FracGhost, map::GhostSubmap, Loc};

verus! {

/// Where a node sits: frame of its root, level, address of its first page (in pages from the start
/// of the table), and whether it has been unlinked.
pub ghost struct NodeInfo { pub root: int, pub level: int, pub base: int, pub stray: bool }

/// Half of the identity of a frame: of no node (`None`) or of the node it is.
pub type Tok = FracGhost<Option<NodeInfo>>;
/// What each page `(root frame, page number)` translates to.
pub type VaOwn = GhostSubmap<(int, int), u64>;

/// Names that belong to a frame for ever.
pub ghost struct SeedIds { pub frame: int, pub tok: Loc, pub va: Loc }

/// Pages of the largest table: 5 levels of 512 entries.
pub open spec fn table_pages() -> int { 0x2000_0000_0000 }

/// All pages of the table rooted at `root`.
pub open spec fn all_pages(root: int) -> Set<(int, int)> {
    Set::new(|k: (int, int)| k.0 == root && 0 <= k.1 < table_pages())
}

/// What a frame that is not a node has.
pub tracked struct Seed { pub frame: Ghost<int>, pub tok: Tok, pub va: VaOwn }

impl Seed {
    /// Its names.
    pub open spec fn ids(self) -> SeedIds {
        SeedIds { frame: self.frame@, tok: self.tok.id(), va: self.va.id() }
    }
    /// Half an identity, at `None`, and the pages of a table that maps nothing.
    pub open spec fn wf(self, ids: SeedIds) -> bool {
        &&& self.ids() == ids
        &&& self.tok.frac() == 1real / 2real && self.tok@ is None
        &&& self.va@.dom() =~= all_pages(ids.frame)
        &&& forall|k: (int, int)| #[trigger] self.va@.dom().contains(k) ==> self.va@[k] == 0
    }
}

} // verus!
