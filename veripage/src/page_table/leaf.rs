//! A page as an entry maps it, and what comes out of a table with it.
//!
//! An entry of counted memory holds one share of each frame that it maps. The shares leave the table together with
//! the page; at run time nothing moves.
#[cfg(not(verus_only))]
use super::config::Shares;
#[cfg(verus_only)]
use super::geom::NR_PAGES;
#[cfg(verus_only)]
use super::item::spec::{held_by, lent, parts};
#[cfg(verus_only)]
use super::model::*;
#[cfg(verus_only)]
use super::shares::*;
#[cfg(verus_only)]
use crate::paging::geometry::*;
#[cfg(verus_only)]
use crate::paging::PageTableEntryTrait;
use crate::paging::{PageProperty, PagingLevel};
use crate::{Paddr, Platform};
use vstd::prelude::*;

/// A mapping found in the table: one page of the size of `level`.
#[verus_verify]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Leaf {
    pub(crate) pa: Paddr,
    pub(crate) level: PagingLevel,
    pub(crate) prop: PageProperty,
}

/// What `take_next` found.
#[verus_verify]
#[cfg_attr(verus_only, verifier::reject_recursive_types(P))]
pub(crate) enum Found<P: Platform> {
    /// A page, which began at the given page number, and the shares that it held.
    Leaf(usize, Leaf, Tracked<Shares<P>>),
    /// A child table: the first page that it covered, how many it covered, and how many were mapped.
    Table(usize, usize, usize),
}

verus! {

/// Takes the leaves that a range operation clears, with the number of their first page.
pub(crate) trait TakeLeaf<P: Platform> {
    fn leaf(&mut self, page: usize, leaf: Leaf, shares: Tracked<Shares<P>>)
        requires came_out(page as int, leaf, shares@),
    ;
}

/// The leaf `f` was mapped at page `at`, and `m` is what it held.
pub(crate) open spec fn came_out<P: Platform>(at: int, f: Leaf, m: Shares<P>) -> bool {
    &&& 1 <= f.level <= 5 && first(f.level as int, at) == at && 0 <= at && at + span(f.level as int) <= NR_PAGES
    &&& aligned(f.level as int, f.pa as int) && f.pa + span(f.level as int) * 4096 <= 0x100_0000_0000_0000
    &&& held_by(m, at, (f.pa, f.level, f.prop))
}

/// What the leaf at word `w` of `o` holds comes out with it.
pub(crate) proof fn leaf_held<P: Platform, E: PageTableEntryTrait>(m: Shares<P>, o: Owner<P, E>, at: int, w: u64, f: Leaf)
    requires
        o.wf(), backed::<P, E>(m, o), 1 <= f.level <= 5, is_leaf::<E>(f.level as int, w), f.pa == pte_pa::<E>(f.level as int, w),
        f.prop.spec_sans_ad() == page_prop::<E>(f.level as int, w), first(f.level as int, at) == at, 0 <= at, at + span(f.level as int) <= NR_PAGES,
        forall|v: int| at <= v < at + span(f.level as int) ==> #[trigger] o.mine.contains(v),
        run_in(o.view(), at, span(f.level as int), f.pa as int, f.prop.spec_sans_ad()),
    ensures came_out(at, f, m.restrict(pages(at, span(f.level as int)))),
{
    let (l, n) = (f.level as int, span(f.level as int));
    let out = m.restrict(pages(at, n));
    counted_sans_ad(f.prop);
    E::base_is_last(w);
    E::leaf_paddr_ok(l, w);
    E::paddr_end_aligned();
    lemma_aligned_down(l, 5, E::PADDR_END as int);
    bytes_is_span(l);
    lemma_between(bytes(l), 0, f.pa as int, E::PADDR_END as int);
    assert forall|v: int| at <= v < at + n implies #[trigger] holds(m, v, Tr::Page(f.pa + (v - at) * 4096, f.prop.spec_sans_ad())) by {
        assert(o.mine.contains(v));
        assert(o.view().dom().contains(v));
        assert(holds(m, v, o.says(v)));
    }
    assert forall|v: int| #[trigger] out.dom().contains(v) <==> at <= v < at + n && counted(f.prop) by {
        if at <= v < at + n { assert(holds(m, v, Tr::Page(f.pa + (v - at) * 4096, f.prop.spec_sans_ad()))); }
    }
    assert forall|v: int| #[trigger] out.dom().contains(v) implies share_of(out[v], f.pa + (v - at) * 4096) by {
        assert(holds(m, v, Tr::Page(f.pa + (v - at) * 4096, f.prop.spec_sans_ad())));
    }
}

