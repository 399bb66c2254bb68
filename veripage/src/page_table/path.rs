//! A position in the owned part of a table, and the steps that everything else is made of.
//!
//! A [`Path`] stands at a page, at a level; it knows the nodes from the top of the owned part down to
//! there. It may read and write the words of nodes that its owner holds, nothing else; the permission
//! for that, [`Owner`], travels as a ghost argument. Words are read exactly but for the accessed and
//! dirty bits, which the MMU sets when it likes.
use super::geom::*;
#[cfg(verus_only)]
use super::model::*;
use super::node;
#[cfg(verus_only)]
use super::node::NodePerm;
use super::word::*;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform, Vaddr};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "path.spec.rs"]
pub(crate) mod spec;
#[cfg(verus_only)]
use spec::*;

/// A position in a page table together with the nodes on the way to it.
#[verus_verify(reject_recursive_types(P), reject_recursive_types(E))]
pub(crate) struct Path<P: Platform, E: PageTableEntryTrait> {
    /// `nodes[l - 1]` is the address of the level-`l` node, for `level <= l <= top`.
    pub(crate) nodes: [Paddr; 5],
    pub(crate) level: PagingLevel,
    /// Level of the node that covers the whole range.
    pub(crate) top: PagingLevel,
    /// Words of nodes at this level and above never lose their child table.
    pub(crate) keep: PagingLevel,
    /// Current page.
    pub(crate) page: usize,
    /// First page of the range.
    pub(crate) start: usize,
    /// First page after the range.
    pub(crate) end: usize,
    pub(crate) kind: core::marker::PhantomData<(P, E)>,
}

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// A position at `start` of the subtree whose root is the level-`top` node at `root`.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&Owner<P, E>>
        requires
            own.wf(), top == own.top, root == own.root_pa(), start < end <= NR_PAGES,
            forall|v: int| start <= v < end ==> #[trigger] own.mine.contains(v),
        ensures
            ret.inv(*own), ret.page == start, ret.start == start, ret.end == end, ret.top == top, ret.keep == keep,
    )]
    pub(crate) fn new(
        root: Paddr,
        top: PagingLevel,
        start: usize,
        end: usize,
        keep: PagingLevel,
    ) -> Self {
        let mut nodes = [0; 5];
        nodes[top as usize - 1] = root;
        let c = Path {
            nodes,
            level: top,
            top,
            keep,
            page: start,
            start,
            end,
            kind: core::marker::PhantomData,
        };
        proof! {
            assert(own.mine.contains(c.v()));
            top_node::<P, E>(*own, c.v());
        }
        c
    }

    /// Address of the current page; 2^64 is 0.
    #[inline(always)]
    #[verus_spec(ret => requires self.page < NR_PAGES, ensures ret == self.page * 4096)]
    pub(crate) fn va(&self) -> Vaddr {
        self.page * 4096
    }

    /// The current node.
    #[inline(always)]
    #[verus_spec(ret => requires 1 <= self.level <= 5, ensures ret == self.nodes[self.level - 1])]
    pub(crate) fn node(&self) -> Paddr {
        self.nodes[self.level as usize - 1]
    }

    /// The word at the current position.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&Owner<P, E>>
        requires self.inv(*own), self.page < self.end,
        ensures self.reads(*own, ret),
    )]
    pub(crate) fn load(&self) -> u64 {
        proof! { here::<P, E>(self, *own); }
        proof_decl! {
            let tracked p = own.nodes.tracked_borrow(key(self.level as int, self.v()));
        }
        let (pa, i) = (self.node(), index_of(self.page, self.level));
        proof_with!(Tracked(p));
        let w = node::load::<P, E>(pa, i).as_usize() as u64;
        proof! { lemma_like::<E>(self.level as int, self.word(*own), w); }
        w
    }

    /// Descends into the child table that the current word `w` points to.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&Owner<P, E>>
        requires
            old(self).inv(*own), old(self).page < old(self).end,
            old(self).reads(*own, w), is_table::<E>(old(self).level as int, w),
        ensures
            final(self).inv(*own), final(self).same_bounds(old(self)),
            final(self).page == old(self).page, final(self).level == old(self).level - 1,
    )]
    pub(crate) fn push(&mut self, w: u64) {
        proof! { here::<P, E>(self, *own); }
        let child = word_paddr::<E>(w, self.level);
        self.level -= 1;
        self.nodes[self.level as usize - 1] = child;
        proof! {
            assert forall|l: int| self.level <= l <= self.top implies #[trigger] self.holds(*own, l) by {
                if l > self.level { assert(old(self).holds(*own, l)); }
            }
        }
    }

    /// Moves to `page`, climbing only as far as needed.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&Owner<P, E>>
        requires old(self).inv(*own), old(self).start <= page <= old(self).end,
        ensures
            final(self).inv(*own), final(self).same_bounds(old(self)), final(self).page == page,
            final(self).level >= old(self).level,
    )]
    pub(crate) fn jump(&mut self, page: usize) {
        if page == self.end {
            self.level = self.top;
        }
        #[cfg_attr(verus_only, verus_spec(
            invariant
                old(self).level <= self.level <= self.top <= 5, 1 <= self.level, self.same_bounds(old(self)),
                self.page == old(self).page, self.nodes == old(self).nodes, page == self.end ==> self.level == self.top,
            ensures
                self.level == self.top || slot(self.level + 1, page as int) == slot(self.level + 1, self.v()),
            decreases self.top - self.level,
        ))]
        while self.level < self.top && !same_slot(page, self.page, self.level + 1) {
            self.level += 1;
        }
        proof_decl! {
            let ghost v = self.v();
        }
        self.page = page;
        proof! {
            assert forall|l: int| self.level <= l <= self.top && page < self.end implies #[trigger] self.holds(*own, l) by {
                assert(own.mine.contains(self.v()));
                top_node::<P, E>(*own, self.v());
                if !old(self).at_end() {
                    here::<P, E>(old(self), *own);
                    top_node::<P, E>(*own, v);
                    assert(old(self).holds(*own, l));
                    if self.level < self.top { slot_eq_up(self.level as int + 1, l + 1, v, self.v()); }
                }
            }
        }
    }

    /// Climbs to `level`.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&Owner<P, E>>
        requires old(self).inv(*own), old(self).page < old(self).end, level <= old(self).top,
        ensures
            final(self).inv(*own), final(self).same_bounds(old(self)), final(self).page == old(self).page,
            final(self).level == if old(self).level < level { level } else { old(self).level },
    )]
    pub(crate) fn climb(&mut self, level: PagingLevel) {
        if self.level < level {
            self.level = level;
            proof! {
                assert forall|l: int| self.level <= l <= self.top implies #[trigger] self.holds(*own, l) by {
                    assert(old(self).holds(*own, l));
                }
            }
        }
    }

    /// First page after the current slot, or `to` if that comes first.
    #[inline(always)]
    #[verus_spec(ret =>
        requires 1 <= self.level <= 5, self.page < to <= NR_PAGES,
        ensures
            self.page < ret <= to,
            ret == if first(self.level as int, self.v()) + span(self.level as int) < to { first(self.level as int, self.v()) + span(self.level as int) } else { to as int },
            forall|x: int| self.page <= x < ret ==> #[trigger] slot(self.level as int, x) == self.cur_slot(),
    )]
    pub(crate) fn next(&self, to: usize) -> usize {
        let base = first_of(self.page, self.level);
        let size = span_of(self.level);
        proof! {
            slot_bounds(self.level as int, self.v());
            assert forall|x: int| self.page <= x < base + size implies #[trigger] slot(self.level as int, x) == self.cur_slot() by {
                slot_iff(self.level as int, x, self.cur_slot());
            }
        }
        if to - base <= size {
            to
        } else {
            base + size
        }
    }

    /// Does the current slot start here and end at `to` or before?
    #[inline(always)]
    #[verus_spec(ret =>
        requires 1 <= self.level <= 5, self.page < to <= NR_PAGES,
        ensures ret == (first(self.level as int, self.v()) == self.v() && self.v() + span(self.level as int) <= to),
    )]
    pub(crate) fn fits(&self, to: usize) -> bool {
        first_of(self.page, self.level) == self.page && span_of(self.level) <= to - self.page
    }
}
