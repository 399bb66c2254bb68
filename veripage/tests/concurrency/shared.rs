//! Frames, spaces and areas that several CPUs use.
use super::*;

/// Three spaces share frames as after a fork, map and unmap them at once, and switch between the spaces;
/// the last share gives each frame back, and never while a CPU has a translation to it.
#[test]
fn frames_are_shared_as_after_a_fork() {
    const ID: usize = 2003;
    const PAGES: usize = 40;
    let m = with_cpus::<ID>(3);
    let k = kernel::<ID>();
    let spaces: Vec<Space<'_, ID>> = (0..3).map(|_| Space::new(&k).unwrap()).collect();
    let frames: Vec<_> = (0..PAGES).map(|_| frame::<ID>().unwrap()).collect();
    m.run_all(|cpu| {
        let mut next = random(cpu + 21);
        for _ in 0..3000 {
            let (s, page) = (&spaces[next(3)], next(PAGES));
            let va = VA + page * PAGE;
            let mut guard = RcuGuard::enter();
            match next(6) {
                0 => {
                    let mut c = s.cursor_mut(&mut guard, &(va..va + PAGE)).unwrap();
                    let _maybe_mapped = c.map(frames[page].clone(), ro());
                }
                1 => {
                    // As a fork: what one space maps, another maps too, both read-only from now on.
                    let mut c = s.cursor_mut(&mut guard, &(va..va + PAGE)).unwrap();
                    c.protect(PAGE, |p| p.flags = PageFlags::R).unwrap();
                    c.jump(va).unwrap();
                    let item = c.query().unwrap().1;
                    drop(c);
                    if let Some(MappedItem::Tracked(f, _)) = item {
                        let f: UFrame<Sim<ID>> = f.cast().map_err(|_| ()).unwrap();
                        assert_eq!(f.start_paddr(), frames[page].start_paddr());
                        let mut c = spaces[next(3)]
                            .cursor_mut(&mut guard, &(va..va + PAGE))
                            .unwrap();
                        let _maybe_mapped = c.map(f, ro());
                    }
                }
                2 => {
                    let mut c = s.cursor_mut(&mut guard, &(VA..VA + PAGES * PAGE)).unwrap();
                    c.unmap(PAGES * PAGE).unwrap();
                }
                3 => {
                    let mut c = s.cursor_mut(&mut guard, &(va..va + PAGE)).unwrap();
                    c.protect(PAGE, |p| p.flags = PageFlags::RW).unwrap();
                }
                4 => s.activate(),
                _ => {
                    s.activate_from(&spaces[next(3)]);
                    drop(guard);
                    let got = m.access(
                        va,
                        if next(2) == 0 {
                            Access::Read
                        } else {
                            Access::Write
                        },
                        true,
                    );
                    assert!(got.is_err() || got == Ok(frames[page].start_paddr()));
                }
            }
        }
    })
    .unwrap();
    let held: Vec<_> = frames.iter().collect();
    audited(&m, &k, &spaces.iter().collect::<Vec<_>>(), &[], &held);
    drop(spaces);
    assert!(frames.iter().all(|f| f.reference_count() == 1));
    drop(frames);
    over(m, k);
}

/// Two CPUs switch spaces in every way there is, while a third unmaps in them and gives frames back.
#[test]
fn spaces_are_switched_while_another_cpu_unmaps() {
    const ID: usize = 2004;
    const PAGES: usize = 24;
    let m = with_cpus::<ID>(3);
    let k = kernel::<ID>();
    let spaces: Vec<Space<'_, ID>> = (0..2).map(|_| Space::new(&k).unwrap()).collect();
    let done = AtomicBool::new(false);
    let hits = m.run_all(|cpu| {
        let mut next = random(cpu + 31);
        let mut hits = 0;
        for round in 0..if cpu == 0 { 1000 } else { 0 } {
            let s = &spaces[round % 2];
            let mut guard = RcuGuard::enter();
            let mut c = s.cursor_mut(&mut guard, &(VA..VA + PAGES * PAGE)).unwrap();
            c.unmap(PAGES * PAGE).unwrap();
            c.jump(VA).unwrap();
            for _ in 0..PAGES {
                c.map(frame::<ID>().unwrap(), rw())
                    .map_err(|(e, _)| e)
                    .unwrap();
            }
        }
        while cpu != 0 && !done.load(SeqCst) {
            let (s, other) = (&spaces[next(2)], &spaces[next(2)]);
            match next(5) {
                0 => s.activate(),
                1 | 2 => s.activate_from(other),
                3 => s.deactivate(),
                _ => {
                    s.deactivate();
                    other.deactivate();
                }
            }
            for _ in 0..next(4) {
                let va = VA + next(PAGES) * PAGE;
                hits += m.write(va, &[cpu as u8], true).is_ok() as usize;
                if let Ok(mut w) = s.writer(va, 8) {
                    hits += w.write_val(&7u64).is_ok() as usize;
                }
            }
            Sim::<ID>::relax();
        }
        if cpu == 0 {
            done.store(true, SeqCst);
        }
        hits
    });
    assert!(hits.unwrap()[1..].iter().all(|&n| n > 0));
    audited(&m, &k, &spaces.iter().collect::<Vec<_>>(), &[], &[]);
    drop(spaces);
    over(m, k);
}

/// Areas come and go on three CPUs, which all use them: the ranges are disjoint, and no CPU reaches a
/// frame through an area that is gone.
#[test]
fn areas_come_and_go_on_every_cpu() {
    const ID: usize = 2005;
    let m = with_cpus::<ID>(3);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    let prop = PageProperty {
        priv_flags: PrivilegedPageFlags::GLOBAL,
        ..rw()
    };
    m.run_all(|cpu| {
        space.activate();
        let mut next = random(cpu + 41);
        for _ in 0..400 {
            let frames: Vec<DynFrame<Sim<ID>>> = (0..1 + next(5))
                .map_while(|_| frame::<ID>())
                .map(|f| f.into_dyn())
                .collect();
            let (offset, n) = (next(3), frames.len());
            let own = frames.clone();
            let area = KVirtArea::map_frames(
                &k,
                (offset + n + next(3)) * PAGE,
                offset * PAGE,
                frames,
                prop,
            )
            .unwrap();
            for (i, f) in own.iter().enumerate() {
                let va = area.start() + (offset + i) * PAGE;
                m.write(va, &[cpu as u8; 8], false).unwrap();
                assert_eq!(area.query(va).unwrap().unwrap().paddr(), f.start_paddr());
            }
            assert_eq!(
                area.query(area.end()).err(),
                Some(veripage::kspace::KSpaceError::OutOfArea(area.end()))
            );
            (0..next(10)).for_each(|_| Sim::<ID>::relax());
            for (i, _) in own.iter().enumerate() {
                let mut got = [0];
                m.read(area.start() + (offset + i) * PAGE, &mut got, false)
                    .unwrap();
                assert_eq!(got, [cpu as u8]);
            }
        }
    })
    .unwrap();
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}
