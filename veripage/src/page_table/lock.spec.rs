//! What a slot's lock owns, and the invariants that exist from the machine's start.
use super::super::identity::*;
use super::super::node_frame::NodeFrame;
use super::super::shares::{gets, Shares};
use crate::paging::geometry::slot;
use crate::Platform;
use veripage_hw::genesis::{world, Genesis, Seeds};
use veripage_hw::lock::{has_slot, LivePerm, LockPerm};
use vstd::invariant::{AtomicInvariant, InvariantPredicate};
use vstd::prelude::*;
use vstd::resource::frac::FracGhost;
use vstd::resource::map::{GhostMapAuth, GhostSubmap};
use vstd::resource::Loc;

verus! {

/// Half (or all) of the knowledge of where a slot's node sits.
pub type Tok = FracGhost<NodeInfo>;

/// Rights to decide; each says which table it is of.
pub type Rights = GhostSubmap<Key, TableInfo>;

pub type RightsAuth = GhostMapAuth<Key, TableInfo>;

/// Names of the ghost state that all slots share.
pub ghost struct Ids {
    /// The identity of each slot, by frame.
    pub toks: Map<int, Loc>,
    pub rights: Loc,
}

/// The memory and the facts of a live node.
#[verifier::reject_recursive_types(P)]
pub tracked struct NodeRes<P: Platform> {
    pub frame: NodeFrame<P>,
    pub rights: Rights,
    /// By entry: half of the identity of the child there.
    pub links: Map<int, Tok>,
}

/// What a slot's lock owns.
#[verifier::reject_recursive_types(P)]
pub tracked struct SlotRes<P: Platform> {
    pub live: LivePerm<P>,
    /// Half of the slot's identity while the frame is a node, else all of it.
    pub tok: Tok,
    /// The rights of the table that the frame might become the root of.
    pub spare: Rights,
    pub node: Option<NodeRes<P>>,
}

/// `t` is half of the identity of the node at frame `c`, which sits at `ci`.
pub open spec fn link_ok<P: Platform>(g: Ids, c: int, t: Tok, ci: NodeInfo) -> bool {
    &&& has_slot::<P>(c)
    &&& t.id() == g.toks[c]
    &&& t.frac() == 1real / 2real
    &&& t@ == ci
}

/// The child at entry `i` of a node with these words.
pub open spec fn child_at(p: NodeInfo, words: Seq<u64>, i: int) -> int {
    child_of(p.table.fmt, p.level, words[i])->0
}

impl<P: Platform> NodeRes<P> {
    pub open spec fn words(self) -> Seq<u64> {
        self.frame.words()
    }

    /// The number of present entries that the slot says.
    pub open spec fn count(self, p: NodeInfo) -> int {
        self.frame.meta().1 - p.root
    }

    /// All but that the count is right.
    pub open spec fn core(self, g: Ids, pa: int, p: NodeInfo) -> bool {
        &&& info_ok(p) && has_slot::<P>(p.root)
        &&& p.level == p.table.top <==> p.root == pa
        &&& self.frame.wf(pa)
        &&& says(self.frame.meta(), p, self.count(p)) && 0 <= self.count(p) <= 512
        &&& self.rights.id() == g.rights
        &&& self.rights@.dom() =~= region(p, self.words())
        &&& forall|k: Key| #[trigger] self.rights@.dom().contains(k) ==> self.rights@[k] == p.table
        &&& forall|i: int| #[trigger] self.links.dom().contains(i) <==> linked(p, self.words(), i)
        &&& forall|i: int| #[trigger] self.links.dom().contains(i) ==> link_ok::<P>(
            g,
            child_at(p, self.words(), i),
            self.links[i],
            child_info(p, i),
        )
    }
}

/// All but that the count is right. The root of a table that is being taken apart has its name back, and then its
/// pins may go.
pub open spec fn slot_core<P: Platform>(g: Ids, pa: int, s: SlotRes<P>) -> bool {
    &&& has_slot::<P>(pa)
    &&& s.live.paddr() == pa
    &&& s.tok.id() == g.toks[pa]
    &&& s.spare.id() == g.rights
    &&& match s.node {
        None => {
            &&& s.live.value() == 0
            &&& s.tok.frac() == 1real && s.tok@.level == 0
            &&& s.spare@.dom() =~= full(pa)
        },
        Some(n) => {
            &&& s.live.value() == 1
            &&& s.tok.frac() == 1real / 2real
            &&& n.core(g, pa, s.tok@)
            &&& if s.tok@.root == pa {
                s.spare@.dom() =~= rest(s.tok@) && pinned(s.tok@, n.words()) || s.spare@.dom() =~= rest(s.tok@).insert(handle_key(pa))
            } else {
                s.spare@.dom() =~= full(pa)
            }
        },
    }
}

