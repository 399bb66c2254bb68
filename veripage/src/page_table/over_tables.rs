//! A huge page where a table stands already: if no page under it is mapped, the parts of the page are.
//!
//! Such tables are left by cursors that were opened over a part of the slot, or when memory ran out. The
//! nodes cannot be replaced on the spot, since lock-free readers may be in them.
use super::geom::*;
#[cfg(verus_only)]
use super::leaves::*;
#[cfg(verus_only)]
use super::model::*;
#[cfg(verus_only)]
use super::path::spec::*;
use super::path::Path;
use super::word::*;
use super::PageTableError;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

#[verus_verify]
impl<P: Platform, E: PageTableEntryTrait> Path<P, E> {
    /// Maps the page of size `level` at the current address to the frame `pa` and moves past it.
    ///
    /// # Errors
    /// `AlreadyMapped` with the first mapped address, `NoMemory`; no page translates to anything else than
    /// before.
    #[inline(always)]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            old(self).inv(*old(own)), 1 <= level <= old(self).top, leaf_ok::<E>(level as int, pa as int, prop),
            first(level as int, old(self).v()) == old(self).v(),
            old(self).v() + span(level as int) <= old(self).end,
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            mapped_whole(ret, (old(self).v(), old(own).view()), (final(self).v(), final(own).view()), span(level as int), pa as int, prop),
    )]
    pub(crate) fn map(
        &mut self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
    ) -> Result<(), PageTableError> {
        proof! { slot_bounds(level as int, self.v()); }
        proof_with!(Tracked(&mut *own));
        let met = self.map_free(pa, level, prop)?;
        let Some(w) = met else {
            return Ok(());
        };
        proof_with!(Tracked(&mut *own));
        self.map_over_tables(pa, level, prop, w)
    }

    /// The rest of [`map`](Self::map), where the present word `w` is in the way.
    #[cold]
    #[verus_spec(ret =>
        with Tracked(own): Tracked<&mut Owner<P, E>>
        requires
            old(self).inv(*old(own)), old(self).level == level, leaf_ok::<E>(level as int, pa as int, prop),
            first(level as int, old(self).v()) == old(self).v(),
            old(self).v() + span(level as int) <= old(self).end, old(self).reads(*old(own), w), present::<E>(w),
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            mapped_whole(ret, (old(self).v(), old(own).view()), (final(self).v(), final(own).view()), span(level as int), pa as int, prop),
    )]
    fn map_over_tables(
        &mut self,
        pa: Paddr,
        level: PagingLevel,
        prop: PageProperty,
        w: u64,
    ) -> Result<(), PageTableError> {
        proof! {
            slot_bounds(level as int, self.v());
            here::<P, E>(self, *own);
        }
        if word_leaf::<E>(w, level) {
            return Err(PageTableError::AlreadyMapped(self.va()));
        }
        let from = self.page;
        let to = from + span_of(level);
        proof_with!(Tracked(&*own));
        let found = self.find(to, false);
        let mapped = self.page;
        proof_decl! {
            let ghost view = own.view();
        }
        proof! { if found is Some { here::<P, E>(self, *own); } }
        proof_with!(Tracked(&*own));
        self.jump(from);
        if found.is_some() {
            return Err(PageTableError::AlreadyMapped(mapped * 4096));
        }
        proof! { run_fits::<E>(level as int, pa as int, prop); }
        proof_with!(Tracked(&mut *own));
        let r = self.map_run(pa, to, prop, level);
        if r.is_err() {
            let stop = self.page;
            proof_with!(Tracked(&*own));
            self.jump(from);
            proof! {
                let n = stop - from;
                assert forall|x: int| from <= x < to implies !#[trigger] view.dom().contains(x) by {}
                assert(own.view().remove_keys(pages(from as int, n)) =~= view);
            }
            proof_with!(Tracked(&mut *own), Ghost(level as int), Ghost(view));
            self.forget_run(stop);
            proof_with!(Tracked(&*own));
            self.jump(from);
        }
        r
    }

    /// Unmaps the pages `[page, to)`, which the cursor itself has just mapped in one slot, without handing them out.
    #[verus_spec(
        with Tracked(own): Tracked<&mut Owner<P, E>>, Ghost(level): Ghost<int>, Ghost(view): Ghost<Map<int, Tr>>
        requires
            old(self).inv(*old(own)), 1 <= level <= 5, first(level, old(self).v()) == old(self).v(),
            old(self).page <= to <= old(self).end, to < old(self).v() + span(level),
            old(own).view().remove_keys(pages(old(self).v(), to - old(self).v())) == view,
            !old(own).view().dom().contains(to as int), view.dom().disjoint(pages(old(self).v(), span(level))),
        ensures
            final(self).inv(*final(own)), final(self).same_bounds(old(self)), old(own).same_shape(*final(own)),
            final(own).view() == view,
    )]
    fn forget_run(&mut self, to: usize) {
        proof_decl! {
            let ghost v0 = self.v();
        }
        #[cfg_attr(verus_only, verus_spec(
            invariant
                self.inv(*own), self.same_bounds(old(self)), old(own).same_shape(*own), 0 <= v0 <= self.page <= to <= self.end,
                1 <= level <= 5, first(level, v0) == v0, to < v0 + span(level), own.unmapped(v0, self.v()),
                own.view().remove_keys(pages(v0, to - v0)) == view, !own.view().dom().contains(to as int),
            decreases to - self.page,
        ))]
        loop {
            proof_decl! {
                let ghost v1 = self.v();
            }
            proof_with!(Tracked(&*own));
            let found = self.find(to, false);
            if found.is_none() {
                proof! { assert(own.view() =~= view); }
                return;
            }
            proof_decl! {
                let ghost (l, v, before) = (self.level as int, self.v(), own.view());
            }
            proof! {
                here::<P, E>(self, *own);
                within::<P, E>(*own, l, v, level, v0, to as int);
                slot_bounds(l, v);
            }
            let next = self.next(to);
            proof_with!(Tracked(&mut *own));
            self.clear();
            proof! {
                assert(own.view().remove_keys(pages(v0, to - v0)) =~= before.remove_keys(pages(v0, to - v0)));
            }
            proof_with!(Tracked(&*own));
            self.jump(next);
        }
    }
}

