//! User spaces: what `vm_space/` promises, by name (conformance, section 5), and that flushes happen.
mod common;
use common::*;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use veripage::frame::{AnyUFrameMeta, FrameAllocOptions, FrameMeta, UFrame};
use veripage::kspace::{KVirtArea, KernelSpace};
use veripage::page_table::{MappedItem, PageTableError};
use veripage::paging::{CachePolicy, PageFlags, PageProperty, PrivilegedPageFlags, X86_64};
use veripage::rcu::RcuGuard;
use veripage::vm_space::{UserAccessError, VmSpace};
use veripage::{CpuSet, PAGE_SIZE};
use veripage_sim::{Access, Machine, Sim};

const LOW: usize = 0xffff_c000_0000_0000;
const VA: usize = 0x4000_0000;
const MIB: usize = 1 << 20;
const USER_END: usize = 1 << 47;

type Kernel<const ID: usize> = KernelSpace<Sim<ID>, X86_64>;
type Space<'k, const ID: usize> = VmSpace<'k, Sim<ID>, X86_64>;

fn kernel<const ID: usize>() -> Kernel<ID> {
    KernelSpace::new(LOW..LOW + 64 * MIB).unwrap()
}

fn frame<const ID: usize>() -> UFrame<Sim<ID>> {
    FrameAllocOptions::new().alloc_frame().unwrap()
}

fn user(flags: PageFlags) -> PageProperty {
    PageProperty::new_user(flags, CachePolicy::Writeback)
}

fn rw() -> PageProperty {
    user(PageFlags::RW)
}

/// Maps `n` new frames from `va` on, and says where the first is.
fn map<const ID: usize>(space: &Space<'_, ID>, va: usize, n: usize) -> usize {
    let mut guard = RcuGuard::enter();
    let mut cursor = space
        .cursor_mut(&mut guard, &(va..va + n * PAGE_SIZE))
        .unwrap();
    let mut first = 0;
    for i in 0..n {
        let frame = frame::<ID>();
        if i == 0 {
            first = frame.start_paddr();
        }
        cursor.map(frame, rw()).map_err(|(e, _)| e).unwrap();
    }
    first
}

fn unmap<const ID: usize>(space: &Space<'_, ID>, va: usize, n: usize) -> usize {
    let mut guard = RcuGuard::enter();
    let range = va..va + n * PAGE_SIZE;
    let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
    cursor.unmap(n * PAGE_SIZE).unwrap()
}

/// Physical address and property of the page at `va`.
fn at<const ID: usize>(space: &Space<'_, ID>, va: usize) -> Option<(usize, PageProperty)> {
    let mut guard = RcuGuard::enter();
    let mut cursor = space.cursor(&mut guard, &(va..va + PAGE_SIZE)).unwrap();
    let item = cursor.query().unwrap().1?;
    let mut prop = item.prop();
    prop.flags = prop.flags.sans_ad();
    Some((item.paddr(), prop))
}

/// Nothing went wrong, and nothing but the kernel's table is left.
fn over<const ID: usize>(machine: Machine<ID>, kernel: Kernel<ID>) {
    assert!(!kernel.reclaim());
    assert_eq!(machine.violations(), []);
    assert_eq!(machine.stats().allocated, 257);
    std::mem::forget(kernel);
}

#[test]
fn vmspace_creation_is_empty() {
    let m = machine::<1>();
    let k = kernel::<1>();
    let s = Space::<1>::new(&k).unwrap();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor(&mut guard, &(0..USER_END)).unwrap();
    assert_eq!(cursor.find_next(USER_END).unwrap(), None);
    assert_eq!(cursor.virt_addr(), USER_END);
    drop(cursor);
    drop(guard);
    assert_eq!(s.cpus(), CpuSet(0));
    drop(s);
    over(m, k);
}

#[test]
fn map_unmap() {
    let m = machine::<2>();
    let k = kernel::<2>();
    let s = Space::<2>::new(&k).unwrap();
    let pa = map(&s, VA, 1);
    assert_eq!(at(&s, VA), Some((pa, rw())));
    assert_eq!(at(&s, VA + PAGE_SIZE), None);
    assert_eq!(unmap(&s, VA, 1), 1);
    assert_eq!(at(&s, VA), None);
    assert!(!m.is_allocated(pa));
    drop(s);
    over(m, k);
}

