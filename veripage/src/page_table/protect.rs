//! Changing properties: of one page, of a range. Flags that the MMU sets meanwhile are never lost.
#[cfg(verus_only)]
use super::count::*;
use super::geom::*;
#[cfg(verus_only)]
use super::identity::{fmt, lemma_count_update, lemma_fmt, present_count};
use super::leaf::Leaf;
#[cfg(verus_only)]
use super::leaves::*;
#[cfg(verus_only)]
use super::model::*;
use super::node;
#[cfg(verus_only)]
use super::node::NodeState;
#[cfg(verus_only)]
use super::path::spec::*;
use super::path::Path;
#[cfg(verus_only)]
use super::shares::{counted, counted_sans_ad};
use super::word::*;
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageFlags, PageProperty, PageTableEntryTrait};
use crate::Platform;
use vstd::prelude::*;

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Gives the leaf, read as `w`, at the current position another property, beside the flags that the MMU has
    /// set since it was read.
    ///
    /// # Errors
    /// `UnsupportedProperty`; nothing has changed.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, self.reads(*old(own), w), is_leaf::<E>(self.level as int, w),
            first(self.level as int, self.v()) == self.v(),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)),
            ret matches Err(e) ==> *final(own) == *old(own) && e is UnsupportedProperty && !E::spec_supports(self.level as int, prop),
            ret is Ok ==> final(own).view() == old(own).view().union_prefer_right(
                run(self.v(), span(self.level as int), pte_pa::<E>(self.level as int, w), prop.spec_sans_ad())),
            run_in(old(own).view(), self.v(), span(self.level as int), pte_pa::<E>(self.level as int, w), page_prop::<E>(self.level as int, w)),
    )]
    pub(crate) fn set_prop(&self, w: u64, prop: PageProperty) -> Result<(), PageTableError> {
        proof! { leaf_here::<P, E>(self, *own); }
        if !E::supports(self.level, prop) {
            return Err(PageTableError::UnsupportedProperty(self.va()));
        }
        proof_with!(Tracked(&mut *own));
        self.put_prop(w, prop);
        Ok(())
    }

    /// Gives the leaf, read as `w`, at the current position another property, and keeps the flags that the
    /// MMU has set since it was read.
    #[inline(always)]
    #[verus_spec(
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, self.reads(*old(own), w), is_leaf::<E>(self.level as int, w),
            E::spec_supports(self.level as int, prop),
        ensures
            self.inv(*final(own)), old(own).same_shape(*final(own)),
            final(own).view() == old(own).view().union_prefer_right(run(
                first(self.level as int, self.v()), span(self.level as int), pte_pa::<E>(self.level as int, w), prop.spec_sans_ad())),
    )]
    fn put_prop(&self, w: u64, prop: PageProperty) {
        proof! { here::<P, E>(self, *own); }
        proof_decl! {
            let ghost own0 = *own;
            let tracked p = own.nodes.tracked_borrow_mut(key(self.level as int, self.v()));
            let ghost words = p@.words;
        }
        let (pa, i) = (self.node(), index_of(self.page, self.level));
        proof! {
            E::base_is_last(w);
        }
        proof_with!(Tracked(&mut *p));
        node::set_leaf_prop::<P, E>(pa, self.level, i, E::from_usize(w as usize), prop);
        proof! {
            lemma_count_update(fmt::<E>(), words, i as int, p@.words[i as int], 512);
            p.lemma_state();
            lemma_stored::<P, E>(self, own0, *own, p@.words[i as int]);
        }
    }

    /// Sets the accessed and dirty flags of the page that maps the current one, if there is one, as the MMU
    /// does for a write.
    #[verus_spec(
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page < old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, final(own).view() == old(own).view(),
    )]
    pub(crate) fn mark_written(&mut self) {
        proof_with!(Tracked(&*own));
        let w = self.descend();
        let was = word_prop::<E>(w, self.level);
        let flags = was.flags.union(PageFlags::ACCESSED).union(PageFlags::DIRTY);
        let prop = PageProperty { flags, ..was };
        if !word_present::<E>(w) || !E::supports(self.level, prop) {
            return;
        }
        proof_decl! {
            let ghost view = own.view();
        }
        proof! {
            leaf_here::<P, E>(self, *own);
            let f = was.flags.bits;
            assert((f | 8 | 16) & 0xe7 == f & 0xe7) by (bit_vector);
        }
        proof_with!(Tracked(&mut *own));
        self.put_prop(w, prop);
        proof! { assert(own.view() =~= view); }
    }

    /// Changes the properties of the leaves among the `n` words from the current one on, up to the first table
    /// or the first property that is not supported; returns how many words it passed, how many leaves they
    /// were, and whether it stopped at a property. Flags that the MMU sets meanwhile are kept.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            self.inv(*old(own)), self.page < self.end, first(self.level as int, self.v()) == self.v(),
            1 <= n, self.cur_slot() % 512 + n <= 512, !is_table::<E>(self.level as int, self.word(*old(own))), old(op).ready(),
        ensures
            ret.0 <= n, !ret.2 ==> 1 <= ret.0, ret.1 <= ret.0, self.inv(*final(own)), old(own).same_shape(*final(own)),
            reproped(old(own).view(), final(own).view(), self.v(), base(self.level as int, ret.0 as int), change_of(*old(op))),
            base(self.level as int, ret.1 as int) == mapped(old(own).view(), self.v(), base(self.level as int, ret.0 as int)),
            finer(old(own).nodes, final(own).nodes), narrower(*final(op), *old(op)), final(op).ready(),
            node_at(final(own).nodes, self.level as int, self.v()),
    )]
    fn change_words<S: ChangeProp>(&self, n: usize, op: &mut S) -> (usize, usize, bool) {
        let (node, level) = (self.node(), self.level);
        let start = index_of(self.page, level);
        proof! { here::<P, E>(self, *own); E::zero_absent(); }
        proof_decl! {
            let ghost own0 = *own;
            let ghost ok = change_of(*op);
            let ghost (l, v0) = (self.level as int, self.v());
            let ghost k0 = key(l, v0);
            let tracked mut p = own.nodes.tracked_remove(k0);
            let ghost p0 = p@;
        }
        let mut k: usize = 0;
        let mut changed: usize = 0;
        let mut stuck = false;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                1 <= level <= 5, l == level, k <= n, start + n <= 512, p.inv(), p@.paddr == node, p0.level == l, changed <= k, 1 <= n,
                p@ == (NodeState { words: p@.words, ..p0 }), p0.words.len() == 512, p@.words.len() == 512,
                present_count(fmt::<E>(), p@.words, 512) == present_count(fmt::<E>(), p0.words, 512),
                changed == present_in::<E>(p0.words, start as int, k as int), narrower(*op, *old(op)), op.ready(), ok == change_of(*old(op)),
                reprop::<E>(p0.words, p@.words, l, start as int, k as int, ok), !is_table::<E>(l, p0.words[start as int]),
            ensures stuck || k >= 1,
            decreases n - k,
        ))]
        while k < n {
            proof_with!(Tracked(&p));
            let e = node::load::<P, E>(node, start + k);
            proof! {
                lemma_like::<E>(l, p@.words[start + k], e.bits());
                lemma_fmt::<E>(l, p@.words[start + k]);
                assert(p@.words[start + k] == p0.words[start + k]);
            }
            proof_decl! {
                let ghost words = p@.words;
            }
            if e.is_present() {
                if level > 1 && !e.is_last(level) {
                    break;
                }
                let was = e.prop(level);
                let prop = op.change(was);
                if !E::supports(level, prop) {
                    stuck = true;
                    break;
                }
                proof! { E::base_is_last(e.bits()); }
                proof_with!(Tracked(&mut p));
                node::set_leaf_prop::<P, E>(node, level, start + k, e, prop);
                proof! {
                    lemma_count_update(fmt::<E>(), words, start + k, p@.words[start + k], 512);
                    lemma_change(*old(op), was, prop);
                }
                changed += 1;
            }
            proof! { reprop_step::<E>(p0.words, words, p@.words, l, start as int, k as int, ok); }
            k += 1;
        }
        proof! {
            p.lemma_state();
            own.nodes.tracked_insert(k0, p);
            assert(own.nodes =~= own0.nodes.insert(k0, own.nodes[k0]));
            assert(own.same_shape(own0));
            reprop_rewritten::<P, E>(own0, *own, l, v0, k as int, ok);
            lemma_rewritten(self, own0, *own, k as int);
            view_reprop::<P, E>(own0, *own, l, v0, k as int, ok);
            mapped_words::<P, E>(own0, l, v0, k as int);
            reprop_finer::<P, E>(own0, *own, l, v0, k as int, ok);
        }
        (k, changed, stuck)
    }

    /// Gives every page mapped in `[page, to)` the property that `op` makes of its own, and moves there;
    /// returns how many pages there were.
    ///
    /// # Errors
    /// See [`split`](Self::split), and `UnsupportedProperty`: the pages before the new position have their new
    /// properties. Pages are split before any is changed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page <= to <= old(self).end, old(op).ready(),
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            old(self).page <= final(self).page <= to,
            reproped(old(own).view(), final(own).view(), old(self).v(), final(self).v() - old(self).v(), change_of(*old(op))),
            match ret {
                Ok(n) => final(self).page == to && n == mapped(old(own).view(), old(self).v(), to - old(self).v()),
                Err(e) => e is UnsupportedProperty || e is NoMemory && final(self).page == old(self).page,
            },
    )]
    pub(crate) fn protect<S: ChangeProp>(
        &mut self,
        to: usize,
        op: &mut S,
    ) -> Result<usize, PageTableError> {
        proof_decl! {
            let ghost (v0, view0, op0) = (self.v(), own.view(), *op);
            let ghost ok = change_of(*op);
        }
        proof_with!(Tracked(&mut *own));
        self.cut_ends(to)?;
        proof! { if v0 < to { neat_edge::<P, E>(own.nodes, v0, to as int); } }
        let mut n: usize = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), 0 <= v0 <= self.page <= to <= self.end,
                neat(own.nodes, v0, to as int), self.page < to ==> edge(own.nodes, self.v()),
                n == mapped(view0, v0, self.v() - v0), reproped(view0, own.view(), v0, self.v() - v0, ok),
                narrower(*op, op0), op.ready(), ok == change_of(op0), v0 == old(self).page, view0 == old(own).view(), op0 == *old(op),
            ensures
                self.page == to,
            decreases to - self.page,
        ))]
        loop {
            proof_decl! {
                let ghost (v1, op1) = (self.v(), *op);
            }
            proof_with!(Tracked(&*own));
            let found = self.find(to, false);
            proof! { reproped_on(view0, own.view(), v0, v1, self.v(), ok); }
            if found.is_none() {
                break;
            }
            proof_decl! {
                let ghost (l, v, before) = (self.level as int, self.v(), *own);
            }
            proof! {
                here::<P, E>(self, *own);
                assert(leaf_at(own.nodes, l, v));
                edge_found::<P, E>(*own, l, v1, v);
                assert(inside(own.nodes, v, v0, to as int));
            }
            let room = self.room(to);
            proof_with!(Tracked(&mut *own));
            let (passed, changed, stuck) = self.change_words(room, op);
            let next = self.page + pages_of(passed, self.level);
            proof! {
                base_add(l, 0, 0);
                base_add(l, passed as int, 0);
                base_mono(l, passed as int, room as int);
                base_mono(l, 1, passed as int);
                neat_finer::<P, E>(before.nodes, own.nodes, v0, to as int);
                reproped_narrower(before.view(), own.view(), v, next - v, op1, op0);
                reproped_join(view0, before.view(), own.view(), v0, v, next as int, ok);
                mapped_join(view0, v0, v - v0, next - v);
                mapped_same(view0, before.view(), v, next - v);
                mapped_bound(view0, v0, next - v0);
                if !stuck { edge_after::<P, E>(*own, l, v, passed as int); }
            }
            n += pages_of(changed, self.level);
            proof_with!(Tracked(&*own));
            self.jump(next);
            if stuck {
                return Err(PageTableError::UnsupportedProperty(
                    self.page.wrapping_mul(4096),
                ));
            }
        }
        Ok(n)
    }

    /// Gives the next page in `[page, to)` the property that `op` makes of its own and moves past it, or moves to
    /// `to`; returns where it starts and what it was.
    ///
    /// # Errors
    /// See [`split`](Self::split) and [`set_prop`](Self::set_prop); nothing has changed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires old(self).inv(*old(own)), old(self).page <= to <= old(self).end, op.ready(),
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            old(self).page <= final(self).page <= to,
            match ret {
                Ok(Some((at, f))) => {
                    &&& 1 <= f.level <= 5 && old(self).page <= at && final(self).page == at + span(f.level as int) && old(own).unmapped(old(self).v(), at as int)
                    &&& run_in(old(own).view(), at as int, span(f.level as int), f.pa as int, f.prop.spec_sans_ad())
                    &&& exists|q: PageProperty| #[trigger] op.makes(f.prop, q) && counted(q) == counted(f.prop)
                        && final(own).view() == old(own).view().union_prefer_right(
                            run(at as int, span(f.level as int), f.pa as int, q.spec_sans_ad()))
                    &&& reproped(old(own).view(), final(own).view(), at as int, span(f.level as int), change_of(op))
                },
                Ok(None) => final(own).view() == old(own).view() && final(self).page == to && old(own).unmapped(old(self).v(), to as int),
                Err(e) => final(own).view() == old(own).view() && (e is NoMemory || e is UnsupportedProperty),
            },
    )]
    pub(crate) fn protect_next<S: ChangeOnce>(
        &mut self,
        to: usize,
        op: S,
    ) -> Result<Option<(usize, Leaf)>, PageTableError> {
        proof_with!(Tracked(&mut *own));
        let found = self.seek(to, false)?;
        let Some(w) = found else {
            return Ok(None);
        };
        let leaf = self.leaf(w);
        let prop = op.once(leaf.prop);
        proof_with!(Tracked(&mut *own));
        self.set_prop(w, prop)?;
        let at = self.page;
        proof! {
            lemma_change(op, leaf.prop, prop);
            assert(reproped(old(own).view(), own.view(), at as int, span(leaf.level as int), change_of(op)));
        }
        proof_with!(Tracked(&*own));
        self.jump(at + span_of(leaf.level));
        Ok(Some((at, leaf)))
    }
}

