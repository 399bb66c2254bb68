//! Kernel areas: what `kspace/` promises, by name (conformance, section 4).
mod common;
use common::*;
use veripage::frame::{DynFrame, FrameAllocOptions};
use veripage::kspace::range_alloc::RangeAllocError;
use veripage::kspace::{tour, KSpaceError, KVirtArea, KernelSpace};
use veripage::page_table::{MappedItem, PageTableError};
use veripage::paging::{CachePolicy, PageFlags, PageProperty, PrivilegedPageFlags, X86_64};
use veripage::PAGE_SIZE;
use veripage_sim::{Access, Machine, Sim};

const LOW: usize = 0xffff_c000_0000_0000;
const MIB: usize = 1 << 20;
/// Nodes that stay when an area is gone: those that a cursor goes through to reach its range.
const WAY: usize = 2;

type Space<const ID: usize> = KernelSpace<Sim<ID>, X86_64>;

fn space<const ID: usize>() -> Space<ID> {
    KernelSpace::new(LOW..LOW + 64 * MIB).unwrap()
}

/// Loads the kernel's table on the current CPU.
fn load<const ID: usize>(space: &Space<ID>) {
    // SAFETY: nothing executes through the simulated tables, and each test drops the machine's CPUs'
    // use of the table with the machine.
    unsafe { space.page_table().activate() }
}

fn frames<const ID: usize>(n: usize) -> Vec<DynFrame<Sim<ID>>> {
    let options = FrameAllocOptions::new();
    (0..n)
        .map(|_| options.alloc_frame().unwrap().into_dyn())
        .collect()
}

fn prop(flags: PageFlags) -> PageProperty {
    PageProperty {
        flags,
        cache: CachePolicy::Writeback,
        priv_flags: PrivilegedPageFlags::GLOBAL,
    }
}

fn rw() -> PageProperty {
    prop(PageFlags::RW)
}

/// Address and property of what an area says is mapped at `va`.
fn at<const ID: usize>(
    area: &KVirtArea<'_, Sim<ID>, X86_64>,
    va: usize,
) -> Option<(usize, PageProperty)> {
    let item = area.query(va).unwrap()?;
    let mut prop = item.prop();
    prop.flags = prop.flags.sans_ad();
    Some((item.paddr(), prop))
}

/// Everything that the space took is given back; its own nodes go with it.
fn over<const ID: usize>(machine: Machine<ID>, space: Space<ID>) {
    drop(space);
    at_rest(machine);
}

#[test]
fn verified_tour_runs() {
    assert_eq!(tour::two_ranges::<Sim<0>>(), Ok(0));
}

#[test]
fn tracked_map() {
    let m = machine::<1>();
    let s = space::<1>();
    let given = frames::<1>(3);
    let pas: Vec<_> = given.iter().map(|f| f.start_paddr()).collect();
    let area = KVirtArea::map_frames(&s, 8 * PAGE_SIZE, 2 * PAGE_SIZE, given, rw()).unwrap();
    assert_eq!(area.len(), 8 * PAGE_SIZE);
    assert_eq!(area.range(), area.start()..area.end());
    assert!(area.start() >= LOW && area.start() % PAGE_SIZE == 0);
    for page in 0..8 {
        let expected = (2..5).contains(&page).then(|| (pas[page - 2], rw()));
        assert_eq!(at(&area, area.start() + page * PAGE_SIZE + 5), expected);
    }
    match area.query(area.start() + 2 * PAGE_SIZE).unwrap() {
        Some(MappedItem::Tracked(frame, _)) => assert_eq!(frame.reference_count(), 2),
        other => panic!("not a frame: {other:?}"),
    }
    drop(area);
    over(m, s);
}

