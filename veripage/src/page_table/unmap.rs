//! Taking pages out: one, a whole table, a range. The inner loop runs over the words of one node, with no step
//! up or down between pages.
#[cfg(not(verus_only))]
use super::config::Shares;
#[cfg(verus_only)]
use super::count::*;
use super::geom::*;
#[cfg(verus_only)]
use super::identity::{fmt, lemma_count_bound, lemma_count_update, lemma_fmt, present_count};
#[cfg(verus_only)]
use super::leaf::{came_out, leaf_held};
use super::leaf::{Found, Leaf, TakeLeaf};
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
use super::retired::Retired;
#[cfg(verus_only)]
use super::shares::*;
use super::word::*;
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::PageTableEntryTrait;
use crate::Platform;
use vstd::prelude::*;

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Clears the leaves among the `n` words from the current one on, up to the first table, and gives each
    /// to `sink`, with every flag that the MMU ever set in it and the shares that it held; returns how many words
    /// it passed, and how many leaves they were.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
        requires
            self.inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), self.page < self.end, first(self.level as int, self.v()) == self.v(),
            1 <= n, self.cur_slot() % 512 + n <= 512, !is_table::<E>(self.level as int, self.word(*old(own))),
            self.page + base(self.level as int, n as int) <= self.end,
        ensures
            1 <= ret.0 <= n, ret.1 <= ret.0, self.inv(*final(own)), backed::<P, E>(*final(pool), *final(own)), old(own).same_shape(*final(own)),
            final(own).view() == old(own).view().remove_keys(pages(self.v(), base(self.level as int, ret.0 as int))),
            base(self.level as int, ret.1 as int) == mapped(old(own).view(), self.v(), base(self.level as int, ret.0 as int)),
            finer(old(own).nodes, final(own).nodes),
    )]
    fn clear_words<S: TakeLeaf<P>>(&self, n: usize, sink: &mut S) -> (usize, usize) {
        let (node, level) = (self.node(), self.level);
        let start = index_of(self.page, level);
        proof! { here::<P, E>(self, *own); E::zero_absent(); base_add(level as int, 0, 0); }
        proof_decl! {
            let ghost (own0, pool0) = (*own, *pool);
            let ghost (l, v0) = (self.level as int, self.v());
            let ghost k0 = key(l, v0);
            let tracked mut p = own.nodes.tracked_remove(k0);
            let ghost p0 = p@;
        }
        proof! { assert(*pool =~= pool0.remove_keys(pages(v0, 0))); }
        let mut k: usize = 0;
        let mut gone: usize = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                1 <= level <= 5, l == level, k <= n, start + n <= 512, p.inv(), p@.paddr == node, p0.level == l, gone <= k,
                p@ == (NodeState { words: p@.words, ..p0 }), p0.words.len() == 512, p@.words.len() == 512, !present::<E>(0),
                present_count(fmt::<E>(), p@.words, 512) == present_count(fmt::<E>(), p0.words, 512) - gone,
                gone == present_in::<E>(p0.words, start as int, k as int), self.word_run(own0, n as int), level == self.level, v0 == self.v(),
                cleared::<E>(p0.words, p@.words, l, start as int, k as int), p0 == own0.nodes[key(l, v0)]@, start == self.cur_slot() % 512,
                !is_table::<E>(l, p0.words[start as int]), 1 <= n, backed::<P, E>(pool0, own0), *pool == pool0.remove_keys(pages(v0, base(l, k as int))),
            ensures k >= 1,
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
            let here = e.is_present();
            if here && level > 1 && !e.is_last(level) {
                break;
            }
            proof_decl! {
                let ghost words = p@.words;
                let ghost at = v0 + base(l, k as int);
                let tracked held = cut_shares(pool, pages(at, span(l)));
            }
            proof! { one_more(pool0, *pool, held, l, v0, k as int); }
            if here {
                proof! {
                    lemma_count_update(fmt::<E>(), p@.words, start + k, 0, 512);
                }
                proof_with!(Tracked(&mut p));
                let was = node::swap::<P, E>(node, start + k, E::new_absent());
                let leaf = Leaf {
                    pa: was.paddr(level),
                    level,
                    prop: was.prop(level),
                };
                proof! {
                    lemma_like::<E>(l, p0.words[start + k], was.bits());
                    word_held::<P, E>(self, pool0, own0, n as int, k as int, leaf);
                }
                sink.leaf(
                    self.page + pages_of(k, level),
                    leaf,
                    verus_exec_expr!(Tracked(held)),
                );
                gone += 1;
            }
            proof! { cleared_step::<E>(p0.words, words, p@.words, l, start as int, k as int); }
            k += 1;
        }
        proof_with!(Tracked(&p));
        let count = node::count::<P, E>(node);
        proof! { lemma_count_bound(fmt::<E>(), p@.words, 512); }
        proof_with!(Tracked(&mut p));
        node::set_count::<P, E>(node, count - gone);
        proof! {
            p.lemma_state();
            own.nodes.tracked_insert(k0, p);
            assert(own.nodes =~= own0.nodes.insert(k0, own.nodes[k0]));
            assert(own.same_shape(own0));
            cleared_rewritten::<P, E>(own0, *own, l, v0, k as int);
            lemma_rewritten(self, own0, *own, k as int);
            view_cleared::<P, E>(own0, *own, l, v0, k as int);
            mapped_words::<P, E>(own0, l, v0, k as int);
            cleared_finer::<P, E>(own0, *own, l, v0, k as int);
            lemma_backed_without::<P, E>(pool0, *pool, own0, *own, pages(v0, base(l, k as int)));
        }
        (k, gone)
    }

    /// Unmaps every page in `[page, to)` and moves there; returns how many there were. Each page that is
    /// not below a covered table is given to `sink`, each node to `out`, with the shares of what it maps.
    ///
    /// # Errors
    /// See [`split`](Self::split): nothing is unmapped. Pages are split before any is unmapped.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
        requires old(self).inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            backed::<P, E>(*final(pool), *final(own)),
            match ret {
                Ok(n) => {
                    &&& final(self).page == to && n == mapped(old(own).view(), old(self).v(), to - old(self).v())
                    &&& final(own).view() == old(own).view().remove_keys(pages(old(self).v(), to - old(self).v()))
                },
                Err(e) => {
                    &&& final(own).view() == old(own).view() && final(self).page == old(self).page
                    &&& e is NoMemory || e is UnsupportedProperty
                },
            },
    )]
    pub(crate) fn unmap<S: TakeLeaf<P>>(
        &mut self,
        to: usize,
        out: &mut Retired<P, E>,
        sink: &mut S,
    ) -> Result<usize, PageTableError> {
        proof_decl! {
            let ghost (v0, view0) = (self.v(), own.view());
        }
        proof_with!(Tracked(&mut *own));
        let cut = self.cut_ends(to);
        proof! { lemma_backed_view::<P, E>(*pool, *old(own), *own); }
        cut?;
        proof_with!(Tracked(&*own));
        self.lift(to);
        proof! { assert(own.view() =~= view0.remove_keys(pages(v0, 0))); }
        let mut n: usize = 0;
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), backed::<P, E>(*pool, *own), self.same_bounds(old(self)), old(own).same_shape(*own), 0 <= v0 <= self.page <= to <= self.end,
                neat(own.nodes, v0, to as int), n == mapped(view0, v0, self.v() - v0),
                own.view() == view0.remove_keys(pages(v0, self.v() - v0)),
            ensures
                self.page == to,
            decreases to - self.page,
        ))]
        loop {
            proof_decl! {
                let ghost v1 = self.v();
            }
            proof_with!(Tracked(&*own));
            let found = self.find(to, true);
            proof! { skipped(view0, own.view(), v0, v1, self.v()); }
            let Some(w) = found else {
                break;
            };
            proof_decl! {
                let ghost (v, nodes, view) = (self.v(), own.nodes, own.view());
            }
            proof_with!(Tracked(&mut *own), Tracked(&mut *pool), Ghost(v0));
            let (next, gone) = self.clear_here(w, to, out, sink);
            proof! {
                neat_finer::<P, E>(nodes, own.nodes, v0, to as int);
                removed(view0, view, own.view(), v0, v, next as int);
                mapped_bound(view0, v0, next - v0);
            }
            n += gone;
            proof_with!(Tracked(&*own));
            self.jump(next);
        }
        Ok(n)
    }

    /// Takes out the table below the current word, or the leaves from there on up to the next table or the end
    /// of the node, and the nodes that are left empty; returns the page behind, and how many pages there were.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>, Ghost(from): Ghost<int>
        requires
            old(self).inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), old(self).page < to <= old(self).end, old(self).reads(*old(own), w), present::<E>(w),
            is_table::<E>(old(self).level as int, w) ==> old(self).fits_in(to as int) && old(self).level < old(self).keep,
            from <= old(self).page, neat(old(own).nodes, from, to as int), old(own).unmapped(from, old(self).v()),
        ensures
            final(self).inv(*final(own)), backed::<P, E>(*final(pool), *final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(self).page == old(self).page, old(self).page < ret.0 <= to,
            ret.1 == mapped(old(own).view(), old(self).v(), ret.0 - old(self).v()),
            final(own).view() == old(own).view().remove_keys(pages(old(self).v(), ret.0 - old(self).v())),
            finer(old(own).nodes, final(own).nodes),
    )]
    fn clear_here<S: TakeLeaf<P>>(
        &mut self,
        w: u64,
        to: usize,
        out: &mut Retired<P, E>,
        sink: &mut S,
    ) -> (usize, usize) {
        proof_decl! {
            let ghost (l, v) = (self.level as int, self.v());
            let ghost nodes = own.nodes;
        }
        proof! { here::<P, E>(self, *own); }
        let done = if word_table::<E>(w, self.level) {
            proof! {
                assert forall|x: int| slot(l, x) == self.cur_slot() implies #[trigger] own.mine.contains(x) by { slot_iff(l, x, slot(l, v)); }
            }
            proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
            let gone = self.take_table(out);
            (self.page + span_of(self.level), gone)
        } else {
            proof! { leaf_fits::<P, E>(*own, l, v, from, to as int); }
            let room = self.room(to);
            proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
            let (passed, gone) = self.clear_words(room, sink);
            proof! {
                base_add(l, 0, 0);
                base_add(l, passed as int, 0);
                base_mono(l, passed as int, room as int);
                base_mono(l, 1, passed as int);
            }
            (
                self.page + pages_of(passed, self.level),
                pages_of(gone, self.level),
            )
        };
        proof! { slot_bounds(l, v); }
        proof_decl! {
            let ghost mid = *own;
        }
        proof_with!(Tracked(&mut *own));
        self.prune(out);
        proof! {
            finer_trans::<P, E>(nodes, mid.nodes, own.nodes);
            lemma_backed_view::<P, E>(*pool, mid, *own);
        }
        done
    }

    /// Removes the next page or covered table in `[page, to)` and moves past it, or moves to `to`. Nodes
    /// go to `out`, with the shares of what they map.
    ///
    /// # Errors
    /// See [`split`](Self::split); nothing has been removed.
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
        requires old(self).inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), old(self).page <= to <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            backed::<P, E>(*final(pool), *final(own)), old(self).page <= final(self).page <= to,
            match ret {
                Ok(Some(Found::Leaf(at, f, m))) => {
                    &&& old(self).page <= at && final(self).page == at + span(f.level as int) && old(own).unmapped(old(self).v(), at as int)
                    &&& run_in(old(own).view(), at as int, span(f.level as int), f.pa as int, f.prop.spec_sans_ad())
                    &&& came_out(at as int, f, m@)
                    &&& final(own).view() == old(own).view().remove_keys(pages(at as int, span(f.level as int)))
                },
                Ok(Some(Found::Table(at, size, n))) => {
                    &&& 1 <= size <= span(5) && old(self).page <= at && final(self).page == at + size && old(own).unmapped(old(self).v(), at as int)
                    &&& n == mapped(old(own).view(), at as int, size as int)
                    &&& final(own).view() == old(own).view().remove_keys(pages(at as int, size as int))
                },
                Ok(None) => final(own).view() == old(own).view() && final(self).page == to && old(own).unmapped(old(self).v(), to as int),
                Err(e) => final(own).view() == old(own).view() && (e is NoMemory || e is UnsupportedProperty),
            },
    )]
    pub(crate) fn take_next(
        &mut self,
        to: usize,
        out: &mut Retired<P, E>,
    ) -> Result<Option<Found<P>>, PageTableError> {
        proof_with!(Tracked(&*own));
        self.lift(to);
        proof_with!(Tracked(&mut *own));
        let found = self.seek(to, true);
        proof! { lemma_backed_view::<P, E>(*pool, *old(own), *own); }
        let Some(w) = found? else {
            return Ok(None);
        };
        let at = self.page;
        let size = span_of(self.level);
        proof! {
            let (l, v) = (self.level as int, self.v());
            assert forall|x: int| slot(l, x) == self.cur_slot() implies #[trigger] own.mine.contains(x) by { slot_iff(l, x, slot(l, v)); }
        }
        let found = if word_table::<E>(w, self.level) {
            proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
            let n = self.take_table(out);
            Found::Table(at, size, n)
        } else {
            proof_with!(Tracked(&mut *own), Tracked(&mut *pool));
            let (leaf, shares) = self.take_leaf();
            Found::Leaf(at, leaf, shares)
        };
        proof_decl! {
            let ghost taken = *own;
        }
        proof_with!(Tracked(&mut *own));
        self.prune(out);
        proof! { lemma_backed_view::<P, E>(*pool, taken, *own); }
        proof_with!(Tracked(&*own));
        self.jump(at + size);
        Ok(Some(found))
    }

    /// Removes the leaf at the current position, whole, and returns it with the shares that it held.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>, Tracked(pool): Tracked<&mut Shares<P>>
        requires
            self.inv(*old(own)), backed::<P, E>(*old(pool), *old(own)), is_leaf::<E>(self.level as int, self.word(*old(own))),
            first(self.level as int, self.v()) == self.v(), self.page + span(self.level as int) <= self.end, self.page < self.end,
        ensures
            self.inv(*final(own)), backed::<P, E>(*final(pool), *final(own)), old(own).same_shape(*final(own)), ret.0.level == self.level,
            run_in(old(own).view(), self.v(), span(ret.0.level as int), ret.0.pa as int, ret.0.prop.spec_sans_ad()),
            came_out(self.v(), ret.0, ret.1@),
            final(own).view() == old(own).view().remove_keys(pages(self.v(), span(ret.0.level as int))),
    )]
    fn take_leaf(&self) -> (Leaf, Tracked<Shares<P>>) {
        proof! { leaf_here::<P, E>(self, *own); }
        proof_decl! {
            let ghost (own0, pool0) = (*own, *pool);
            let ghost n = span(self.level as int);
        }
        proof_with!(Tracked(&mut *own));
        let w = self.clear();
        let leaf = self.leaf(w);
        proof_decl! {
            let tracked held = take_shares::<P, E>(pool, own0, *own, pages(self.v(), n));
        }
        proof! { leaf_held::<P, E>(pool0, own0, self.v(), w, leaf); }
        (leaf, verus_exec_expr!(Tracked(held)))
    }
}