#[test]
fn map_twice_is_an_error_and_gives_the_frame_back() {
    let m = machine::<3>();
    let k = kernel::<3>();
    let s = Space::<3>::new(&k).unwrap();
    let pa = map(&s, VA, 1);
    let second = frame::<3>();
    let second_pa = second.start_paddr();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
    let (e, back) = cursor.map(second, rw()).err().unwrap();
    assert_eq!(e, PageTableError::AlreadyMapped(VA));
    assert_eq!((back.start_paddr(), back.reference_count()), (second_pa, 1));
    drop(cursor);
    drop(guard);
    assert_eq!(at(&s, VA), Some((pa, rw())));
    drop(back);
    drop(s);
    over(m, k);
}

#[test]
fn unmap_twice_is_zero() {
    let m = machine::<4>();
    let k = kernel::<4>();
    let s = Space::<4>::new(&k).unwrap();
    map(&s, VA, 3);
    assert_eq!(unmap(&s, VA, 8), 3);
    assert_eq!(unmap(&s, VA, 8), 0);
    drop(s);
    over(m, k);
}

#[test]
fn activate_switches() {
    let m = machine::<5>();
    let k = kernel::<5>();
    let (a, b) = (Space::<5>::new(&k).unwrap(), Space::<5>::new(&k).unwrap());
    let (pa_a, pa_b) = (map(&a, VA, 1), map(&b, VA, 1));
    assert!(!a.is_active());
    a.activate();
    assert!(a.is_active());
    assert_eq!(m.root_of(0), Some(a.root_paddr()));
    assert_eq!(m.access(VA + 1, Access::Read, true), Ok(pa_a + 1));
    b.activate();
    assert_eq!(m.root_of(0), Some(b.root_paddr()));
    assert_eq!(m.access(VA + 1, Access::Read, true), Ok(pa_b + 1));
    assert_eq!((a.cpus(), b.cpus()), (CpuSet(1), CpuSet(1)));
    a.activate_from(&b);
    assert_eq!((a.cpus(), b.cpus()), (CpuSet(1), CpuSet(0)));
    m.run(1, || b.activate()).unwrap();
    assert_eq!((a.cpus(), b.cpus()), (CpuSet(1), CpuSet(2)));
    a.deactivate();
    assert_eq!(a.cpus(), CpuSet(0));
    assert_eq!(m.root_of(0), Some(k.root_paddr()));
    drop((a, b));
    over(m, k);
}

#[test]
fn dropping_an_active_space_makes_its_cpus_leave_it() {
    let m = machine::<6>();
    let k = kernel::<6>();
    let s = Space::<6>::new(&k).unwrap();
    map(&s, VA, 5);
    for cpu in 0..2 {
        m.run(cpu, || {
            s.activate();
            assert!(m.access(VA, Access::Write, true).is_ok());
        })
        .unwrap();
    }
    drop(s);
    for cpu in 0..2 {
        assert_eq!(m.root_of(cpu), Some(k.root_paddr()));
        assert!(m.tlb(cpu).is_empty());
    }
    over(m, k);
}

#[test]
fn flusher_keeps_mappings_until_it_is_synced() {
    let m = machine::<7>();
    let k = kernel::<7>();
    let s = Space::<7>::new(&k).unwrap();
    s.activate();
    let pa = map(&s, VA, 2);
    m.access(VA, Access::Read, true).unwrap();
    let before = m.stats().flushes;
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
    assert_eq!(cursor.unmap(PAGE_SIZE).unwrap(), 1);
    assert!(m.is_allocated(pa));
    assert_eq!(m.stats().flushes, before);
    cursor.flusher().dispatch_tlb_flush();
    assert!(m.is_allocated(pa));
    cursor.flusher().sync_tlb_flush();
    assert!(!m.is_allocated(pa));
    assert_eq!(m.stats().flushes, before + 1);
    // The next page is still there.
    assert!(cursor.query().unwrap().1.is_some());
    drop(cursor);
    assert_eq!(m.stats().flushes, before + 1);
    drop(guard);
    drop(s);
    over(m, k);
}

