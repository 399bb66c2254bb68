//! Spaces in use: activation, the kernel half, readers and writers of user memory.
use super::*;

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