#[test]
fn untracked_map_uses_the_largest_pages() {
    let m = machine::<2>();
    let s = space::<2>();
    let device = 0x4000_0000 - PAGE_SIZE;
    let pas = device..device + 2 * MIB + 3 * PAGE_SIZE;
    let size = 8 * MIB;
    // SAFETY: nobody accesses it.
    let area =
        unsafe { KVirtArea::map_untracked_frames(&s, size, PAGE_SIZE, pas.clone(), rw()) }.unwrap();
    for (page, pa) in pas.step_by(PAGE_SIZE).enumerate() {
        let va = area.start() + (1 + page) * PAGE_SIZE;
        let level = if (1..513).contains(&page) { 2 } else { 1 };
        let base = if level == 2 { 0x4000_0000 } else { pa };
        match area.query(va).unwrap() {
            Some(MappedItem::Untracked(got, l, p)) => {
                assert_eq!((got, l, p.flags.sans_ad()), (base, level, PageFlags::RW))
            }
            other => panic!("not what was mapped at {va:#x}: {other:?}"),
        }
    }
    assert_eq!(at(&area, area.start()), None);
    assert_eq!(at(&area, area.end() - 1), None);
    drop(area);
    over(m, s);
}

#[test]
fn query_outside_the_area_is_an_error_and_a_hole_is_none() {
    let m = machine::<3>();
    let s = space::<3>();
    let area = KVirtArea::map_frames(&s, 4 * PAGE_SIZE, 0, frames::<3>(1), rw()).unwrap();
    for va in [0, area.start() - 1, area.end(), usize::MAX] {
        assert_eq!(area.query(va).err(), Some(KSpaceError::OutOfArea(va)));
    }
    assert!(at(&area, area.start() + PAGE_SIZE - 1).is_some());
    assert_eq!(at(&area, area.start() + PAGE_SIZE), None);
    drop(area);
    over(m, s);
}

#[test]
fn bad_input_is_an_error_and_nothing_is_kept() {
    let m = machine::<4>();
    let s = space::<4>();
    let nodes = m.stats().allocated;
    let refused = |size, offset, n, prop| {
        KVirtArea::map_frames(&s, size, offset, frames::<4>(n), prop)
            .err()
            .unwrap()
    };
    let page = PAGE_SIZE;
    assert_eq!(
        refused(0, 0, 0, rw()),
        KSpaceError::Range(RangeAllocError::BadSize(0))
    );
    assert_eq!(
        refused(page + 1, 0, 0, rw()),
        KSpaceError::Range(RangeAllocError::BadSize(page + 1))
    );
    assert_eq!(
        refused(page, 1, 1, rw()),
        KSpaceError::BadWindow(1, 0, page)
    );
    assert_eq!(
        refused(page, 2 * page, 1, rw()),
        KSpaceError::BadWindow(2 * page, 0, page)
    );
    assert_eq!(
        refused(2 * page, page, 2, rw()),
        KSpaceError::TooManyFrames(LOW + 2 * page)
    );
    let user = PageProperty::new_user(PageFlags::R, CachePolicy::Writeback);
    assert_eq!(refused(page, 0, 1, user), KSpaceError::BadProperty(user));
    let marked = prop(PageFlags::RW | PageFlags::AVAIL1);
    assert_eq!(
        refused(page, 0, 1, marked),
        KSpaceError::BadProperty(marked)
    );
    // SAFETY: refused.
    let beyond = unsafe { KVirtArea::map_untracked_frames(&s, page, page, 0..page, rw()) };
    assert_eq!(beyond.err(), Some(KSpaceError::BadWindow(page, page, page)));
    let (start, end) = (2 * page, page);
    // SAFETY: nothing is mapped.
    let reversed = unsafe { KVirtArea::map_untracked_frames(&s, page, 0, start..end, rw()) };
    assert_eq!(reversed.err(), Some(KSpaceError::BadPaddrRange(start, end)));
    assert!(m.stats().allocated <= nodes + WAY);
    // All addresses are still there.
    let all = KVirtArea::map_frames(&s, 64 * MIB, 0, [], rw()).unwrap();
    assert_eq!(all.range(), LOW..LOW + 64 * MIB);
    drop(all);
    for (a, b) in [(4096, 8192), (LOW, 0), (LOW + 1, LOW + 4096)] {
        assert!(KernelSpace::<Sim<4>, X86_64>::new(a..b).is_err());
    }
    over(m, s);
}

