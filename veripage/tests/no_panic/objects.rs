//! Hostile arguments to frames, segments, areas and spaces.
use super::*;

/// A segment that is no page's size is refused, and each of its frames is let go exactly once.
#[test]
fn segments_of_odd_sizes_are_refused_and_let_go() {
    const ID: usize = 1030;
    let m = machine::<ID>();
    let table = User::<X86_64, ID>::empty().unwrap();
    for n in [0usize, 1, 2, 3, 511, 513, 1024] {
        let frames = FrameAllocOptions::<Sim<ID>>::new()
            .align(M2)
            .alloc_segment(n.max(1))
            .unwrap();
        let part = frames.slice(&(0..n * PAGE)).unwrap();
        let count = |i| {
            veripage::frame::DynFrame::<Sim<ID>>::from_in_use(frames.start_paddr() + i * PAGE)
                .unwrap()
                .reference_count()
                - 1
        };
        let mut guard = RcuGuard::enter();
        let mut c = table.cursor_mut(&mut guard, &(0..G1)).unwrap();
        let item = MappedItem::TrackedHuge(part.into_dyn(), rw());
        if n == 1 {
            c.map(item).unwrap();
            c.jump(0).unwrap();
            let mut bin = Now::<UserPtConfig<Sim<ID>, X86_64>>::new();
            assert_eq!(c.unmap(PAGE, &mut bin), Ok(1));
            drop(c);
            drop(guard);
        } else {
            assert_eq!(
                c.map(item),
                Err(PageTableError::UnsupportedProperty(0)),
                "{n} frames"
            );
        }
        for i in 0..n.max(1) {
            assert_eq!(count(i), 1, "{n} frames, number {i}");
        }
    }
    drop(table);
    drop(m);
}

/// A segment of the wrong frames for its address keeps them.
#[test]
fn a_misaligned_segment_is_refused_and_let_go() {
    const ID: usize = 1050;
    let m = machine::<ID>();
    let table = User::<X86_64, ID>::empty().unwrap();
    let all = FrameAllocOptions::<Sim<ID>>::new()
        .align(M2)
        .alloc_segment(1024)
        .unwrap();
    let shifted: Segment<_, _> = all.slice(&(PAGE..M2 + PAGE)).unwrap();
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &(0..G1)).unwrap();
    let pa = shifted.start_paddr();
    let item = MappedItem::TrackedHuge(shifted.into_dyn(), rw());
    assert_eq!(c.map(item), Err(PageTableError::InvalidPaddr(pa)));
    drop(c);
    drop(guard);
    drop(all);
    assert_eq!(m.nodes(), 2, "the root and the node of the range");
    drop(table);
    drop(m);
}