#[test]
fn unaligned_and_out_of_range_are_errors() {
    let m = machine::<8>();
    let k = kernel::<8>();
    let s = Space::<8>::new(&k).unwrap();
    let refused = |range: std::ops::Range<usize>| {
        let mut guard = RcuGuard::enter();
        let e = s.cursor_mut(&mut guard, &range).err().unwrap();
        let mut guard = RcuGuard::enter();
        assert_eq!(s.cursor(&mut guard, &range).err(), Some(e));
        e
    };
    assert_eq!(
        refused(VA + 1..VA + PAGE_SIZE),
        PageTableError::UnalignedVaddr(VA + 1)
    );
    assert_eq!(
        refused(VA..VA + 12),
        PageTableError::UnalignedVaddr(VA + 12)
    );
    for (a, b) in [
        (VA, VA),
        (VA + MIB, VA),
        (0, USER_END + PAGE_SIZE),
        (LOW, LOW + PAGE_SIZE),
        (USER_END, USER_END + PAGE_SIZE),
    ] {
        assert_eq!(refused(a..b), PageTableError::InvalidVaddrRange(a, b));
    }
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + 2 * PAGE_SIZE)).unwrap();
    assert_eq!(
        cursor.jump(VA - PAGE_SIZE),
        Err(PageTableError::InvalidVaddr(VA - PAGE_SIZE))
    );
    assert_eq!(
        cursor.jump(VA + 8),
        Err(PageTableError::UnalignedVaddr(VA + 8))
    );
    assert_eq!(cursor.unmap(1), Err(PageTableError::UnalignedVaddr(1)));
    assert_eq!(
        cursor.unmap(3 * PAGE_SIZE),
        Err(PageTableError::InvalidVaddrRange(VA, VA + 3 * PAGE_SIZE))
    );
    cursor.jump(VA + 2 * PAGE_SIZE).unwrap();
    let (e, _frame) = cursor.map(frame::<8>(), rw()).err().unwrap();
    assert_eq!(e, PageTableError::InvalidVaddr(VA + 2 * PAGE_SIZE));
    assert!(cursor.query().is_err());
    cursor.jump(VA).unwrap();
    for bad in [
        PageProperty {
            priv_flags: PrivilegedPageFlags::USER | PrivilegedPageFlags::GLOBAL,
            ..rw()
        },
        user(PageFlags::R | PageFlags::AVAIL1),
    ] {
        let (e, _frame) = cursor.map(frame::<8>(), bad).err().unwrap();
        assert_eq!(e, PageTableError::UnsupportedProperty(VA));
    }
    drop((_frame, cursor));
    drop(guard);
    drop(s);
    over(m, k);
}

#[test]
fn protect_rw_to_r() {
    let m = machine::<9>();
    let k = kernel::<9>();
    let s = Space::<9>::new(&k).unwrap();
    s.activate();
    let pa = map(&s, VA, 1);
    m.access(VA, Access::Write, true).unwrap();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA - MIB..VA + MIB)).unwrap();
    let range = cursor
        .protect_next(2 * MIB, |p| p.flags = p.flags.difference(PageFlags::W))
        .unwrap();
    assert_eq!(range, Some(VA..VA + PAGE_SIZE));
    let rest = MIB - PAGE_SIZE;
    assert_eq!(cursor.protect_next(rest, |_| ()).unwrap(), None);
    drop(cursor);
    drop(guard);
    assert_eq!(at(&s, VA), Some((pa, user(PageFlags::R))));
    assert!(m.access(VA, Access::Write, true).is_err());
    assert_eq!(m.access(VA, Access::Read, true), Ok(pa));
    assert_eq!(m.stale_translations(0), []);
    drop(s);
    over(m, k);
}

#[test]
fn protect_cannot_make_a_page_global_or_change_its_kind() {
    let m = machine::<10>();
    let k = kernel::<10>();
    let s = Space::<10>::new(&k).unwrap();
    let pa = map(&s, VA, 2);
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
    let n = cursor.protect(MIB, |p| {
        p.flags = p.flags | PageFlags::AVAIL1;
        p.priv_flags = p.priv_flags | PrivilegedPageFlags::GLOBAL;
    });
    assert_eq!(n, Ok(2));
    drop(cursor);
    drop(guard);
    assert_eq!(at(&s, VA), Some((pa, rw())));
    drop(s);
    over(m, k);
}

