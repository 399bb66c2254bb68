//! What the owner of a locked node knows.
use super::super::shares::{gets, holds, said, stocked, word_counts, Shares};
use super::*;
use crate::paging::geometry::slot;
use crate::paging::{PageProperty, PageTableEntryTrait};
use core::marker::PhantomData;
use veripage_hw::lock::has_slot;

verus! {

/// A locked node.
pub ghost struct NodeState {
    pub paddr: usize,
    /// Its 512 words as they were last written.
    pub words: Seq<u64>,
    /// The number of present entries that its slot says.
    pub count: int,
    /// Frame of the table's root.
    pub root: int,
    pub level: int,
    /// First page.
    pub base: int,
    /// Its number among the nodes of its level, counted from address 0.
    pub prefix: int,
    pub table: TableInfo,
}

impl NodeState {
    /// Where it sits.
    pub open spec fn info(self) -> NodeInfo {
        NodeInfo { root: self.root, level: self.level, base: self.base, table: self.table }
    }

    /// Entry `i` is the table's own.
    pub open spec fn own(self, i: int) -> bool {
        own(self.info(), i)
    }

    /// Entry `i` keeps its child as long as the table lives.
    pub open spec fn pins(self, i: int) -> bool {
        self.level == self.table.top && self.table.pins.dom().contains(i)
    }
}

/// What is true of every locked node.
pub open spec fn state_ok(s: NodeState) -> bool {
    &&& s.words.len() == 512
    &&& info_ok(s.info())
    &&& s.prefix == prefix(s.info())
    &&& 0 <= s.count <= 512
    &&& s.paddr % 4096 == 0
    &&& s.level == s.table.top <==> s.paddr == s.root
}

/// The exclusive right to one locked live node, its words, and its part of the table.
#[verifier::reject_recursive_types(P)]
pub tracked struct NodePerm<P: Platform, E: PageTableEntryTrait> {
    pub res: SlotRes<P>,
    pub ghost fmt: PhantomData<E>,
}

impl<P: Platform, E: PageTableEntryTrait> NodePerm<P, E> {
    pub open(super) spec fn node(self) -> NodeRes<P> {
        self.res.node->0
    }

    pub open(super) spec fn info(self) -> NodeInfo {
        self.res.tok@
    }

    pub open(super) spec fn view(self) -> NodeState {
        NodeState {
            paddr: self.res.live.paddr() as usize,
            words: self.node().words(),
            count: self.node().count(self.info()),
            root: self.info().root,
            level: self.info().level,
            base: self.info().base,
            prefix: prefix(self.info()),
            table: self.info().table,
        }
    }

    /// A live node of a table of format `E`; the count may be wrong for the moment.
    pub open(super) spec fn inv(self) -> bool {
        &&& slot_core::<P>(ids::<P>(), self.res.live.paddr(), self.res)
        &&& self.res.node is Some
        &&& self.info().table.fmt == fmt::<E>()
    }

    /// And the count is right: such a node can be unlocked.
    pub open(super) spec fn wf(self) -> bool {
        self.inv() && counted(self.res)
    }

    /// The root of a table that is being taken apart.
    pub open(super) spec fn closing(self) -> bool {
        self.res.spare@.dom().contains(handle_key(self.info().root))
    }

    /// `wf` is more than `inv`.
    pub proof fn lemma_wf(self)
        requires
            self.wf(),
        ensures
            self.inv(),
    {
    }

    /// What `inv` and `wf` imply.
    pub proof fn lemma_state(tracked &self)
        requires
            self.inv(),
        ensures
            state_ok(self@),
            self@.table.fmt == fmt::<E>(),
            has_slot::<P>(self@.paddr as int),
            self.wf() <==> self@.count == present_count(fmt::<E>(), self@.words, 512),
    {
        self.res.node.tracked_borrow().frame.lemma_wf(self.res.live.paddr());
    }

    /// What the lock keeps for the node is what the node's words say.
    pub proof fn lemma_stock(tracked &self, m: Shares<P>)
        requires
            self.inv(),
        ensures
            stock(m, self.info(), self.node().words()) == stocked::<P, E>(m, self@),
    {
        let (p, s) = (self.info(), self@);
        assert forall|v: int| slot(p.level + 1, v) == s.prefix implies #[trigger] gets(m, v, frame_of(p, s.words, v)) == holds(
            m,
            v,
            said::<E>(s, v),
        ) by {
            let i = slot(p.level, v) % 512;
            assert((p.table.fmt.counts)(p.level, s.words[i], v) == word_counts::<E>(p.level, s.words[i], v));
        }
        if stock(m, p, s.words) {
            assert forall|v: int| slot(s.level + 1, v) == s.prefix implies #[trigger] holds(m, v, said::<E>(s, v)) by {
                assert(gets(m, v, frame_of(p, s.words, v)));
            }
        }
        if stocked::<P, E>(m, s) {
            assert forall|v: int| slot(p.level + 1, v) == prefix(p) implies #[trigger] gets(m, v, frame_of(p, s.words, v)) by {
                assert(holds(m, v, said::<E>(s, v)));
            }
        }
    }

    /// No two rights to one node.
    pub proof fn lemma_exclusive(tracked &mut self, tracked other: &Self)
        requires
            old(self).inv(),
            other.inv(),
        ensures
            *final(self) == *old(self),
            old(self)@.paddr != other@.paddr,
    {
        if self@.paddr == other@.paddr {
            lemma_slot_exclusive(self.res.live.paddr(), &mut self.res, &other.res);
        }
    }

    /// No page of a table is decided by two nodes: cursors that coexist own disjoint ranges.
    pub proof fn lemma_page_exclusive(tracked &mut self, tracked other: &Self, v: int)
        requires
            old(self).inv(),
            other.inv(),
            old(self)@.root == other@.root,
            decides(old(self)@, v),
            decides(other@, v),
        ensures
            false,
    {
        let k: Key = (self@.root, v, 0);
        assert(region(self.info(), self@.words).contains(k));
        assert(region(other.info(), other@.words).contains(k));
        let tracked mut n = self.res.node.tracked_take();
        n.rights.disjoint(&other.res.node.tracked_borrow().rights);
    }
}

