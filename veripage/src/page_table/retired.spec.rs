//! What a list of retired nodes is.
use super::super::model::{meaning, Tr};
use super::super::shares::{holds, Shares};
use super::*;
use crate::paging::geometry::slot;

verus! {

/// A node that left its table, with the words that it had then.
pub ghost struct DeadState {
    pub paddr: int,
    pub words: Seq<u64>,
    pub level: int,
    /// First page.
    pub base: int,
}

/// Its slot still says where it was.
pub open spec fn dead<P: Platform>(f: NodeFrame<P>) -> DeadState {
    let level = f.meta().0 as int % 512;
    DeadState { paddr: f.page@.paddr, words: f.words(), level, base: f.meta().0 - level }
}

/// What a dead node's word says about page `v`.
pub open spec fn dead_says<E: PageTableEntryTrait>(d: DeadState, v: int) -> Tr {
    meaning::<E>(d.level, d.words[slot(d.level, v) % 512], v)
}

/// `m` is what the pages under a dead node hold: one share for each page that one of its leaves maps, if it is counted.
pub open spec fn dead_stocked<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, d: DeadState) -> bool {
    let prefix = slot(d.level + 1, d.base);
    &&& forall|v: int| slot(d.level + 1, v) == prefix ==> #[trigger] holds(m, v, dead_says::<E>(d, v))
    &&& forall|v: int| #[trigger] m.dom().contains(v) ==> slot(d.level + 1, v) == prefix
}

/// The frames of a list and what they hold, by position; the first is the one that came first.
#[verifier::reject_recursive_types(P)]
#[verifier::reject_recursive_types(E)]
pub tracked struct DeadNodes<P: Platform, E: PageTableEntryTrait> {
    pub ghost len: int,
    pub frames: Map<int, NodeFrame<P>>,
    pub shares: Map<int, Shares<P>>,
    pub ghost fmt: PhantomData<E>,
}

pub open spec fn seq_of<P: Platform, E: PageTableEntryTrait>(n: DeadNodes<P, E>) -> Seq<DeadState> {
    Seq::new(n.len as nat, |k: int| dead(n.frames[k]))
}

impl<P: Platform, E: PageTableEntryTrait> DeadNodes<P, E> {
    /// The frame at position `k`, or the end mark below the first.
    pub open spec fn at(self, k: int) -> int {
        if k < 0 { 1 } else { self.frames[k].page@.paddr }
    }

    pub open spec fn node_ok(self, k: int) -> bool {
        &&& self.frames[k].wf(self.at(k))
        &&& self.frames[k].meta().1 == self.at(k - 1)
        &&& 1 <= self.frames[k].meta().0 % 512 <= 5
        &&& dead_stocked::<P, E>(self.shares[k], dead(self.frames[k]))
    }

    pub open spec fn wf(self) -> bool {
        &&& self.len >= 0
        &&& forall|k: int| #[trigger] self.frames.dom().contains(k) <==> 0 <= k < self.len
        &&& forall|k: int| #[trigger] self.shares.dom().contains(k) <==> 0 <= k < self.len
        &&& forall|k: int| 0 <= k < self.len ==> #[trigger] self.node_ok(k)
    }