/// Frames and segments at every edge: an error that names the address, and nothing is taken.
#[test]
fn no_argument_makes_frames_panic() {
    const ID: usize = 1060;
    type P = Sim<ID>;
    let m = machine::<ID>();
    let named = |e: GetFrameError, of: &[Paddr]| match e {
        GetFrameError::NotAligned(pa) => assert!(pa % PAGE != 0 && of.contains(&pa)),
        GetFrameError::OutOfBound(pa) => assert!(pa >= P::MAX_PADDR && of.contains(&pa)),
        GetFrameError::Busy(pa) => assert!(!P::is_ram(pa)),
        GetFrameError::Empty(pa) | GetFrameError::Unused(pa) => assert!(of.contains(&pa)),
        e => panic!("{e}"),
    };
    let held = FrameAllocOptions::<P>::new().alloc_segment(8).unwrap();
    for a in EDGES {
        named(DynFrame::<P>::from_in_use(a).err().unwrap(), &[a]);
        if a % PAGE != 0 || !P::is_ram(a) {
            named(
                UFrame::<P>::from_unused(a, UntypedMeta).err().unwrap(),
                &[a],
            );
            named(
                UniqueFrame::<P, _>::from_unused(a, UntypedMeta)
                    .err()
                    .unwrap(),
                &[a],
            );
        }
        for b in EDGES {
            if a >= b || a % PAGE != 0 || b % PAGE != 0 || b > P::MAX_PADDR || !P::is_ram(a) {
                let got = Segment::<P, _>::from_unused(a..b, |_| UntypedMeta);
                named(got.err().unwrap(), &[a, b]);
            }
            let inside = a <= b && b <= held.size() && a % PAGE == 0 && b % PAGE == 0;
            assert_eq!(held.slice(&(a..b)).is_ok(), inside, "{a:#x}..{b:#x}");
            if a > 1 << 14 {
                assert!(FrameAllocOptions::<P>::new()
                    .align(b)
                    .alloc_segment(a)
                    .is_err());
            }
        }
        let part = held.slice(&(0..held.size())).unwrap();
        assert_eq!(part.split(a).is_ok(), a == PAGE);
        let mut byte = [0];
        assert_eq!(held.read_bytes(a, &mut byte).is_ok(), a < held.size());
        assert_eq!(held.write_bytes(a, &byte).is_ok(), a < held.size());
        let (mut r, mut w) = (held.reader(), held.writer());
        assert_eq!(r.skip(a).is_ok(), a <= held.size());
        assert_eq!(w.skip(a).is_ok(), a <= held.size());
        r.limit(a);
        w.limit(a);
        assert!(r.remain() <= a && w.avail() <= a);
    }
    drop(held);
    drop(m);
}

/// Areas and spaces at every edge: errors, nothing kept, and soon.
#[test]
fn no_argument_makes_areas_or_spaces_panic() {
    const ID: usize = 1070;
    const LOW: usize = 0xffff_c000_0000_0000;
    let m = machine::<ID>();
    for a in EDGES {
        for b in EDGES {
            let inside =
                LOW >> 1 < a && a < b && a % PAGE == 0 && b % PAGE == 0 && a >= usize::MAX << 47;
            assert_eq!(KernelSpace::<Sim<ID>, X86_64, 8>::new(a..b).is_ok(), inside);
        }
    }
    let k = KernelSpace::<Sim<ID>, X86_64>::new(LOW..LOW + G1).unwrap();
    let space = VmSpace::new(&k).unwrap();
    let nodes = m.nodes();
    for a in EDGES {
        for b in EDGES {
            let (pa, end) = (
                (1usize << 34).wrapping_add(a),
                (1usize << 34).wrapping_add(b),
            );
            // SAFETY: nobody accesses the area.
            let area = unsafe { KVirtArea::map_untracked_frames(&k, a, b, pa..end, ro_kernel()) };
            if let Ok(area) = area {
                assert!(
                    area.len() == a
                        && b <= a
                        && area.range().start >= LOW
                        && area.range().end <= LOW + G1
                );
                assert_eq!(area.query(a).err(), Some(KSpaceError::OutOfArea(a)));
            }
            let none = KVirtArea::map_frames(&k, a, b, [], ro_kernel());
            assert_eq!(
                none.is_ok(),
                a % PAGE == 0 && b % PAGE == 0 && b <= a && 0 < a && a <= G1
            );
            drop(none);
            assert_eq!(space.reader(a, b).err(), Some(UserAccessError::NotActive));
            let mut guard = RcuGuard::enter();
            let mut c = space.cursor_mut(&mut guard, &(0..M2)).unwrap();
            let got = c.map_iomem(a, b, ro());
            if got.is_ok() {
                c.jump(0).unwrap();
                assert_eq!(c.unmap(M2), Ok(b / PAGE));
            }
            c.jump(0).unwrap();
            assert!(c.unmap(b).is_ok() == (b % PAGE == 0 && b <= M2));
        }
    }
    while k.reclaim() {
        std::thread::yield_now();
    }
    assert!(m.nodes() < nodes + 16, "a few empty nodes");
    assert_eq!(m.0.violations(), []);
    drop(space);
    drop(k);
    drop(m);
}

fn ro_kernel() -> PageProperty {
    PageProperty {
        priv_flags: PrivilegedPageFlags::GLOBAL,
        ..ro()
    }
}