#[test]
fn segments_are_mapped_with_huge_pages() {
    let m = Machine::<11>::boot(veripage_sim::Config::with_ram(16 << 20)).unwrap();
    // SAFETY: once, before anybody uses frames.
    unsafe { veripage::frame::boot::<Sim<11>>(0..usize::MAX) };
    let k = kernel::<11>();
    let s = Space::<11>::new(&k).unwrap();
    let options = FrameAllocOptions::<Sim<11>>::new().align(2 * MIB);
    let segment = options.alloc_segment(513).unwrap();
    let pa = segment.start_paddr();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + 4 * MIB)).unwrap();
    cursor
        .map_segment(segment, rw())
        .map_err(|(e, _)| e)
        .unwrap();
    assert_eq!(cursor.virt_addr(), VA + 513 * PAGE_SIZE);
    cursor.jump(VA + 5 * PAGE_SIZE).unwrap();
    let (range, item) = cursor.query().unwrap();
    assert_eq!(range, VA..VA + 2 * MIB);
    match item {
        Some(MappedItem::TrackedHuge(frames, _)) => assert_eq!(frames.start_paddr(), pa),
        other => panic!("not a huge page: {other:?}"),
    }
    // One page out of the middle: the others stay where they are.
    assert_eq!(cursor.unmap(PAGE_SIZE).unwrap(), 1);
    // On top of what is mapped: the frames come back.
    let again = options.alloc_segment(2).unwrap();
    let (e, back) = cursor.map_segment(again, rw()).err().unwrap();
    assert_eq!(e, PageTableError::AlreadyMapped(VA + 6 * PAGE_SIZE));
    assert_eq!(back.size(), 2 * PAGE_SIZE);
    drop(back);
    cursor.jump(VA).unwrap();
    assert_eq!(cursor.unmap(4 * MIB).unwrap(), 512);
    drop(cursor);
    drop(guard);
    drop(s);
    over(m, k);
}

#[test]
fn io_memory_map_query_offset_and_persistence() {
    let m = machine::<12>();
    let k = kernel::<12>();
    let s = Space::<12>::new(&k).unwrap();
    let device = 0x3000_0000;
    let prop = PageProperty::new_user(PageFlags::RW, CachePolicy::Uncacheable);
    for _ in 0..2 {
        // After it was unmapped the device is what it was, and can be mapped again.
        let mut guard = RcuGuard::enter();
        let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
        cursor.map_iomem(device, 3 * PAGE_SIZE, prop).unwrap();
        cursor.jump(VA + 2 * PAGE_SIZE).unwrap();
        match cursor.query().unwrap().1 {
            Some(MappedItem::Untracked(pa, 1, p)) => {
                assert_eq!((pa, p), (device + 2 * PAGE_SIZE, prop))
            }
            other => panic!("not I/O memory: {other:?}"),
        }
        cursor.jump(VA).unwrap();
        assert_eq!(cursor.unmap(MIB).unwrap(), 3);
    }
    let ram = frame::<12>();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
    assert_eq!(
        cursor.map_iomem(ram.start_paddr(), PAGE_SIZE, prop),
        Err(PageTableError::InvalidPaddr(ram.start_paddr()))
    );
    assert!(cursor.map_iomem(usize::MAX - 4095, MIB, prop).is_err());
    drop((ram, cursor));
    drop(guard);
    drop(s);
    over(m, k);
}

#[test]
fn reader_writer_before_activation_and_beyond_the_user_half_are_errors() {
    let m = machine::<13>();
    let k = kernel::<13>();
    let s = Space::<13>::new(&k).unwrap();
    map(&s, VA, 1);
    assert_eq!(s.reader(VA, 4).err(), Some(UserAccessError::NotActive));
    assert_eq!(s.writer(VA, 4).err(), Some(UserAccessError::NotActive));
    s.activate();
    for (va, len) in [
        (USER_END, 1),
        (USER_END - 4, 8),
        (LOW, 8),
        (VA, usize::MAX),
        (usize::MAX, 1),
    ] {
        let e = Some(UserAccessError::NotUser(va, len));
        assert_eq!(s.reader(va, len).err(), e);
        assert_eq!(s.writer(va, len).err(), e);
    }
    assert!(s.reader(VA, 4).is_ok() && s.reader(USER_END - 4, 4).is_ok());
    drop(s);
    over(m, k);
}