#[cfg(verus_only)]
verus! {

impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// The `n` words from the current one on are in one node, and decide pages of the range.
    spec fn word_run(&self, o: Owner<P, E>, n: int) -> bool {
        &&& self.inv(o) && self.page < self.end && first(self.level as int, self.v()) == self.v()
        &&& 0 <= n && self.cur_slot() % 512 + n <= 512 && self.page + base(self.level as int, n) <= self.end
    }
}

/// What the `k`-th of these words holds, if it is the leaf `f`.
proof fn word_held<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, m: Shares<P>, o: Owner<P, E>, n: int, k: int, f: Leaf)
    requires
        c.word_run(o, n), 0 <= k < n, backed::<P, E>(m, o), f.level == c.level,
        ({
            let w = o.nodes[key(c.level as int, c.v())]@.words[c.cur_slot() % 512 + k];
            is_leaf::<E>(c.level as int, w) && f.pa == pte_pa::<E>(c.level as int, w) && f.prop.spec_sans_ad() == page_prop::<E>(c.level as int, w)
        }),
    ensures
        came_out(c.v() + base(c.level as int, k), f, m.restrict(pages(c.v() + base(c.level as int, k), span(c.level as int)))),
{
    let (l, v0, s) = (c.level as int, c.v(), c.cur_slot());
    let at = v0 + base(l, k);
    here::<P, E>(c, o);
    base_add(l, s, k);
    base_add(l, k, 1);
    base_mono(l, k + 1, n);
    slot_iff(l, at, s + k);
    slot_up(l, at);
    slot_up(l, v0);
    slot_eq_up(l + 1, o.top + 1, at, v0);
    assert(slot(l, at) % 512 == s % 512 + k);
    let w = entry(o.nodes, l, at);
    assert forall|x: int| at <= x < at + span(l) implies #[trigger] o.view().dom().contains(x)
        && o.view()[x] == Tr::Page(f.pa + (x - at) * 4096, f.prop.spec_sans_ad()) by {
        slot_iff(l, x, s + k);
        at_word::<P, E>(o, l, at, x);
    }
    assert forall|x: int| at <= x < at + span(l) implies #[trigger] o.mine.contains(x) by {}
    leaf_held::<P, E>(m, o, at, w, f);
}

/// The shares of one more word are taken out.
proof fn one_more<P: Platform>(all: Shares<P>, rest: Shares<P>, held: Shares<P>, l: int, v0: int, k: int)
    requires
        1 <= l <= 5, 0 <= k,
        ({
            let before = all.remove_keys(pages(v0, base(l, k)));
            let now = pages(v0 + base(l, k), span(l));
            rest == before.remove_keys(now) && held == before.restrict(now)
        }),
    ensures
        rest == all.remove_keys(pages(v0, base(l, k + 1))), held == all.restrict(pages(v0 + base(l, k), span(l))),
{
    base_add(l, 0, 0);
    base_add(l, k, 1);
    base_mono(l, 0, k);
    slot_bounds(l, v0);
    assert(rest =~= all.remove_keys(pages(v0, base(l, k + 1))));
    assert(held =~= all.restrict(pages(v0 + base(l, k), span(l))));
}

} // verus!
