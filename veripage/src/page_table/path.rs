//! A position in the owned part of a table, and the steps that everything else is made of.
//!
//! A [`Path`] stands at a page, at a level; it knows the nodes from the top of the owned part down to
//! there. It may read and write the words of nodes that its owner holds, nothing else; the permission
//! for that, [`Owner`], travels as a ghost argument. Words are read exactly but for the accessed and
//! dirty bits, which the MMU sets when it likes.
use super::geom::*;
#[cfg(verus_only)]
use super::identity::loose;
#[cfg(verus_only)]
use super::identity::{self, fmt, lemma_count_update};
#[cfg(verus_only)]
use super::leaves::*;
#[cfg(verus_only)]
use super::model::*;
use super::node;
#[cfg(verus_only)]
use super::node::NodePerm;
use super::word::*;
use super::PageTableError;
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
            own.wf(), top == own.top, root == own.root_pa(), start < end <= NR_PAGES, own.site.from == start, own.site.to == end,
            keep <= own.site.table.top || loose(own.site.table),
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
        let e = node::load::<P, E>(pa, i);
        let w = e.as_usize() as u64;
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
        let child = word_paddr::<E>(w, self.level);
        proof_with!(Tracked(own));
        self.enter(child);
    }

    /// Descends into the child table at `child`.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&Owner<P, E>>
        requires
            old(self).inv(*own), old(self).page < old(self).end, is_table::<E>(old(self).level as int, old(self).word(*own)),
            pte_pa::<E>(old(self).level as int, old(self).word(*own)) == child,
        ensures
            final(self).inv(*own), final(self).same_bounds(old(self)),
            final(self).page == old(self).page, final(self).level == old(self).level - 1,
            final(self).nodes@ == old(self).nodes@.update(old(self).level - 2, child),
    )]
    fn enter(&mut self, child: Paddr) {
        proof! { here::<P, E>(self, *own); }
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

    /// Climbs to the highest slot that starts here and ends at `to` or before: what was looked at before
    /// does not decide whether a table is removed as a whole.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&Owner<P, E>>
        requires old(self).inv(*own), old(self).page <= to <= old(self).end,
        ensures final(self).inv(*own), final(self).same_bounds(old(self)), final(self).page == old(self).page,
    )]
    pub(crate) fn lift(&mut self, to: usize) {
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), self.page == old(self).page, self.page <= to <= self.end,
            decreases self.top - self.level,
        ))]
        while self.level < self.top {
            let above = self.level + 1;
            if first_of(self.page, above) != self.page || span_of(above) > to - self.page {
                break;
            }
            proof! { slot_bounds(above as int, self.v()); }
            proof_with!(Tracked(own));
            self.climb(above);
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
        ensures ret == self.fits_in(to as int),
    )]
    pub(crate) fn fits(&self, to: usize) -> bool {
        first_of(self.page, self.level) == self.page && span_of(self.level) <= to - self.page
    }

    /// Replaces the non-table word `w0` (as it was read) at the current position by the non-table word `w`.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, self.reads(*old(own), w0),
            !is_table::<E>(self.level as int, w0), !is_table::<E>(self.level as int, w),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)), self.word(*final(own)) == w,
            !present::<E>(w) ==> final(own).view() == old(own).view().remove_keys(pages(first(self.level as int, self.v()), span(self.level as int))),
            is_leaf::<E>(self.level as int, w) ==> final(own).view() == old(own).view().union_prefer_right(
                run(first(self.level as int, self.v()), span(self.level as int), pte_pa::<E>(self.level as int, w), page_prop::<E>(self.level as int, w))),
    )]
    pub(crate) fn store(&self, w0: u64, w: u64) {
        proof! { here::<P, E>(self, *own); }
        proof_decl! {
            let ghost own0 = *own;
            let tracked p = own.nodes.tracked_borrow_mut(key(self.level as int, self.v()));
        }
        let (pa, i) = (self.node(), index_of(self.page, self.level));
        proof! { lemma_count_update(fmt::<E>(), p@.words, i as int, w, 512); }
        proof_with!(Tracked(&mut *p));
        node::store::<P, E>(pa, i, E::from_usize(w as usize));
        let (was, now) = (word_present::<E>(w0), word_present::<E>(w));
        if was != now {
            proof_with!(Tracked(&*p));
            let n = node::count::<P, E>(pa);
            let n = if now { n + 1 } else { n - 1 };
            proof_with!(Tracked(&mut *p));
            node::set_count::<P, E>(pa, n);
        }
        proof! {
            p.lemma_state();
            lemma_stored::<P, E>(self, own0, *own, w);
        }
    }

    /// Replaces the leaf at the current position by an absent word, and returns it with every bit that
    /// the MMU ever set in it.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, is_leaf::<E>(self.level as int, self.word(*old(own))),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)), self.reads(*old(own), ret),
            self.word(*final(own)) == 0, !present::<E>(0),
            final(own).view() == old(own).view().remove_keys(pages(first(self.level as int, self.v()), span(self.level as int))),
    )]
    pub(crate) fn clear(&self) -> u64 {
        proof! { here::<P, E>(self, *own); E::zero_absent(); }
        proof_decl! {
            let ghost own0 = *own;
            let tracked p = own.nodes.tracked_borrow_mut(key(self.level as int, self.v()));
        }
        let (pa, i) = (self.node(), index_of(self.page, self.level));
        proof! { lemma_count_update(fmt::<E>(), p@.words, i as int, 0, 512); }
        proof_with!(Tracked(&mut *p));
        let e = node::swap::<P, E>(pa, i, E::new_absent());
        proof_with!(Tracked(&*p));
        let n = node::count::<P, E>(pa);
        proof_with!(Tracked(&mut *p));
        node::set_count::<P, E>(pa, n - 1);
        let w = e.as_usize() as u64;
        proof! {
            p.lemma_state();
            lemma_like::<E>(self.level as int, self.word(own0), w);
            lemma_stored::<P, E>(self, own0, *own, 0);
        }
        w
    }

    /// Allocates a node for the absent word at the current position and descends into it.
    ///
    /// # Errors
    /// `NoMemory`; nothing has changed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            old(self).inv(*old(own)), old(self).page < old(self).end, old(self).level > 1,
            !present::<E>(old(self).word(*old(own))),
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
            ret is Ok ==> final(self).level == old(self).level - 1 && final(self).word(*final(own)) == 0,
            ret matches Err(e) ==> e is NoMemory && final(self).level == old(self).level && *final(own) == *old(own),
    )]
    pub(crate) fn grow(&mut self) -> Result<(), PageTableError> {
        proof! { here::<P, E>(self, *own); own_here::<P, E>(self, *own); }
        proof_decl! {
            let ghost own0 = *own;
            let tracked mut c: Option<NodePerm<P, E>>;
            let tracked p = own.nodes.tracked_borrow_mut(key(self.level as int, self.v()));
        }
        let (pa, i) = (self.node(), index_of(self.page, self.level));
        proof_with!(Tracked(&mut *p) => Tracked(c));
        let child = node::alloc_child::<P, E>(pa, i);
        let Some(child) = child else {
            proof! { assert(own.nodes =~= own0.nodes); assert(*own == own0); }
            return Err(PageTableError::NoMemory(self.va()));
        };
        proof! {
            p.lemma_wf();
            p.lemma_state();
            let tracked c = c.tracked_unwrap();
            c.lemma_wf();
            c.lemma_state();
            E::zero_absent();
            broadcast use slot_up;
            assert forall|v: int| #![trigger slot(self.level as int, v)] slot(self.level as int, v) == self.cur_slot() implies
                meaning::<E>(self.level - 1, c@.words[slot(self.level - 1, v) % 512], v) == meaning::<E>(self.level as int, self.word(own0), v) by {
                assert(c@.words[slot(self.level - 1, v) % 512] == 0);
            }
            lemma_linked::<P, E>(self, own0, own, c, p@.words[i as int]);
        }
        proof_with!(Tracked(&*own));
        self.enter(child);
        Ok(())
    }

    /// Splits the leaf `w` at the current position into 512 leaves and descends to them.
    ///
    /// # Errors
    /// `NoMemory`, or `UnsupportedProperty` if smaller pages cannot have the property; nothing has changed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            old(self).inv(*old(own)), old(self).page < old(self).end, old(self).level > 1,
            old(self).reads(*old(own), w), is_leaf::<E>(old(self).level as int, w),
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
            finer(old(own).nodes, final(own).nodes),
            match ret {
                Ok(()) => final(self).level == old(self).level - 1,
                Err(e) => {
                    &&& final(self).level == old(self).level && *final(own) == *old(own)
                    &&& e is NoMemory || e is UnsupportedProperty
                        && !E::spec_supports(old(self).level - 1, E::spec_prop(old(self).level as int, w))
                },
            },
    )]
    pub(crate) fn split(&mut self, w: u64) -> Result<(), PageTableError> {
        proof! { here::<P, E>(self, *own); own_here::<P, E>(self, *own); }
        let (to, prop) = (
            word_paddr::<E>(w, self.level),
            word_prop::<E>(w, self.level),
        );
        if !E::supports(self.level - 1, prop) {
            return Err(PageTableError::UnsupportedProperty(self.va()));
        }
        proof_decl! {
            let ghost own0 = *own;
            let ghost l = self.level as int;
            let tracked mut c: Option<NodePerm<P, E>>;
            let tracked p = own.nodes.tracked_borrow_mut(key(self.level as int, self.v()));
        }
        proof! {
            E::leaf_paddr_ok(l, w);
        }
        let (pa, i) = (self.node(), index_of(self.page, self.level));
        proof_with!(Tracked(&mut *p) => Tracked(c));
        let child = node::split_child::<P, E>(pa, i, to, prop);
        let Some(child) = child else {
            proof! { assert(own.nodes =~= own0.nodes); assert(*own == own0); }
            return Err(PageTableError::NoMemory(self.va()));
        };
        proof! {
            p.lemma_wf();
            p.lemma_state();
            let tracked c = c.tracked_unwrap();
            c.lemma_wf();
            c.lemma_state();
            broadcast use slot_up;
            let w0 = self.word(own0);
            assert forall|v: int| #![trigger slot(l, v)] slot(l, v) == self.cur_slot() implies
                meaning::<E>(l - 1, c@.words[slot(l - 1, v) % 512], v) == meaning::<E>(l, w0, v) by {
                let j = slot(l - 1, v) % 512;
                assert(E::spec_present(c@.words[j]));
                off_split(l, v);
                lemma_off_base(l - 1, j);
            }
            assert forall|j: int| 0 <= j < 512 implies !is_table::<E>(l - 1, #[trigger] c@.words[j]) by {
                assert(E::spec_present(c@.words[j]));
            }
            lemma_linked::<P, E>(self, own0, own, c, p@.words[i as int]);
        }
        proof_with!(Tracked(&*own));
        self.enter(child);
        Ok(())
    }
}
