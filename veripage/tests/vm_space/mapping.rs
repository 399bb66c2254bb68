//! What is mapped: unmapped, protected, refused, in pages of every size.
use super::*;

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
