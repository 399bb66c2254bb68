//! What the operations of cursors do, as equations on what a cursor sees.
use super::super::count::mapped;
use super::super::geom::NR_PAGES;
use super::super::item::spec::*;
use super::super::kind::{range_ok, TableKind};
use super::super::leaf::{came_out, keep_shares, Found, Leaf};
use super::super::model::*;
use super::super::over_tables::refused;
use super::super::path::spec::*;
use super::super::path::Path;
use super::super::protect::ChangeOnce;
use super::super::shares::*;
use super::super::PageTableError;
use super::opened::Opened;
use super::*;
use crate::paging::entry::page_ok;
use crate::paging::geometry::*;
use crate::paging::vaddr::range_end;
use crate::paging::{PageProperty, PageTableEntryTrait, PagingConstsTrait};
use crate::Platform;
use vstd::prelude::*;

verus! {

/// What a cursor sees: its range of pages, the level of the node that covers it, where it stands, and what the pages
/// of its nodes translate to: those of the range, and neighbours under the same nodes, which stay what they are.
pub ghost struct At {
    pub start: int,
    pub end: int,
    pub top: int,
    pub page: int,
    pub map: Map<int, Tr>,
}

impl At {
    /// The same cursor at `page`.
    pub open spec fn moved(self, page: int) -> At {
        At { page, ..self }
    }

    /// The same cursor, past `n` pages that it has mapped to the frames from `pa` on.
    pub open spec fn with_run(self, n: int, pa: int, prop: PageProperty) -> At {
        At { page: self.page + n, map: self.map.union_prefer_right(run(self.page, n, pa, prop.spec_sans_ad())), ..self }
    }

    /// The current address.
    pub open spec fn va(self) -> usize {
        va_of(self.page)
    }
}

/// First address of a page; of the page after all it is 0.
pub open spec fn va_of(page: int) -> usize {
    if page == 0x10_0000_0000_0000 { 0 } else { (page * 4096) as usize }
}

/// Why nothing is done at the end.
pub open spec fn stuck(a: At) -> Option<PageTableError> {
    if a.page == a.end { Some(PageTableError::InvalidVaddr(a.va())) } else { None }
}

/// Why the next `len` bytes are not of the cursor's range.
pub open spec fn beyond(a: At, len: usize) -> Option<PageTableError> {
    if a.page == a.end {
        stuck(a)
    } else if len % 4096 != 0 {
        Some(PageTableError::UnalignedVaddr(len))
    } else if len / 4096 > a.end - a.page {
        Some(PageTableError::InvalidVaddrRange(a.va(), ((a.va() + len) % 0x1_0000_0000_0000_0000) as usize))
    } else {
        None
    }
}

/// Why no cursor jumps to `va`, else the page that it jumps to.
pub open spec fn target(a: At, va: usize) -> Result<int, PageTableError> {
    let page = if va == 0 && a.end == 0x10_0000_0000_0000 && a.start > 0 { a.end } else { va as int / 4096 };
    if va % 4096 != 0 {
        Err(PageTableError::UnalignedVaddr(va))
    } else if page < a.start || page > a.end {
        Err(PageTableError::InvalidVaddr(va))
    } else {
        Ok(page)
    }
}

/// Why an item is not one page that may be mapped here, whatever is mapped already.
pub open spec fn unfit<K: TableKind>(a: At, item: RawItem) -> Option<PageTableError> {
    let (pa, level, prop) = item;
    if a.page == a.end {
        stuck(a)
    } else if level == 0 || level > K::C::HIGHEST_TRANSLATION_LEVEL || !K::E::spec_supports(level as int, prop) {
        Some(PageTableError::UnsupportedProperty(a.va()))
    } else if !aligned(level as int, a.va() as int) {
        Some(PageTableError::UnalignedVaddr(a.va()))
    } else if !page_ok(K::E::PADDR_END as int, level as int, pa as int) {
        Some(PageTableError::InvalidPaddr(pa))
    } else if span(level as int) > a.end - a.page || level > a.top {
        Some(PageTableError::InvalidVaddrRange(a.va(), ((a.va() + bytes(level as int)) % 0x1_0000_0000_0000_0000) as usize))
    } else {
        None
    }
}

/// Why a run is not one that may be mapped here, whatever is mapped already.
pub open spec fn unfit_run<K: TableKind>(a: At, pa: usize, len: usize, prop: PageProperty) -> Option<PageTableError> {
    let end = K::E::PADDR_END as int;
    if beyond(a, len) is Some {
        beyond(a, len)
    } else if len > 0 && !(page_ok(end, 1, pa as int) && page_ok(end, 1, pa + len - 4096)) {
        Some(PageTableError::InvalidPaddr(pa))
    } else if !K::E::spec_supports(1, prop) {
        Some(PageTableError::UnsupportedProperty(a.va()))
    } else {
        None
    }
}

/// One page was mapped to `item`, or none.
pub open spec fn mapped_item<K: TableKind>(a: At, b: At, item: RawItem, r: Result<(), PageTableError>) -> bool {
    let n = span(item.1 as int);
    match unfit::<K>(a, item) {
        Some(e) => r == Err::<(), PageTableError>(e) && b == a,
        None => match r {
            Ok(()) => a.map.dom().disjoint(pages(a.page, n)) && b == a.with_run(n, item.0 as int, item.2),
            Err(e) => b == a && refused(e, a.map, a.page, n),
        },
    }
}

/// A run was mapped as far as the new position.
pub open spec fn mapped_run<K: TableKind>(a: At, b: At, pa: usize, len: usize, prop: PageProperty, r: Result<(), PageTableError>) -> bool {
    let n = len as int / 4096;
    match unfit_run::<K>(a, pa, len, prop) {
        Some(e) => r == Err::<(), PageTableError>(e) && b == a,
        None => {
            let k = b.page - a.page;
            &&& 0 <= k <= n && a.map.dom().disjoint(pages(a.page, k)) && b == a.with_run(k, pa as int, prop)
            &&& match r {
                Ok(()) => k == n,
                Err(PageTableError::AlreadyMapped(va)) => k < n && va == b.va() && a.map.dom().contains(b.page),
                Err(e) => k < n && e is NoMemory && !a.map.dom().contains(b.page),
            }
        },
    }
}

/// What the current page is mapped to: the range of the page and what it maps, if it maps anything.
pub open spec fn looked(a: At, first_page: int, n: int, found: Option<RawItem>) -> bool {
    &&& first_page <= a.page < first_page + n
    &&& match found {
        Some((pa, level, prop)) => 1 <= level <= 5 && n == span(level as int) && first_page == first(level as int, a.page)
            && forall|x: int| first_page <= x < first_page + n ==> #[trigger] a.map.dom().contains(x)
                && a.map[x] == Tr::Page(pa + (x - first_page) * 4096, prop.spec_sans_ad()),
        None => forall|x: int| first_page <= x < first_page + n ==> !#[trigger] a.map.dom().contains(x),
    }
}

/// What an item is as an entry, if there is one.
pub open spec fn raw_of<C: PageTableConfig>(item: Option<C::Item>) -> Option<RawItem> {
    match item { Some(item) => Some(C::raw(item)), None => None }
}

/// What a query answers.
pub open spec fn queried<C: PageTableConfig>(a: At, range: core::ops::Range<usize>, item: Option<C::Item>) -> bool {
    exists|base: int, n: int| {
        &&& #[trigger] looked(a, base, n, raw_of::<C>(item))
        &&& range.start == va_of(base) && range.end == va_of(base + n)
    }
}

/// A jump to an address, or why not.
pub open spec fn jumped(a: At, b: At, va: usize, r: Result<(), PageTableError>) -> bool {
    match (r, target(a, va)) {
        (Ok(()), Ok(page)) => b == a.moved(page),
        (Err(e), Err(why)) => e == why && b == a,
        _ => false,
    }
}

/// The pages from `from` up to `to` are not mapped.
pub open spec fn gap(a: At, from: int, to: int) -> bool {
    forall|x: int| from <= x < to ==> !#[trigger] a.map.dom().contains(x)
}

/// The first mapped page of the next `len` bytes, or their end.
pub open spec fn found(a: At, b: At, len: usize, r: Result<Option<usize>, PageTableError>) -> bool {
    match beyond(a, len) {
        Some(e) => r == Err::<Option<usize>, PageTableError>(e) && b == a,
        None => {
            let to = a.page + len as int / 4096;
            &&& b == a.moved(b.page) && a.page <= b.page <= to && gap(a, a.page, b.page)
            &&& match r {
                Ok(Some(va)) => b.page < to && va == b.va() && a.map.dom().contains(b.page),
                Ok(None) => b.page == to,
                Err(_) => false,
            }
        },
    }
}

/// What an operation on properties may make of one.
pub type Rel = spec_fn(PageProperty, PageProperty) -> bool;

/// `op` takes any property, and makes of it what `rel` says.
#[verifier::prophetic]
pub open spec fn makes<F: FnOnce(&mut PageProperty)>(op: F, rel: Rel) -> bool {
    &&& forall|p: &mut PageProperty| call_requires(op, (p,))
    &&& forall|p: &mut PageProperty| #[trigger] call_ensures(op, (p,), ()) ==> rel(*p, *final(p))
}

/// An operation sees a property without the flag of uncounted memory, which stays as it is.
pub open spec fn turned(rel: Rel, from: PageProperty, to: PageProperty) -> bool {
    exists|now: PageProperty| #[trigger] rel(marked(from, true), now) && to == marked(now, counted(from))
}

/// The same of properties as a cursor sees them: without the flags that the MMU sets at any time.
pub open spec fn change_by(rel: Rel) -> Change {
    |q: PageProperty, r: PageProperty| counted(q) == counted(r)
        && exists|from: PageProperty, to: PageProperty| #[trigger] turned(rel, from, to) && from.spec_sans_ad() == q && to.spec_sans_ad() == r
}

/// One page has a new property, or there is none in the next `len` bytes.
pub open spec fn changed_next(a: At, b: At, len: usize, rel: Rel, r: Result<Option<core::ops::Range<usize>>, PageTableError>) -> bool {
    match beyond(a, len) {
        Some(e) => r == Err::<Option<core::ops::Range<usize>>, PageTableError>(e) && b == a,
        None => {
            let to = a.page + len as int / 4096;
            &&& same_range(a, b) && a.page <= b.page <= to
            &&& match r {
                Ok(Some(range)) => exists|at: int, n: int| {
                    &&& #[trigger] changed_at(a, b, at, n, rel)
                    &&& range.start == va_of(at) && range.end == va_of(at + n)
                },
                Ok(None) => b == a.moved(to) && gap(a, a.page, to),
                Err(e) => b.map == a.map && (e is NoMemory || e is UnsupportedProperty),
            }
        },
    }
}

/// The pages `[at, at + n)`, one page of the table and the first from here on that is mapped, have a new property.
pub open spec fn changed_at(a: At, b: At, at: int, n: int, rel: Rel) -> bool {
    &&& a.page <= at && b.page == at + n && gap(a, a.page, at)
    &&& exists|pa: int, from: PageProperty, to: PageProperty| {
        &&& #[trigger] turned(rel, from, to) && counted(to) == counted(from)
        &&& #[trigger] run_in(a.map, at, n, pa, from.spec_sans_ad())
        &&& b.map == a.map.union_prefer_right(run(at, n, pa, to.spec_sans_ad()))
    }
}

/// Each page of the next `len` bytes has a new property, or those before the new position.
pub open spec fn changed_all(a: At, b: At, len: usize, rel: Rel, r: Result<usize, PageTableError>) -> bool {
    match beyond(a, len) {
        Some(e) => r == Err::<usize, PageTableError>(e) && b == a,
        None => {
            let n = len as int / 4096;
            &&& same_range(a, b) && a.page <= b.page <= a.page + n
            &&& reproped(a.map, b.map, a.page, b.page - a.page, change_by(rel))
            &&& match r {
                Ok(k) => b.page == a.page + n && k == mapped(a.map, a.page, n),
                Err(e) => e is UnsupportedProperty || e is NoMemory && b.page == a.page,
            }
        },
    }
}

/// `b` is the cursor `a`, at `b`'s place and with what it sees there.
pub open spec fn same_range(a: At, b: At) -> bool {
    b == (At { page: b.page, map: b.map, ..a })
}

/// The next page was taken out with what it held, or a whole table, or there is nothing in the next `len` bytes.
pub(super) open spec fn took<P: Platform>(a: At, b: At, len: usize, r: Result<Option<Found<P>>, PageTableError>) -> bool {
    match beyond(a, len) {
        Some(e) => r == Err::<Option<Found<P>>, PageTableError>(e) && b == a,
        None => {
            let to = a.page + len as int / 4096;
            &&& same_range(a, b) && a.page <= b.page <= to
            &&& match r {
                Ok(Some(Found::Leaf(at, f, m))) => {
                    &&& a.page <= at && b.page == at + span(f.level as int) && gap(a, a.page, at as int)
                    &&& run_in(a.map, at as int, span(f.level as int), f.pa as int, f.prop.spec_sans_ad())
                    &&& came_out(at as int, f, m@)
                    &&& b.map == a.map.remove_keys(pages(at as int, span(f.level as int)))
                },
                Ok(Some(Found::Table(at, n, k))) => {
                    &&& 1 <= n <= span(5) && a.page <= at && b.page == at + n && gap(a, a.page, at as int) && k == mapped(a.map, at as int, n as int)
                    &&& b.map == a.map.remove_keys(pages(at as int, n as int))
                },
                Ok(None) => b == a.moved(to) && gap(a, a.page, to),
                Err(e) => b.map == a.map && (e is NoMemory || e is UnsupportedProperty),
            }
        },
    }
}

/// The next page was taken out as an item that waits for its flush, or a whole table, or there is nothing.
pub open spec fn took_item<C: PageTableConfig>(a: At, b: At, len: usize, r: Result<Option<Taken<C>>, PageTableError>) -> bool {
    match beyond(a, len) {
        Some(e) => r == Err::<Option<Taken<C>>, PageTableError>(e) && b == a,
        None => {
            let to = a.page + len as int / 4096;
            &&& same_range(a, b) && a.page <= b.page <= to
            &&& match r {
                Ok(Some(Taken::Page { va, len, item })) => {
                    let (at, n, raw) = (va as int / 4096, len as int / 4096, C::raw(item@));
                    &&& va == at * 4096 && n == span(raw.1 as int) && a.page <= at && b.page == at + n && gap(a, a.page, at)
                    &&& run_in(a.map, at, n, raw.0 as int, raw.2.spec_sans_ad()) && b.map == a.map.remove_keys(pages(at, n))
                    &&& item.va().start == va && item.va().end == va_of(at + n)
                },
                Ok(Some(Taken::Table { va, len, pages: k })) => {
                    let (at, n) = (va as int / 4096, len as int / 4096);
                    &&& va == at * 4096 && a.page <= at && b.page == at + n && gap(a, a.page, at)
                    &&& k == mapped(a.map, at, n) && b.map == a.map.remove_keys(pages(at, n))
                },
                Ok(None) => b == a.moved(to) && gap(a, a.page, to),
                Err(e) => b.map == a.map && (e is NoMemory || e is UnsupportedProperty),
            }
        },
    }
}

/// The next `len` bytes are not mapped any more; or nothing has changed.
pub open spec fn unmapped(a: At, b: At, len: usize, r: Result<usize, PageTableError>) -> bool {
    let n = len as int / 4096;
    match (beyond(a, len), r) {
        (Some(e), _) => r == Err::<usize, PageTableError>(e) && b == a,
        (None, Ok(k)) => k == mapped(a.map, a.page, n)
            && b == (At { page: a.page + n, map: a.map.remove_keys(pages(a.page, n)), ..a }),
        (None, Err(e)) => b == a && (e is NoMemory || e is UnsupportedProperty),
    }
}

/// Shares of the frames of a run, from its `i`-th on, by the numbers from 0 on.
pub open spec fn run_held<P: Platform>(m: Shares<P>, i: int, n: int, pa: int, prop: PageProperty) -> bool {
    if counted(prop) { parts(m, 0, n - i, pa + i * 4096) } else { m.dom() =~= Set::empty() }
}

/// Opening a range: what the cursor sees at first, or why there is none.
pub open spec fn opened<K: TableKind>(range: core::ops::Range<usize>, r: Result<At, PageTableError>) -> bool {
    match r {
        Ok(a) => range_ok::<K>(range.start, range.end) && a.page == a.start && a.start == range.start / 4096
            && a.end == range_end(range.end) / 4096,
        Err(PageTableError::UnalignedVaddr(va)) => va % 4096 != 0
            && (va == range.start || range.start % 4096 == 0 && va == range.end),
        Err(PageTableError::NoMemory(va)) => range_ok::<K>(range.start, range.end) && va == range.start,
        Err(e) => e == PageTableError::InvalidVaddrRange(range.start, range.end) && range.start % 4096 == 0
            && range.end % 4096 == 0 && !range_ok::<K>(range.start, range.end),
    }
}

impl<'a, C: PageTableConfig> Cursor<'a, C> {
    /// Its position is one of its range, and its pages hold what they map. Every function here keeps it so.
    pub open(super) spec fn wf(self) -> bool {
        self.open.inv()
    }

    /// What it sees.
    pub open(super) spec fn at(self) -> At {
        self.open.at()
    }
}

impl<'a, C: PageTableConfig> CursorMut<'a, C> {
    pub open(in super::super) spec fn wf(self) -> bool {
        self.0.wf()
    }

    /// What it sees.
    pub open(in super::super) spec fn at(self) -> At {
        self.0.at()
    }
}

impl<C: PageTableConfig> Opened<C> {
    pub open(super) spec fn inv(self) -> bool {
        &&& self.path.inv(self.own@)
        &&& self.path.start < self.path.end
        &&& self.own@.site.from == self.path.start && self.own@.site.to == self.path.end
        &&& backed::<C::P, C::E>(self.shares@, self.own@)
    }

    pub open(super) spec fn at(self) -> At {
        At {
            start: self.path.start as int,
            end: self.path.end as int,
            top: self.path.top as int,
            page: self.path.page as int,
            map: self.own@.view(),
        }
    }
}

/// The word at the current position decides every page `x` of its slot.
proof fn lemma_decided<P: Platform, E: PageTableEntryTrait>(c: &Path<P, E>, o: Owner<P, E>, w: u64, x: int)
    requires
        c.inv(o), c.page < c.end, c.reads(o, w), !is_table::<E>(c.level as int, w),
        first(c.level as int, c.v()) <= x < first(c.level as int, c.v()) + span(c.level as int),
    ensures
        o.under(x), o.own_at(x), o.at(x) == meaning::<E>(c.level as int, w, x),
        off(c.level as int, x) == x - first(c.level as int, c.v()),
{
    let (l, v) = (c.level as int, c.v());
    here::<P, E>(c, o);
    assert(o.mine.contains(v));
    slot_iff(l, x, slot(l, v));
    at_word::<P, E>(o, l, v, x);
    slot_eq_up(l, o.top, x, v);
}

/// What the word that decides the current page says of all pages of its slot, and what these hold.
pub(super) proof fn lemma_looked<C: PageTableConfig>(c: &Opened<C>, w: u64)
    requires
        c.inv(), c.path.page < c.path.end, c.path.reads(c.own@, w), !is_table::<C::E>(c.path.level as int, w),
    ensures ({
        let (l, v) = (c.path.level as int, c.path.v());
        let (b, n) = (first(l, v), span(l));
        let raw = (C::E::spec_paddr(l, w) as usize, c.path.level, C::E::spec_prop(l, w));
        &&& b <= v < b + n && b + n <= NR_PAGES
        &&& present::<C::E>(w) ==> looked(c.at(), b, n, Some(raw)) && lent(c.shares@, b, raw) && 0 <= C::E::spec_paddr(l, w) <= usize::MAX
        &&& !present::<C::E>(w) ==> looked(c.at(), b, n, None)
    }),
{
    let (l, v, o) = (c.path.level as int, c.path.v(), c.own@);
    let (b, n) = (first(l, v), span(l));
    here::<C::P, C::E>(&c.path, o);
    slot_bounds(l, v);
    slot_limit(l, v);
    C::E::base_is_last(w);
    if present::<C::E>(w) {
        C::E::leaf_paddr_ok(l, w);
        C::E::paddr_end_aligned();
        let (pa, prop) = (C::E::spec_paddr(l, w), C::E::spec_prop(l, w));
        counted_sans_ad(prop);
        assert forall|x: int| b <= x < b + n implies #[trigger] c.at().map.dom().contains(x)
            && c.at().map[x] == Tr::Page(pa + (x - b) * 4096, prop.spec_sans_ad()) by {
            lemma_decided::<C::P, C::E>(&c.path, o, w, x);
        }
        assert forall|x: int| b <= x < b + n && counted(prop) implies #[trigger] c.shares@.dom().contains(x)
            && share_of(c.shares@[x], pa + (x - b) * 4096) by {
            lemma_decided::<C::P, C::E>(&c.path, o, w, x);
            assert(holds(c.shares@, x, o.says(x)));
        }
    } else {
        assert forall|x: int| b <= x < b + n implies !#[trigger] c.at().map.dom().contains(x) by {
            lemma_decided::<C::P, C::E>(&c.path, o, w, x);
        }
    }
}