verus! {

/// Why pages `[v, v + n)` could not be mapped: one is, which the error names, or there was no memory.
pub open spec fn refused(e: PageTableError, view: Map<int, Tr>, v: int, n: int) -> bool {
    match e {
        PageTableError::AlreadyMapped(va) => va % 4096 == 0 && v <= va / 4096 < v + n && view.dom().contains(va as int / 4096),
        _ => e is NoMemory,
    }
}

/// Mapping a page of `n` base pages: from position and view to position and view.
pub open spec fn mapped_whole(r: Result<(), PageTableError>, a: (int, Map<int, Tr>), b: (int, Map<int, Tr>), n: int, pa: int, prop: PageProperty) -> bool {
    match r {
        Ok(()) => {
            &&& a.1.dom().disjoint(pages(a.0, n))
            &&& b.1 == a.1.union_prefer_right(run(a.0, n, pa, prop.spec_sans_ad()))
            &&& b.0 == a.0 + n
        },
        Err(e) => b == a && refused(e, a.1, a.0, n),
    }
}

/// A page is a run of base pages that may be mapped.
proof fn run_fits<E: PageTableEntryTrait>(l: int, pa: int, prop: PageProperty)
    requires 1 <= l <= 5, leaf_ok::<E>(l, pa, prop),
    ensures aligned(1, pa), E::spec_supports(1, prop), pa + span(l) * 4096 <= E::PADDR_END,
    decreases l,
{
    let end = E::PADDR_END as int;
    E::paddr_end_aligned();
    lemma_aligned_down(1, l, pa);
    lemma_aligned_down(l, 5, end);
    bytes_is_span(l);
    lemma_between(bytes(l), 0, pa, end);
    supports_base::<E>(l, prop);
}

proof fn supports_base<E: PageTableEntryTrait>(l: int, prop: PageProperty)
    requires 1 <= l <= 5, E::spec_supports(l, prop),
    ensures E::spec_supports(1, prop),
    decreases l,
{
    if l > 1 {
        E::supports_lower(l, prop);
        supports_base::<E>(l - 1, prop);
    }
}

/// A leaf found in a slot of level `m` from `v0` on, of which page `to` and everything before `v` is not mapped, lies
/// between these.
proof fn within<P: Platform, E: PageTableEntryTrait>(o: Owner<P, E>, l: int, v: int, m: int, v0: int, to: int)
    requires
        o.wf(), o.under(v), 1 <= l <= o.top, 1 <= m <= 5, leaf_at(o.nodes, l, v), first(m, v0) == v0, v0 <= v < to < v0 + span(m),
        o.unmapped(v0, v), !o.view().dom().contains(to),
    ensures first(l, v) == v, v + span(l) <= to,
{
    slot_bounds(l, v);
    slot_iff(m, v, slot(m, v0));
    let s = slot(l, v);
    if l <= m { slot_in(l, m, v); } else { slot_in(m, l, v); }
    let x = if first(l, v) < v0 { v0 } else { first(l, v) };
    if x < v {
        slot_iff(l, x, s);
        at_word::<P, E>(o, l, v, x);
        assert(o.view().dom().contains(x));
    }
    if v + span(l) > to || first(l, v) < v {
        slot_iff(l, to, s);
        if slot(l, to) == s {
            at_word::<P, E>(o, l, v, to);
            assert(o.view().dom().contains(to));
        }
    }
}

} // verus!