/// The count of a live node is right.
pub open spec fn counted<P: Platform>(s: SlotRes<P>) -> bool {
    s.node matches Some(n) ==> n.count(s.tok@) == present_count(s.tok@.table.fmt, n.words(), 512)
}

/// `m` is what the pages below node `p` hold by the node's own words.
pub open spec fn stock<P: Platform>(m: Shares<P>, p: NodeInfo, words: Seq<u64>) -> bool {
    &&& forall|v: int| slot(p.level + 1, v) == prefix(p) ==> #[trigger] gets(m, v, frame_of(p, words, v))
    &&& forall|v: int| #[trigger] m.dom().contains(v) ==> slot(p.level + 1, v) == prefix(p)
}

/// `m` is what a slot's node holds; nothing, if the frame is no node.
pub open spec fn slot_stock<P: Platform>(m: Shares<P>, s: SlotRes<P>) -> bool {
    match s.node {
        None => m.dom() =~= Set::empty(),
        Some(n) => stock(m, s.tok@, n.words()),
    }
}

/// What is true of a slot that nobody has locked, but for its shares.
pub open spec fn slot_ok<P: Platform>(pa: int, s: SlotRes<P>) -> bool {
    slot_core::<P>(ids::<P>(), pa, s) && counted(s)
}

/// What a lock gives to whoever takes it: the slot, and beside it the shares of the frames that its node maps.
pub type Locked<P> = (SlotRes<P>, Shares<P>);

/// What is true of a slot that nobody has locked.
pub open spec fn locked_ok<P: Platform>(pa: int, s: Locked<P>) -> bool {
    slot_ok::<P>(pa, s.0) && slot_stock(s.1, s.0)
}

/// Which lock, and the shared names.
pub ghost struct LockKey {
    pub pa: int,
    pub ids: Ids,
}

/// The lock's byte says whether its content is at home.
pub ghost struct LockPred {}

impl<P: Platform> InvariantPredicate<LockKey, (LockPerm<P>, Option<Locked<P>>)> for LockPred {
    open spec fn inv(k: LockKey, v: (LockPerm<P>, Option<Locked<P>>)) -> bool {
        &&& v.0.paddr() == k.pa
        &&& v.0.value() == 0 || v.0.value() == 1
        &&& v.0.value() == 0 <==> v.1 is Some
        &&& v.1 matches Some(s) ==> slot_core::<P>(k.ids, k.pa, s.0) && counted(s.0) && slot_stock(s.1, s.0)
    }
}

/// All rights of one root are of one table.
pub ghost struct RightsPred {}

impl InvariantPredicate<Loc, RightsAuth> for RightsPred {
    open spec fn inv(k: Loc, a: RightsAuth) -> bool {
        &&& a.id() == k
        &&& forall|x: Key, y: Key| #[trigger] a@.dom().contains(x) && #[trigger] a@.dom().contains(y) && x.0 == y.0
            ==> a@[x] == a@[y]
        &&& forall|x: Key| #[trigger] a@.dom().contains(x) ==> full(x.0).contains(x)
    }
}

pub type LockInv<P> = AtomicInvariant<LockKey, (LockPerm<P>, Option<Locked<P>>), LockPred>;

pub type RightsInv = AtomicInvariant<Loc, RightsAuth, RightsPred>;

/// The invariants of all slots.
#[verifier::reject_recursive_types(P)]
pub tracked struct World<P: Platform> {
    pub locks: Map<int, LockInv<P>>,
    pub rights: RightsInv,
    pub ghost ids: Ids,
}

/// The shared names of platform `P`.
pub open spec fn ids<P: Platform>() -> Ids {
    world::<P, World<P>>().ids
}

impl<P: Platform> World<P> {
    pub open spec fn ok(self) -> bool {
        &&& self.rights.constant() == self.ids.rights
        &&& forall|pa: int| #[trigger] has_slot::<P>(pa) ==> {
            &&& self.locks.dom().contains(pa)
            &&& self.locks[pa].constant() == (LockKey { pa, ids: self.ids })
        }
    }
}

} // verus!