/// Where a leaf is found, a page is mapped.
pub(super) proof fn lemma_leaf_maps<C: PageTableConfig>(c: &Opened<C>, w: u64)
    requires
        c.inv(), c.path.page < c.path.end, c.path.reads(c.own@, w), !is_table::<C::E>(c.path.level as int, w), present::<C::E>(w),
    ensures c.at().map.dom().contains(c.path.v()),
{
    lemma_looked(c, w);
}

/// What fits by the checks is what the engine maps.
pub(super) proof fn lemma_fits<C: PageTableConfig>(a: At, item: RawItem)
    requires unfit::<C>(a, item) is None, 0 <= a.page < a.end <= NR_PAGES,
    ensures
        1 <= item.1 <= a.top, leaf_ok::<C::E>(item.1 as int, item.0 as int, item.2), first(item.1 as int, a.page) == a.page,
        a.page + span(item.1 as int) <= a.end,
{
    C::C::lemma_consts();
    C::E::supports_wf(item.1 as int, item.2);
    reveal(slot);
    reveal(base);
}

/// A run that fits by the checks is one that the engine maps.
pub(super) proof fn lemma_run_fits<C: PageTableConfig>(a: At, pa: usize, len: usize, prop: PageProperty)
    requires unfit_run::<C>(a, pa, len, prop) is None, len > 0,
    ensures aligned(1, pa as int), pa + len <= C::E::PADDR_END, len % 4096 == 0,
{
    C::E::paddr_end_aligned();
}

