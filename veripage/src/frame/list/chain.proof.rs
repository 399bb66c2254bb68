//! A chain stays one when a frame comes or goes.
use super::*;

verus! {

use super::super::once;

/// Moving the cursor changes nothing else.
pub(in super::super) proof fn lemma_moved<P: Platform, M>(a: ChainGhost<P>, b: ChainGhost<P>, name: int)
    requires
        a.linked::<M>(name),
        b == (ChainGhost { pos: b.pos, ..a }),
        0 <= b.pos <= a.order.len(),
    ensures
        b.linked::<M>(name),
        b.items::<M>() =~= a.items::<M>(),
{
    assert forall|k: int| 0 <= k < b.order.len() implies #[trigger] b.node_ok::<M>(k, name) by {
        assert(a.node_ok::<M>(k, name));
    }
}

impl<P: Platform, M: FrameMeta> Chain<P, M> {
    /// A frame is in the chain if its address is among the items.
    pub(in super::super) proof fn lemma_holds(self, pa: Paddr)
        requires
            self.wf(),
        ensures
            self.order().contains(pa as int) <==> exists|k: int| 0 <= k < self@.len() && #[trigger] self@[k].0 == pa,
            once(self@),
    {
        let g = self.g@;
        assert forall|k: int| 0 <= k < self@.len() implies g.order[k] == #[trigger] self@[k].0 by {
            assert(g.node_ok::<M>(k, self.name as int));
        }
        if self.order().contains(pa as int) {
            let k = choose|k: int| 0 <= k < self.order().len() && self.order()[k] == pa;
            assert(self@[k].0 == pa);
        }
    }
}

impl<P: Platform> ChainGhost<P> {
    /// Frames are fewer than frame numbers.
    pub(super) proof fn lemma_len<M>(self, name: int)
        requires
            self.linked::<M>(name),
        ensures
            self.order.len() <= 0x1000_0000_0000,
    {
        let (all, ours) = (vstd::set_lib::set_int_range(0, 0x1000_0000_0000), self.order.to_set());
        assert forall|x: int| ours.contains(x) implies all.contains(x) by {
            let k = choose|k: int| 0 <= k < self.order.len() && self.order[k] == x;
            assert(self.node_ok::<M>(k, name));
        }
        vstd::set_lib::lemma_int_range(0, 0x1000_0000_0000);
        vstd::set_lib::lemma_len_subset(ours, all);
        self.order.unique_seq_to_set();
    }