#[test]
fn reader_writer_access_user_memory_and_name_the_fault() {
    let m = machine::<14>();
    let k = kernel::<14>();
    let s = Space::<14>::new(&k).unwrap();
    s.activate();
    let pa = map(&s, VA, 2);
    let bytes: Vec<u8> = (0..PAGE_SIZE + 100).map(|i| i as u8).collect();
    let mut w = s.writer(VA + 50, bytes.len()).unwrap();
    w.write_slice(&bytes).unwrap();
    assert_eq!(w.avail(), 0);
    assert_eq!(
        w.write_slice(&[1]),
        Err(UserAccessError::TooFew(VA + 50 + bytes.len(), 1))
    );
    // As the program sees it.
    let mut seen = vec![0; bytes.len()];
    m.read(VA + 50, &mut seen, true).unwrap();
    assert_eq!(seen, bytes);
    let mut r = s.reader(VA + 50, bytes.len()).unwrap();
    assert_eq!(r.read_val::<u32>().unwrap(), 0x0302_0100);
    let mut rest = vec![0; bytes.len() - 4];
    r.read_slice(&mut rest).unwrap();
    assert_eq!(rest, bytes[4..]);
    // What comes before a fault is written, and the fault has its address.
    let mut w = s.writer(VA + PAGE_SIZE, 2 * PAGE_SIZE).unwrap();
    assert_eq!(
        w.fill(7),
        Err(UserAccessError::NotMapped(VA + 2 * PAGE_SIZE))
    );
    assert_eq!((w.avail(), w.cursor()), (PAGE_SIZE, VA + 2 * PAGE_SIZE));
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + 4 * PAGE_SIZE)).unwrap();
    cursor
        .protect(PAGE_SIZE, |p| p.flags = PageFlags::R)
        .unwrap();
    let hidden = |p: &mut PageProperty| p.priv_flags = PrivilegedPageFlags::empty();
    cursor.protect(PAGE_SIZE, hidden).unwrap();
    cursor.map_iomem(0x3000_0000, PAGE_SIZE, rw()).unwrap();
    drop(cursor);
    drop(guard);
    let write = |va| s.writer(va, 8).unwrap().write_val(&5u64);
    let read = |va| s.reader(va, 8).unwrap().read_val::<u64>();
    assert_eq!(write(VA), Err(UserAccessError::Denied(VA)));
    assert!(read(VA).is_ok());
    assert_eq!(
        read(VA + PAGE_SIZE),
        Err(UserAccessError::Denied(VA + PAGE_SIZE))
    );
    assert_eq!(
        read(VA + 2 * PAGE_SIZE),
        Err(UserAccessError::NotMemory(VA + 2 * PAGE_SIZE))
    );
    assert!(m.is_allocated(pa));
    drop(s);
    over(m, k);
}

#[test]
fn kernel_mappings_made_later_are_visible() {
    let m = machine::<15>();
    let k = kernel::<15>();
    let s = Space::<15>::new(&k).unwrap();
    s.activate();
    let given = frame::<15>();
    let pa = given.start_paddr();
    let prop = PageProperty {
        flags: PageFlags::RW,
        cache: CachePolicy::Writeback,
        priv_flags: PrivilegedPageFlags::empty(),
    };
    let area = KVirtArea::map_frames(&k, PAGE_SIZE, 0, [given.into_dyn()], prop).unwrap();
    let va = area.start();
    assert_eq!(m.access(va, Access::Write, false), Ok(pa));
    assert!(m.access(va, Access::Read, true).is_err());
    drop(area);
    assert!(m.access(va, Access::Read, false).is_err());
    drop(s);
    assert!(!k.reclaim());
    assert_eq!(m.violations(), []);
    std::mem::forget(k);
}

/// Metadata of a frame whose end looks at the space that it was mapped in.
struct Nosy;
/// The space, as an address.
static NOSY_SPACE: AtomicUsize = AtomicUsize::new(0);

impl FrameMeta for Nosy {
    const UNTYPED: bool = true;