/// The shares of the first `k` frames of a run, by the pages from `v` on; the others stay, by the numbers from 0 on.
pub(super) proof fn take_first<P: Platform>(tracked m: &mut Shares<P>, n: int, k: int, v: int, pa: int, prop: PageProperty) -> (tracked r: Shares<P>)
    requires run_held::<P>(*old(m), 0, n, pa, prop), 0 <= k <= n,
    ensures
        run_held::<P>(*final(m), k, n, pa, prop),
        if counted(prop) { parts(r, v, k, pa) } else { r.dom() =~= Set::empty() },
{
    let m0 = *m;
    let tracked mut r = m.tracked_remove_keys(m0.dom().intersect(Set::new(|x: int| 0 <= x < k)));
    if counted(prop) {
        r.tracked_map_keys_in_place(Map::new(|x: int| v <= x < v + k, |x: int| x - v));
        assert forall|x: int| #[trigger] r.dom().contains(x) implies share_of(r[x], pa + (x - v) * 4096) by {
            assert(r[x] == m0[x - v] && m0.dom().contains(x - v));
        }
        let left = *m;
        m.tracked_map_keys_in_place(Map::new(|x: int| 0 <= x < n - k, |x: int| x + k));
        assert forall|x: int| #[trigger] m.dom().contains(x) implies share_of(m[x], pa + k * 4096 + (x - 0) * 4096) by {
            assert(m[x] == left[x + k] && left.dom().contains(x + k) && m0.dom().contains(x + k));
        }
    }
    r
}

