//! Tables and cursors, one operation after the other: a client that the checker reads as a kernel's code
//! would be read, and that the tests run.
#[cfg(verus_only)]
use super::count::mapped_uniform;
#[cfg(verus_only)]
use super::cursor::spec::*;
#[cfg(verus_only)]
use super::item::spec::marked;
use super::table_root::TableRoot;
use super::*;
#[cfg(verus_only)]
use super::{model::*, model_words::changed, shares::counted};
use crate::frame::FrameAllocOptions;
#[cfg(verus_only)]
use crate::paging::geometry::*;
use crate::paging::{CachePolicy, PageFlags, PageProperty};
use crate::rcu::RcuGuard;
use crate::{Paddr, Platform, Vaddr};
#[cfg(verus_only)]
use core::ops::Range;
use vstd::prelude::*;

type User<'a, P, F> = CursorMut<'a, UserPtConfig<P, F>>;

/// Where the first huge page of the tours goes: no page is larger in any format that begins here, but of level 3.
#[verus_verify]
const HERE: Vaddr = 0x4000_0000;
#[verus_verify]
const M2: usize = 0x20_0000;

/// What an address translates to: the physical address, and whether writing is allowed.
type Seen = Option<(Paddr, bool)>;

/// Takes a table apart that nobody uses.
#[verus_spec]
fn take_apart<K: TableKind>(table: TableRoot<K>) {
    // SAFETY: no CPU has loaded the table, and no cursor or walk is left.
    reclaim(unsafe { table.retire().assume_unseen() })
}

/// What the address of a cursor translates to.
#[verus_spec(r =>
    requires old(c).wf(), 0 <= old(c).at().page < old(c).at().end <= 0x10_0000_0000_0000,
    ensures final(c).wf(), final(c).at() == old(c).at(), r matches Ok(seen) && sees(old(c).at(), seen),
)]
fn look<'a, P: Platform, F: PagingFormat>(c: &mut User<'a, P, F>) -> Result<Seen, PageTableError> {
    proof_decl! {
        let ghost a = c.at();
    }
    let va = c.0.virt_addr();
    let (range, item) = c.0.query()?;
    match item {
        None => Ok(None),
        Some(item) => {
            proof! { lemma_seen(a, range, item.raw()); }
            let pa = item.paddr().wrapping_add(va - range.start);
            let prop = item.prop();
            proof! { lemma_w(prop, item.raw().2); }
            Ok(Some((pa, prop.flags.contains(PageFlags::W))))
        }
    }
}

/// Maps a huge page of memory that nobody owns, looks at it, splits it, takes the right to write away, and looks again.
#[verus_spec(r => ensures r matches Ok((a, b, n)) ==> a == Some((pa, true)) && b == Some((pa, false)) && n == 512)]
fn huge_page<P: Platform, F: PagingFormat>(
    table: &TableRoot<UserPtConfig<P, F>>,
    pa: Paddr,
) -> Result<(Seen, Seen, usize), PageTableError> {
    let mut guard = RcuGuard::<P>::enter();
    let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    proof_with!(Tracked(table.tracked_perm()), Ghost(table.pins()));
    let mut c = User::<P, F>::open(table.paddr(), &mut guard, &(HERE..HERE + 2 * M2))?;
    c.map_range(pa, M2, prop, 2)?;
    c.0.jump(HERE)?;
    proof! {
        assert(run(HERE as int / 4096, 512, pa as int, marked(prop, false).spec_sans_ad()).dom().contains(c.at().page));
        assert(((3u8 | 32) & 0xe7) & 2 == 2) by (bit_vector);
    }
    let first = look(&mut c)?;
    c.split()?;
    proof_decl! {
        let ghost a = c.at();
        let ghost rel: Rel = |from: PageProperty, to: PageProperty| to.flags == PageFlags::R;
    }
    proof_with!(Ghost(rel));
    let n = c.protect(
        M2,
        verus_exec_expr!(|p: &mut PageProperty| ensures final(p).flags == PageFlags::R { p.flags = PageFlags::R }),
    )?;
    c.0.jump(HERE)?;
    proof! {
        lemma_turned(a.map[a.page], c.at().map[a.page], rel);
        mapped_uniform(a.map, a.page, 512, true);
    }
    let then = look(&mut c)?;
    Ok((first, then, n))
}

/// A kernel table and a user table made from it, and `huge_page` at `pa` in the user's.
///
/// # Errors
/// `NoMemory`: the machine has no frame for a node; `UnsupportedProperty`, `InvalidPaddr`: of the format.
#[verus_spec(r => ensures r matches Ok((a, b, n)) ==> a == Some((pa, true)) && b == Some((pa, false)) && n == 512)]
pub fn one_huge_page<P: Platform, F: PagingFormat>(
    pa: Paddr,
) -> Result<(Seen, Seen, usize), PageTableError> {
    let Ok(kernel) = TableRoot::<KernelPtConfig<P, F>>::new_kernel() else {
        return Err(PageTableError::NoMemory(0));
    };
    let seen = match kernel.new_user() {
        None => Err(PageTableError::NoMemory(0)),
        Some(user) => {
            let seen = huge_page(&user, pa);
            take_apart(user);
            seen
        }
    };
    take_apart(kernel);
    seen
}