#[test]
fn exhaustion_is_an_error() {
    let m = machine::<5>();
    let s = space::<5>();
    let a = KVirtArea::map_frames(&s, 40 * MIB, 0, [], rw()).unwrap();
    let refused = KVirtArea::map_frames(&s, 40 * MIB, 0, frames::<5>(1), rw());
    assert_eq!(
        refused.err(),
        Some(KSpaceError::Range(RangeAllocError::Exhausted(40 * MIB)))
    );
    drop(a);
    drop(KVirtArea::map_frames(&s, 64 * MIB, 0, [], rw()).unwrap());
    over(m, s);
}

#[test]
fn live_areas_never_overlap() {
    let m = machine::<6>();
    let s = space::<6>();
    let mut live: Vec<KVirtArea<'_, Sim<6>, X86_64>> = Vec::new();
    let mut seed = 7usize;
    for _ in 0..300 {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let r = seed >> 33;
        if r % 3 == 0 && !live.is_empty() {
            live.swap_remove(r % live.len());
        } else {
            let size = (1 + r % 20) * PAGE_SIZE;
            let n = 1 + r % 2;
            if let Ok(area) =
                KVirtArea::map_frames(&s, size.max(n * PAGE_SIZE), 0, frames::<6>(n), rw())
            {
                live.push(area);
            }
        }
        for (i, a) in live.iter().enumerate() {
            assert!(a.start() >= LOW && a.end() <= LOW + 64 * MIB);
            for b in &live[..i] {
                assert!(a.end() <= b.start() || b.end() <= a.start());
            }
        }
    }
    assert!(live.len() > 20);
    drop(live);
    over(m, s);
}

#[test]
fn drop_unmaps_flushes_every_cpu_and_gives_back() {
    let m = machine::<7>();
    let s = space::<7>();
    m.run(0, || load(&s)).unwrap();
    m.run(1, || load(&s)).unwrap();
    let before = m.stats();
    let given = frames::<7>(2);
    let pa = given[1].start_paddr();
    let area = KVirtArea::map_frames(&s, 2 * PAGE_SIZE, 0, given, rw()).unwrap();
    let va = area.start() + PAGE_SIZE;
    for cpu in 0..2 {
        m.run(cpu, || {
            assert_eq!(m.access(va + 8, Access::Write, false), Ok(pa + 8));
            assert_eq!(m.tlb(cpu).len(), 1);
        })
        .unwrap();
    }
    let range = area.range();
    m.run(0, || drop(area)).unwrap();
    assert_eq!(m.stats().flushes, before.flushes + 1);
    assert!(m.tlb(0).is_empty() && m.tlb(1).is_empty());
    assert!(!m.is_allocated(pa));
    for cpu in 0..2 {
        let fault = m.run(cpu, || m.access(va, Access::Read, false)).unwrap();
        assert!(fault.is_err());
    }
    // The addresses can be had again, and nothing is mapped there.
    let again = KVirtArea::map_frames(&s, 2 * PAGE_SIZE, 0, [], rw()).unwrap();
    assert_eq!(again.range(), range);
    assert_eq!(at(&again, va), None);
    drop(again);
    assert_eq!(m.violations(), []);
    assert!(m.stats().allocated <= before.allocated + WAY);
}

#[test]
fn out_of_memory_at_every_allocation_leaves_nothing() {
    let m = machine::<8>();
    let s = space::<8>();
    let rest = m.stats().allocated;
    for n in 0.. {
        let given = frames::<8>(3);
        m.fail_nth_alloc(n);
        let area = KVirtArea::map_frames(&s, 4 * PAGE_SIZE, 0, given, rw());
        m.fail_no_alloc();
        match area {
            Ok(area) => {
                assert!(n > 0, "no allocation was refused");
                drop(area);
                break;
            }
            Err(KSpaceError::Table(PageTableError::NoMemory(_))) => {}
            Err(other) => panic!("{other}"),
        }
        let all = KVirtArea::map_frames(&s, 64 * MIB, 0, [], rw()).unwrap();
        assert_eq!(all.start(), LOW);
    }
    s.reclaim();
    // Nodes that were allocated on the way stay, empty; frames do not.
    assert!(m.stats().allocated <= rest + WAY);
    over(m, s);
}