/// Page `v` is decided by a word of this node: the word links no child of the table.
pub open spec fn decides(s: NodeState, v: int) -> bool {
    &&& s.base <= v < s.base + span(s.level)
    &&& !linked(s.info(), s.words, idx(s.info(), v))
}

/// A child at entry `i`, as seen from its parent.
pub open spec fn is_child(c: NodeState, p: NodeState, i: int) -> bool {
    &&& c.level == p.level - 1 && c.base == p.base + off(p.level, i) && c.prefix == p.prefix * 512 + i
    &&& c.root == p.root && c.table == p.table
}

/// The right to a table: its name, and half of its root's identity.
pub tracked struct RootPerm<E: PageTableEntryTrait> {
    pub tok: Tok,
    pub handle: Rights,
    pub ghost fmt: PhantomData<E>,
}

impl<E: PageTableEntryTrait> RootPerm<E> {
    pub open(super) spec fn wf<P: Platform>(self) -> bool {
        &&& has_slot::<P>(self.paddr())
        &&& self.tok.id() == ids::<P>().toks[self.paddr()] && self.tok.frac() == 1real / 2real
        &&& self.tok@ == root_info(self.paddr(), self.table())
        &&& self.handle.id() == ids::<P>().rights
        &&& self.handle@.dom() =~= set![handle_key(self.paddr())]
        &&& self.handle@[handle_key(self.paddr())] == self.table()
        &&& info_ok(self.tok@)
        &&& self.table().fmt == fmt::<E>()
    }

    /// Frame of the root.
    pub open(super) spec fn paddr(self) -> int {
        self.tok@.root
    }

    pub open(super) spec fn table(self) -> TableInfo {
        self.tok@.table
    }

    /// As long as the table has its name, its root names the children that the table pins.
    pub proof fn lemma_pins<P: Platform>(tracked &self, tracked p: &mut NodePerm<P, E>)
        requires
            self.wf::<P>(),
            old(p).inv(),
            old(p)@.info() == root_info(self.paddr(), self.table()),
        ensures
            final(p)@ == old(p)@,
            final(p).inv(),
            old(p).wf() ==> final(p).wf(),
            pinned(final(p)@.info(), final(p)@.words),
    {
        p.res.spare.disjoint(&self.handle);
        let k = handle_key(self.paddr());
        assert(self.handle@.dom().contains(k));
        assert(p.info() == p@.info());
    }

    pub proof fn lemma_root<P: Platform>(tracked &self)
        requires
            self.wf::<P>(),
        ensures
            has_slot::<P>(self.paddr()),
            table_ok(self.table()),
            self.table().fmt == fmt::<E>(),
    {
    }
}

/// `links` are halves of the identities of the children that a node's words link.
pub open spec fn links_ok<P: Platform>(p: NodeInfo, words: Seq<u64>, links: Map<int, Tok>) -> bool {
    &&& forall|i: int| #[trigger] links.dom().contains(i) <==> linked(p, words, i)
    &&& forall|i: int| #[trigger] links.dom().contains(i) ==> link_ok::<P>(ids::<P>(), child_at(p, words, i), links[i], child_info(p, i))
}

/// `b` is `a` with word `i` replaced.
pub open spec fn put_word(a: NodeState, b: NodeState, i: int, w: u64) -> bool {
    b == (NodeState { words: a.words.update(i, w), ..a })
}

/// The words of a child that maps what a leaf mapped: 512 leaves from `to` on, their accessed and dirty flags aside.
pub open spec fn parts<E: PageTableEntryTrait>(words: Seq<u64>, l: int, to: int, prop: PageProperty, n: int) -> bool {
    forall|j: int| 0 <= j < n ==> {
        &&& E::spec_present(#[trigger] words[j]) && E::spec_last(l, words[j])
        &&& E::spec_paddr(l, words[j]) == to + off(l, j) * 4096
        &&& E::spec_prop(l, words[j]).spec_sans_ad() == prop.spec_sans_ad()
    }
}

/// The words `a` are zero up to `from`, and from there to `to` those of `b`.
pub open spec fn shares<E: PageTableEntryTrait>(a: Seq<u64>, b: Seq<u64>, from: int, to: int) -> bool {
    &&& forall|j: int| 0 <= j < from ==> #[trigger] a[j] == 0
    &&& forall|j: int| from <= j < to ==> E::same_but_ad(b[j], #[trigger] a[j])
}

/// `b` is `a` with another word in entry `i`, and another count.
pub open spec fn linked_word(a: NodeState, b: NodeState, i: int, child: int) -> bool {
    b == (NodeState { words: a.words.update(i, b.words[i]), count: b.count, ..a })
}

} // verus!