/// Maps one page by each of two cursors that are open at the same time, the second read-only, and looks by both.
#[verus_spec(r => ensures r matches Ok((a, b)) ==> a == Some((pa, true)) && b == Some((pa, false)))]
fn two_cursors<P: Platform, F: PagingFormat>(
    table: &TableRoot<UserPtConfig<P, F>>,
    pa: Paddr,
) -> Result<(Seen, Seen), PageTableError> {
    let (mut one, mut two) = (RcuGuard::<P>::enter(), RcuGuard::<P>::enter());
    let rw = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    let ro = PageProperty::new_user(PageFlags::R, CachePolicy::Writeback);
    proof_with!(Tracked(table.tracked_perm()), Ghost(table.pins()));
    let mut a = User::<P, F>::open(table.paddr(), &mut one, &(HERE..HERE + M2))?;
    proof_with!(Tracked(table.tracked_perm()), Ghost(table.pins()));
    let mut b = User::<P, F>::open(table.paddr(), &mut two, &(2 * HERE..2 * HERE + M2))?;
    a.map(MappedItem::Untracked(pa, 1, rw))?;
    b.map(MappedItem::Untracked(pa, 1, ro))?;
    a.0.jump(HERE)?;
    b.0.jump(2 * HERE)?;
    proof! { lemma_mapped(a.at(), pa, marked(rw, false)); lemma_mapped(b.at(), pa, marked(ro, false)); lemma_bits(); }
    let first = look(&mut a)?;
    let second = look(&mut b)?;
    Ok((first, second))
}

/// `two_cursors` on a table of its own.
///
/// # Errors
/// As for [`one_huge_page`].
#[verus_spec(r => ensures r matches Ok((a, b)) ==> a == Some((pa, true)) && b == Some((pa, false)))]
pub fn two_pages<P: Platform, F: PagingFormat>(pa: Paddr) -> Result<(Seen, Seen), PageTableError> {
    let Some(table) = TableRoot::<UserPtConfig<P, F>>::empty() else {
        return Err(PageTableError::NoMemory(0));
    };
    let seen = two_cursors(&table, pa);
    take_apart(table);
    seen
}

/// Maps a frame in one table, takes a clone of it from there, maps that read-only in the other table, and looks at it
/// in both. `None` for the second: the query answered with more than one frame, which the views of cursors do not exclude.
#[verus_spec(r => ensures r matches Ok((a, b)) ==> a is Some && (b is Some ==> b == Some((a->Some_0.0, false))))]
fn shared_frame<P: Platform, F: PagingFormat>(
    parent: &TableRoot<UserPtConfig<P, F>>,
    child: &TableRoot<UserPtConfig<P, F>>,
) -> Result<(Seen, Seen), PageTableError> {
    let Ok(frame) = FrameAllocOptions::<P>::new().alloc_frame() else {
        return Err(PageTableError::NoMemory(HERE));
    };
    let rw = PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback);
    let ro = PageProperty::new_user(PageFlags::R, CachePolicy::Writeback);
    let mut guard = RcuGuard::<P>::enter();
    let mut other = RcuGuard::<P>::enter();
    proof_with!(Tracked(parent.tracked_perm()), Ghost(parent.pins()));
    let mut a = User::<P, F>::open(parent.paddr(), &mut guard, &(HERE..HERE + 4096))?;
    proof_decl! {
        let ghost pa = frame.paddr();
    }
    a.map(MappedItem::Tracked(frame.into_dyn(), rw))?;
    a.0.jump(HERE)?;
    proof! { lemma_mapped(a.at(), pa, marked(rw, true)); lemma_bits(); }
    let first = look(&mut a)?;
    let (_range, item) = a.0.query()?;
    proof! {
        if item is Some { lemma_seen(a.at(), _range, item->Some_0.raw()); }
        slot_bounds(1, a.at().page);
    }
    let Some(MappedItem::Tracked(frame, _)) = item else {
        return Ok((first, None));
    };
    proof! { assert(frame.paddr() == pa); }
    proof_with!(Tracked(child.tracked_perm()), Ghost(child.pins()));
    let mut b = User::<P, F>::open(child.paddr(), &mut other, &(HERE..HERE + 4096))?;
    b.map(MappedItem::Tracked(frame, ro))?;
    b.0.jump(HERE)?;
    proof! { lemma_mapped(b.at(), pa, marked(ro, true)); }
    let second = look(&mut b)?;
    Ok((first, second))
}