    /// Adds a node that points at our last one.
    pub proof fn push(tracked &mut self, tracked f: NodeFrame<P>, tracked m: Shares<P>, pa: int)
        requires
            old(self).wf(),
            f.wf(pa),
            f.meta().1 == old(self).at(old(self).len - 1),
            1 <= f.meta().0 % 512 <= 5,
            dead_stocked::<P, E>(m, dead(f)),
        ensures
            final(self).wf(),
            seq_of(*final(self)) =~= seq_of(*old(self)).push(dead(f)),
            final(self).len == old(self).len + 1,
            final(self).at(old(self).len) == pa,
            final(self).at(0) == if old(self).len == 0 { pa } else { old(self).at(0) },
    {
        let a = *self;
        f.lemma_facts(pa);
        self.frames.tracked_insert(self.len, f);
        self.shares.tracked_insert(self.len, m);
        self.len = self.len + 1;
        assert forall|k: int| 0 <= k < self.len implies #[trigger] self.node_ok(k) by {
            if k < a.len {
                assert(a.node_ok(k));
            }
            assert(self.at(k - 1) == a.at(k - 1));
        }
    }

    /// Takes the last node out, with what it holds.
    pub proof fn pop(tracked &mut self) -> (tracked r: (NodeFrame<P>, Shares<P>))
        requires
            old(self).wf(),
            old(self).len > 0,
        ensures
            final(self).wf(),
            seq_of(*final(self)) =~= seq_of(*old(self)).drop_last(),
            final(self).len == old(self).len - 1,
            r.0 == old(self).frames[old(self).len - 1],
            r.0.wf(old(self).at(old(self).len - 1)),
            r.0.meta().1 == final(self).at(final(self).len - 1),
            dead(r.0) == seq_of(*old(self)).last(),
            dead_stocked::<P, E>(r.1, dead(r.0)),
            1 <= r.0.meta().0 % 512 <= 5,
            final(self).len > 0 ==> final(self).at(0) == old(self).at(0),
    {
        let a = *self;
        assert(a.node_ok(a.len - 1));
        let tracked f = self.frames.tracked_remove(self.len - 1);
        let tracked m = self.shares.tracked_remove(self.len - 1);
        self.len = self.len - 1;
        assert forall|k: int| 0 <= k < self.len implies #[trigger] self.node_ok(k) by {
            assert(a.node_ok(k));
            assert(self.at(k - 1) == a.at(k - 1));
        }
        (f, m)
    }

    /// Puts the nodes of `all` behind ours. They are in `more`, but for the first, which points at our
    /// last one now.
    pub proof fn join(tracked &mut self, tracked more: Self, tracked first: NodeFrame<P>, all: Self)
        requires
            old(self).wf(),
            all.wf(),
            all.len > 0,
            more.frames == all.frames.remove(0),
            more.shares == all.shares,
            first.wf(all.at(0)),
            first.page == all.frames[0].page,
            first.meta().0 == all.frames[0].meta().0,
            first.meta().1 == old(self).at(old(self).len - 1),
        ensures
            final(self).wf(),
            final(self).len == old(self).len + all.len,
            seq_of(*final(self)) =~= seq_of(*old(self)) + seq_of(all),
            final(self).at(final(self).len - 1) == all.at(all.len - 1),
            final(self).at(0) == if old(self).len == 0 { all.at(0) } else { old(self).at(0) },
    {
        let (a, n) = (*self, self.len);
        let tracked DeadNodes { len: _, frames, shares, fmt: _ } = more;
        let tracked mut frames = frames;
        frames.tracked_insert(0, first);
        let moves = Map::<int, int>::new(|k: int| n <= k < n + all.len, |k: int| k - n);
        let tracked moved = Map::tracked_map_keys(frames, moves);
        self.frames.tracked_union_prefer_right(moved);
        let tracked moved_shares = Map::tracked_map_keys(shares, moves);
        self.shares.tracked_union_prefer_right(moved_shares);
        self.len = n + all.len;
        let b = *self;
        assert(all.node_ok(0));
        assert forall|k: int| n <= k < n + all.len implies #[trigger] b.frames[k] == if k == n {
            first
        } else {
            all.frames[k - n]
        } by {
            assert(moves.dom().contains(k));
        }
        assert forall|k: int| n <= k < n + all.len implies #[trigger] b.shares[k] == all.shares[k - n] by {
            assert(moves.dom().contains(k));
        }
        assert forall|k: int| 0 <= k < n implies #[trigger] b.frames[k] == a.frames[k] by {}
        assert forall|k: int| 0 <= k < n implies #[trigger] b.shares[k] == a.shares[k] by {}
        assert forall|k: int| n <= k < n + all.len implies #[trigger] b.at(k) == all.at(k - n) by {
            assert(b.frames[k] == if k == n { first } else { all.frames[k - n] });
        }
        assert forall|k: int| 0 <= k < b.len implies #[trigger] b.node_ok(k) by {
            if k < n {
                assert(a.node_ok(k));
                assert(b.at(k - 1) == a.at(k - 1));
            } else if k == n {
                assert(b.at(k - 1) == a.at(k - 1));
            } else {
                assert(all.node_ok(k - n));
                assert(b.at(k - 1) == all.at(k - 1 - n));
            }
        }
        assert forall|k: int| 0 <= k < b.len implies dead(#[trigger] b.frames[k]) == (seq_of(a) + seq_of(all))[k] by {}
    }
}

impl<P: Platform, E: PageTableEntryTrait> Retired<P, E> {
    #[verifier::type_invariant]
    pub open(super) spec fn wf(self) -> bool {
        &&& self.nodes@.wf()
        &&& self.head == self.nodes@.at(self.nodes@.len - 1)
        &&& self.tail == if self.nodes@.len == 0 { 1 } else { self.nodes@.at(0) }
    }

    pub open(super) spec fn view(self) -> Seq<DeadState> {
        seq_of(self.nodes@)
    }

    /// The list ends where it has no nodes.
    pub(super) proof fn lemma_head(self)
        requires
            self.wf(),
        ensures
            self.head == 1 <==> self.nodes@.len == 0,
            self.nodes@.len > 0 ==> self.nodes@.node_ok(0) && self.nodes@.node_ok(self.nodes@.len - 1),
    {
        if self.nodes@.len > 0 {
            let k = self.nodes@.len - 1;
            assert(self.nodes@.node_ok(k));
            assert(self.nodes@.node_ok(0));
            self.nodes@.frames[k].lemma_facts(self.nodes@.at(k));
        }
    }
}

/// Why nodes may be used for other things.
pub ghost enum Freed {
    /// These flushes were carried out, and then the grace period of the stamp has passed.
    Waited { by: Seq<Evidence>, stamp: u64 },
    /// Whoever took the table apart was the only one who had it.
    Alone,
}

impl<P: Platform, E: PageTableEntryTrait> Waiting<P, E> {
    pub open(super) spec fn view(self) -> Seq<DeadState> {
        self.list@
    }

    /// The flushes that the nodes waited for.
    pub open(super) spec fn by(self) -> Seq<Evidence> {
        self.by@
    }

    pub open(super) spec fn stamp(self) -> u64 {
        self.stamp
    }

    #[verifier::type_invariant]
    pub open spec fn wf(self) -> bool {
        all_true(self.by())
    }
}

impl<P: Platform, E: PageTableEntryTrait> Expired<P, E> {
    pub open(super) spec fn view(self) -> Seq<DeadState> {
        self.list@
    }

    pub open(super) spec fn freed_by(self) -> Freed {
        self.freed_by@
    }

    #[verifier::type_invariant]
    pub open spec fn wf(self) -> bool {
        self.freed_by() matches Freed::Waited { by, stamp } ==> all_true(by) && P::grace_over(stamp)
    }
}

} // verus!