    fn on_drop(&mut self, _frame: usize) {
        // SAFETY: the test below keeps the space until the frame is gone.
        let space = unsafe { &*(NOSY_SPACE.load(SeqCst) as *const Space<'_, 20>) };
        assert_eq!(at(space, VA), None);
        NOSY_SPACE.store(0, SeqCst);
    }
}

#[test]
fn destructors_of_frames_run_when_the_range_is_unlocked() {
    let m = machine::<20>();
    let k = kernel::<20>();
    let s = Space::<20>::new(&k).unwrap();
    NOSY_SPACE.store(&raw const s as usize, SeqCst);
    let frame = FrameAllocOptions::new().alloc_frame_with(Nosy).unwrap();
    let frame = frame.cast::<AnyUFrameMeta>().ok().unwrap();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(VA..VA + MIB)).unwrap();
    cursor.map(frame, rw()).map_err(|(e, _)| e).unwrap();
    cursor.jump(VA).unwrap();
    assert_eq!(cursor.unmap(MIB), Ok(1));
    drop(cursor);
    drop(guard);
    assert_eq!(NOSY_SPACE.load(SeqCst), 0);
    drop(s);
    over(m, k);
}

#[test]
fn page_walk_answers_what_the_mmu_would() {
    let m = machine::<18>();
    let k = kernel::<18>();
    let s = Space::<18>::new(&k).unwrap();
    s.activate();
    let pa = map(&s, VA, 1);
    let guard = RcuGuard::enter();
    assert_eq!(s.page_walk(&guard, VA + 77), Ok(Some((pa + 77, rw()))));
    assert_eq!(m.access(VA + 77, Access::Read, true), Ok(pa + 77));
    assert_eq!(s.page_walk(&guard, VA + PAGE_SIZE), Ok(None));
    assert_eq!(
        s.page_walk(&guard, 1 << 63),
        Err(PageTableError::InvalidVaddr(1 << 63))
    );
    drop(guard);
    drop(s);
    over(m, k);
}

#[test]
fn out_of_memory_at_every_allocation_leaves_nothing() {
    let m = machine::<19>();
    let k = kernel::<19>();
    let mut refused = 0;
    for n in 0.. {
        let given = frame::<19>();
        let rest = m.stats().allocated - 1;
        m.fail_nth_alloc(n);
        let done = (|| {
            let s = Space::<19>::new(&k)?;
            let mut guard = RcuGuard::enter();
            let mut cursor = s.cursor_mut(&mut guard, &(0..USER_END))?;
            cursor.jump(VA)?;
            cursor.map(given, rw()).map_err(|(e, _)| e)?;
            cursor.map_iomem(0x3000_0000, 2 * MIB - PAGE_SIZE, rw())?;
            cursor.map_iomem(0x3020_0000, 2 * MIB, rw())?;
            cursor.jump(VA + 2 * MIB)?;
            // Splits the huge page.
            cursor.unmap(PAGE_SIZE)
        })();
        m.fail_no_alloc();
        while k.reclaim() {}
        assert_eq!(m.stats().allocated, rest, "after failure {n}");
        match done {
            Err(PageTableError::NoMemory(_)) => refused += 1,
            done => {
                assert_eq!(done, Ok(1));
                break;
            }
        }
    }
    // The root, three nodes on the way, and one for splitting.
    assert_eq!(refused, 5);
    over(m, k);
}

#[test]
fn tlb_flushes_are_batched_and_counted() {
    let m = machine::<16>();
    let k = kernel::<16>();
    let s = Space::<16>::new(&k).unwrap();
    let flushes = |f: &dyn Fn()| {
        let before = m.stats().flushes;
        f();
        m.stats().flushes - before
    };
    // Nobody has the space: nobody is asked.
    map(&s, VA, 40);
    assert_eq!(flushes(&|| _ = unmap(&s, VA, 40)), 0);
    s.activate();
    // A new mapping needs no flush.
    assert_eq!(flushes(&|| _ = map(&s, VA, 40)), 0);
    // A run is one range, whatever its length.
    assert_eq!(flushes(&|| _ = unmap(&s, VA, 40)), 1);
    // Single pages far apart are a range each, up to the threshold; then everything at once.
    for (pages, expected) in [(5, 5), (32, 32), (33, 1), (60, 1)] {
        for i in 0..pages {
            map(&s, VA + 2 * i * PAGE_SIZE, 1);
        }
        assert_eq!(flushes(&|| _ = unmap(&s, VA, 2 * pages)), expected);
    }
    drop(s);
    over(m, k);
}

#[test]
fn more_frames_than_a_batch_holds() {
    let m = machine::<17>();
    let k = kernel::<17>();
    let s = Space::<17>::new(&k).unwrap();
    s.activate();
    // Not a whole node's range, so that the pages come one by one.
    map(&s, VA, 300);
    for i in 0..300 {
        m.access(VA + i * PAGE_SIZE, Access::Write, true).unwrap();
    }
    assert_eq!(unmap(&s, VA, 300), 300);
    assert_eq!(m.stale_translations(0), []);
    drop(s);
    over(m, k);
}