/// `shared_frame` of two tables.
///
/// # Errors
/// As for [`one_huge_page`].
#[verus_spec(r => ensures r matches Ok((a, b)) ==> a is Some && (b is Some ==> b == Some((a->Some_0.0, false))))]
pub fn fork<P: Platform, F: PagingFormat>() -> Result<(Seen, Seen), PageTableError> {
    let Some(parent) = TableRoot::<UserPtConfig<P, F>>::empty() else {
        return Err(PageTableError::NoMemory(0));
    };
    let seen = match TableRoot::<UserPtConfig<P, F>>::empty() {
        None => Err(PageTableError::NoMemory(0)),
        Some(child) => {
            let seen = shared_frame(&parent, &child);
            take_apart(child);
            seen
        }
    };
    take_apart(parent);
    seen
}

#[cfg(verus_only)]
verus! {

/// One page, just mapped.
proof fn lemma_mapped(a: At, pa: usize, prop: PageProperty)
    requires exists|b: At| #[trigger] b.with_run(1, pa as int, prop).map == a.map && b.page == a.page,
    ensures a.map.dom().contains(a.page), a.map[a.page] == Tr::Page(pa as int, prop.spec_sans_ad()),
{
    assert(run(a.page, 1, pa as int, prop.spec_sans_ad()).dom().contains(a.page));
}

/// Which flags let write.
proof fn lemma_bits()
    ensures
        ((3u8 | 32) & 0xe7) & 2 == 2, ((1u8 | 32) & 0xe7) & 2 == 0, ((3u8 & !32u8) & 0xe7) & 2 == 2, ((1u8 & !32u8) & 0xe7) & 2 == 0,
{
    assert(((3u8 | 32) & 0xe7) & 2 == 2 && ((1u8 | 32) & 0xe7) & 2 == 0
        && ((3u8 & !32u8) & 0xe7) & 2 == 2 && ((1u8 & !32u8) & 0xe7) & 2 == 0) by (bit_vector);
}

/// What is seen at the address of a cursor.
spec fn sees(a: At, seen: Seen) -> bool {
    match seen {
        None => !a.map.dom().contains(a.page),
        Some((pa, w)) => a.map.dom().contains(a.page) && (a.map[a.page] matches Tr::Page(x, q) && (0 <= x <= usize::MAX ==> pa == x) && w == (q.flags.bits & 2 == 2)),
    }
}

/// A query tells what the address translates to.
proof fn lemma_seen(a: At, range: Range<usize>, raw: (Paddr, u8, PageProperty))
    requires
        0 <= a.page < a.end <= 0x10_0000_0000_0000,
        exists|base: int, n: int| #[trigger] looked(a, base, n, Some(raw)) && range.start == va_of(base) && range.end == va_of(base + n),
    ensures
        a.map.dom().contains(a.page), range.start <= a.va(),
        a.map[a.page] == Tr::Page(raw.0 + (a.va() - range.start), raw.2.spec_sans_ad()),
{
    let (from, n) = choose|from: int, n: int| #[trigger] looked(a, from, n, Some(raw)) && range.start == va_of(from) && range.end == va_of(from + n);
    slot_bounds(raw.1 as int, a.page);
    assert(first(raw.1 as int, a.page) >= 0) by { reveal(base); reveal(slot); }
    assert(a.map.dom().contains(a.page));
}

/// The right to write, whatever the flag of uncounted memory, accessed and dirty are.
proof fn lemma_w(prop: PageProperty, raw: PageProperty)
    requires marked(prop, counted(raw)) == raw,
    ensures (prop.flags.bits & 2 == 2) == (raw.spec_sans_ad().flags.bits & 2 == 2),
{
    let (b, r) = (prop.flags.bits, raw.flags.bits);
    assert((r & 0xe7) & 2 == r & 2 && (b & !32u8) & 2 == b & 2 && (b | 32u8) & 2 == b & 2) by (bit_vector);
}

/// Pages that were made read-only are not written.
proof fn lemma_turned(s: Tr, t: Tr, rel: Rel)
    requires changed(s, t, change_by(rel)), rel == |from: PageProperty, to: PageProperty| to.flags == PageFlags::R,
    ensures s matches Tr::Page(x, _) && (t matches Tr::Page(y, r) && x == y && r.flags.bits & 2 == 0),
{
    let (q, r) = (s->Page_1, t->Page_1);
    let (from, to) = choose|from: PageProperty, to: PageProperty| #[trigger] turned(rel, from, to) && from.spec_sans_ad() == q && to.spec_sans_ad() == r;
    let now = choose|now: PageProperty| #[trigger] rel(marked(from, true), now) && to == marked(now, counted(from));
    assert(((1u8 & !32u8) & 0xe7) & 2 == 0 && ((1u8 | 32u8) & 0xe7) & 2 == 0) by (bit_vector);
}

} // verus!