/// One page with a new property.
pub(super) proof fn lemma_one_changed<C: PageTableConfig, S: ChangeOnce>(
    c: &Opened<C>,
    a: Owner<C::P, C::E>,
    before: At,
    at: int,
    n: int,
    leaf: Leaf,
    op: S,
    rel: Rel,
)
    requires
        backed::<C::P, C::E>(c.shares@, a), a.same_shape(c.own@), run_in(a.view(), at, n, leaf.pa as int, leaf.prop.spec_sans_ad()),
        exists|q: PageProperty| #[trigger] op.makes(leaf.prop, q) && counted(q) == counted(leaf.prop)
            && c.own@.view() == a.view().union_prefer_right(run(at, n, leaf.pa as int, q.spec_sans_ad())),
        forall|p: PageProperty, q: PageProperty| #[trigger] op.makes(p, q) ==> turned(rel, p, q),
        before.map == a.view(), before.page <= at, c.at().page == at + n, gap(before, before.page, at),
    ensures
        backed::<C::P, C::E>(c.shares@, c.own@), changed_at(before, c.at(), at, n, rel),
{
    let pa = leaf.pa as int;
    let q = choose|q: PageProperty| #[trigger] op.makes(leaf.prop, q) && counted(q) == counted(leaf.prop)
        && c.own@.view() == a.view().union_prefer_right(run(at, n, pa, q.spec_sans_ad()));
    counted_sans_ad(q);
    counted_sans_ad(leaf.prop);
    let same: Change = |q: PageProperty, r: PageProperty| counted(q) == counted(r);
    let (x, y, new) = (a.view(), c.own@.view(), run(at, n, pa, q.spec_sans_ad()));
    assert forall|v: int| #[trigger] y.dom().contains(v) <==> x.dom().contains(v) by {
        if at <= v < at + n { assert(x.dom().contains(v)); }
    }
    assert forall|v: int| #[trigger] x.dom().contains(v) implies if at <= v < at + n { changed(x[v], y[v], same) } else { y[v] == x[v] } by {
        if at <= v < at + n { assert(new.dom().contains(v)); }
    }
    keep_shares(c.shares@, a, c.own@, at, n, same);
    assert(turned(rel, leaf.prop, q));
    assert(run_in(before.map, at, n, pa, leaf.prop.spec_sans_ad()));
}

} // verus!