    /// Other metadata at position `i` changes nothing else.
    pub(super) proof fn lemma_changed<M>(self, i: int, name: int)
        requires
            self.linked::<M>(name),
            0 <= i < self.order.len(),
        ensures
            forall|f: Listed<P>, b: Self| {
                &&& b.frames == #[trigger] self.frames.insert(self.order[i], f)
                &&& b.order == self.order && b.pos == self.pos
                &&& same_links::<P, M>(self.at(i), f)
            } ==> #[trigger] b.linked::<M>(name) && b.items::<M>() =~= self.items::<M>().update(
                i, (self.order[i] as usize, link_of::<P, M>(f).meta)),
    {
        assert forall|f: Listed<P>, b: Self| {
            &&& b.frames == #[trigger] self.frames.insert(self.order[i], f)
            &&& b.order == self.order && b.pos == self.pos
            &&& same_links::<P, M>(self.at(i), f)
        } implies #[trigger] b.linked::<M>(name) && b.items::<M>() =~= self.items::<M>().update(
            i, (self.order[i] as usize, link_of::<P, M>(f).meta)) by {
            assert(self.node_ok::<M>(i, name));
            assert forall|k: int| 0 <= k < b.order.len() implies #[trigger] b.node_ok::<M>(k, name) by {
                assert(self.node_ok::<M>(k, name));
            }
        }
    }

    /// The chain `self` with the frame at `pa` before position `i` is `b`.
    pub(super) proof fn lemma_insert<M>(self, b: Self, i: int, pa: int, name: int)
        requires
            self.linked::<M>(name),
            0 <= i <= self.order.len(),
            !self.frames.dom().contains(pa),
            b.order == self.order.insert(i, pa),
            b.frames.dom() =~= self.frames.dom().insert(pa),
            b.pos == i + 1,
            frame_ok::<P, M>(b.frames[pa], pa, name),
            link_of::<P, M>(b.frames[pa]).prev == self.num(i - 1),
            link_of::<P, M>(b.frames[pa]).next == self.num(i),
            forall|k: int| 0 <= k < self.order.len() ==> {
                let f = #[trigger] self.at(k);
                kept::<P, M>(f, b.frames[self.order[k]],
                    if k == i { pa / 4096 } else { self.num(k - 1) },
                    if k == i - 1 { pa / 4096 } else { self.num(k + 1) })
            },
        ensures
            b.linked::<M>(name),
            b.items::<M>() =~= self.items::<M>().insert(i, (pa as usize, link_of::<P, M>(b.frames[pa]).meta)),
            b.num(0) == if i == 0 { pa / 4096 } else { self.num(0) },
            b.num(b.order.len() - 1) == if i == self.order.len() { pa / 4096 } else { self.num(self.order.len() - 1) },
            b.num(i + 1) == self.num(i),
    {
        let a = self;
        assert forall|k: int| 0 <= k < b.order.len() implies #[trigger] b.node_ok::<M>(k, name) by {
            if k == i {
            } else {
                let j = if k < i { k } else { k - 1 };
                assert(a.node_ok::<M>(j, name));
                let f = a.at(j);
                assert(b.order[k] == a.order[j]);
            }
        }
        assert forall|x: int, y: int| 0 <= x < y < b.order.len() implies b.order[x] != b.order[y] by {
            let p = if x < i { x } else { x - 1 };
            let q = if y < i { y } else { y - 1 };
            if x != i {
                assert(a.node_ok::<M>(p, name));
            }
            if y != i {
                assert(a.node_ok::<M>(q, name));
            }
        }
        assert forall|x: int| #[trigger] b.frames.dom().contains(x) implies b.order.contains(x) by {
            if x == pa {
                assert(b.order[i] == pa);
            } else {
                assert(a.order.contains(x));
                let k = choose|k: int| 0 <= k < a.order.len() && a.order[k] == x;
                assert(b.order[if k < i { k } else { k + 1 }] == x);
            }
        }
        assert forall|k: int| 0 <= k < a.order.len() implies
            link_of::<P, M>(#[trigger] a.at(k)).meta == link_of::<P, M>(b.frames[a.order[k]]).meta by {}
        assert(b.items::<M>() =~= a.items::<M>().insert(i, (pa as usize, link_of::<P, M>(b.frames[pa]).meta)));
    }

    /// The chain `self` without the frame at position `i` is `b`.
    pub(super) proof fn lemma_remove<M>(self, b: Self, i: int, name: int)
        requires
            self.linked::<M>(name),
            0 <= i < self.order.len(),
            b.order == self.order.remove(i),
            b.frames.dom() =~= self.frames.dom().remove(self.order[i]),
            b.pos == i,
            forall|k: int| 0 <= k < self.order.len() && k != i ==> {
                let f = #[trigger] self.at(k);
                kept::<P, M>(f, b.frames[self.order[k]],
                    if k == i + 1 { self.num(i - 1) } else { self.num(k - 1) },
                    if k == i - 1 { self.num(i + 1) } else { self.num(k + 1) })
            },
        ensures
            b.linked::<M>(name),
            b.items::<M>() =~= self.items::<M>().remove(i),
            b.num(0) == if i == 0 { self.num(1) } else { self.num(0) },
            b.num(b.order.len() - 1) == if i == self.order.len() - 1 { self.num(i - 1) } else { self.num(self.order.len() - 1) },
            b.num(i) == self.num(i + 1),
    {
        let a = self;
        let pa = a.order[i];
        assert forall|k: int| 0 <= k < b.order.len() implies #[trigger] b.node_ok::<M>(k, name) by {
            let j = if k < i { k } else { k + 1 };
            assert(a.node_ok::<M>(j, name));
            let f = a.at(j);
            assert(b.order[k] == a.order[j]);
            assert(a.order[j] != pa);
        }
        assert forall|x: int| #[trigger] b.frames.dom().contains(x) implies b.order.contains(x) by {
            assert(a.order.contains(x));
            let k = choose|k: int| 0 <= k < a.order.len() && a.order[k] == x;
            assert(b.order[if k < i { k } else { k - 1 }] == x);
        }
        assert forall|k: int| 0 <= k < a.order.len() && k != i implies
            link_of::<P, M>(#[trigger] a.at(k)).meta == link_of::<P, M>(b.frames[a.order[k]]).meta by {}
        assert(b.items::<M>() =~= a.items::<M>().remove(i));
    }
}

} // verus!