/// PUT: the pages `[v0, v0 + n)` are mapped, and what they hold comes in.
pub(crate) proof fn put_shares<P: Platform, E: PageTableEntryTrait>(
    tracked m: &mut Shares<P>,
    tracked more: Shares<P>,
    a: Owner<P, E>,
    b: Owner<P, E>,
    v0: int,
    n: int,
    pa: int,
    prop: PageProperty,
)
    requires
        backed::<P, E>(*old(m), a), a.wf(), a.same_shape(b), forall|v: int| v0 <= v < v0 + n ==> #[trigger] a.mine.contains(v),
        a.view().dom().disjoint(pages(v0, n)), b.view() == a.view().union_prefer_right(run(v0, n, pa, prop)),
        if counted(prop) { parts(more, v0, n, pa) } else { more.dom() =~= Set::empty() },
    ensures
        backed::<P, E>(*final(m), b), *final(m) == old(m).union_prefer_right(more),
{
    let m0 = *m;
    m.tracked_union_prefer_right(more);
    assert forall|v: int| b.under(v) implies #[trigger] holds(*m, v, b.says(v)) by {
        assert(a.under(v));
        assert(holds(m0, v, a.says(v)));
        assert(b.view().dom().contains(v) <==> b.at(v) != Tr::Absent);
        assert(a.view().dom().contains(v) <==> a.at(v) != Tr::Absent);
        if pages(v0, n).contains(v) {
            assert(a.mine.contains(v));
            assert(!a.view().dom().contains(v));
            assert(run(v0, n, pa, prop).dom().contains(v));
            assert(b.view()[v] == Tr::Page(pa + (v - v0) * 4096, prop));
        } else {
            assert(!more.dom().contains(v));
            assert(!run(v0, n, pa, prop).dom().contains(v));
        }
    }
    assert forall|v: int| #[trigger] m.dom().contains(v) implies b.under(v) by {
        if more.dom().contains(v) { assert(a.mine.contains(v)); } else { assert(m0.dom().contains(v)); }
    }
}

/// KEEP: properties change, and no page becomes counted or uncounted.
pub(crate) proof fn keep_shares<P: Platform, E: PageTableEntryTrait>(
    m: Shares<P>,
    a: Owner<P, E>,
    b: Owner<P, E>,
    v0: int,
    n: int,
    ok: Change,
)
    requires
        backed::<P, E>(m, a), a.same_shape(b), reproped(a.view(), b.view(), v0, n, ok),
        forall|q: PageProperty, r: PageProperty| #[trigger] ok(q, r) ==> counted(q) == counted(r),
    ensures backed::<P, E>(m, b),
{
    assert forall|v: int| b.under(v) implies #[trigger] holds(m, v, b.says(v)) by {
        assert(a.under(v));
        assert(holds(m, v, a.says(v)));
        assert(b.view().dom().contains(v) <==> b.at(v) != Tr::Absent);
        assert(a.view().dom().contains(v) <==> a.at(v) != Tr::Absent);
        if v0 <= v < v0 + n && a.view().dom().contains(v) { assert(changed(a.view()[v], b.view()[v], ok)); }
    }
    assert forall|v: int| #[trigger] m.dom().contains(v) implies b.under(v) by { assert(a.under(v)); }
}

} // verus!