verus! {

/// Makes a new property of one. A page that holds a share of its frame goes on to do so.
pub(crate) trait ChangeOnce: Sized {
    /// It may make `to` of `from`.
    spec fn makes(self, from: PageProperty, to: PageProperty) -> bool;

    /// It can be asked.
    #[verifier::prophetic]
    spec fn ready(self) -> bool;

    fn once(self, prop: PageProperty) -> (ret: PageProperty)
        requires
            self.ready(),
        ensures
            self.makes(prop, ret),
            counted(ret) == counted(prop),
    ;
}

/// Makes new properties of many.
pub(crate) trait ChangeProp: ChangeOnce {
    fn change(&mut self, prop: PageProperty) -> (ret: PageProperty)
        requires
            old(self).ready(),
        ensures
            final(self).ready(),
            old(self).makes(prop, ret),
            counted(ret) == counted(prop),
            narrower(*final(self), *old(self)),
    ;
}

/// What `a` may make of a property, `b` may.
pub(crate) open spec fn narrower<S: ChangeOnce>(a: S, b: S) -> bool {
    forall|from: PageProperty, to: PageProperty| #[trigger] a.makes(from, to) ==> b.makes(from, to)
}

/// What `op` makes of properties, as the view tells them.
pub(crate) open spec fn change_of<S: ChangeOnce>(op: S) -> Change {
    |q: PageProperty, r: PageProperty| counted(q) == counted(r)
        && exists|from: PageProperty, to: PageProperty| #[trigger] op.makes(from, to) && from.spec_sans_ad() == q && to.spec_sans_ad() == r
}

proof fn lemma_change<S: ChangeOnce>(op: S, from: PageProperty, to: PageProperty)
    requires op.makes(from, to), counted(from) == counted(to),
    ensures change_of(op)(from.spec_sans_ad(), to.spec_sans_ad()),
{
    counted_sans_ad(from);
    counted_sans_ad(to);
}

proof fn reproped_narrower<S: ChangeOnce>(a: Map<int, Tr>, b: Map<int, Tr>, v0: int, n: int, op: S, wide: S)
    requires reproped(a, b, v0, n, change_of(op)), narrower(op, wide),
    ensures reproped(a, b, v0, n, change_of(wide)),
{
    assert forall|q: PageProperty, r: PageProperty| #[trigger] change_of(op)(q, r) implies change_of(wide)(q, r) by {
        let (from, to) = choose|from: PageProperty, to: PageProperty| #[trigger] op.makes(from, to) && from.spec_sans_ad() == q && to.spec_sans_ad() == r;
        assert(wide.makes(from, to));
    }
    reproped_wider(a, b, v0, n, change_of(op), change_of(wide));
}

/// A change keeps pages counted, or uncounted: what they hold stays.
pub(crate) proof fn lemma_keeps<S: ChangeOnce>(op: S)
    ensures forall|q: PageProperty, r: PageProperty| #[trigger] change_of(op)(q, r) ==> counted(q) == counted(r),
{
}

/// Pages that are not mapped have no property to change.
proof fn reproped_on(a: Map<int, Tr>, b: Map<int, Tr>, v0: int, v1: int, v2: int, ok: Change)
    requires
        reproped(a, b, v0, v1 - v0, ok), v0 <= v1 <= v2, forall|x: int| v1 <= x < v2 ==> !#[trigger] b.dom().contains(x),
    ensures
        reproped(a, b, v0, v2 - v0, ok), mapped(a, v0, v2 - v0) == mapped(a, v0, v1 - v0),
{
    assert forall|x: int| v1 <= x < v2 implies #[trigger] a.dom().contains(x) == false by { assert(!b.dom().contains(x)); }
    mapped_join(a, v0, v1 - v0, v2 - v1);
    mapped_uniform(a, v1, v2 - v1, false);
}

} // verus!
