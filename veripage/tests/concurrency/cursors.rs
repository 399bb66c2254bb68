//! Cursors: exclusive over one range, side by side over two, and in subtrees that vanish.
use super::*;

/// Three CPUs open cursors over overlapping ranges; each page has one owner at a time, whatever nodes
/// come and go meanwhile.
#[test]
fn overlapping_cursors_exclude_each_other() {
    const ID: usize = 2000;
    const SLOTS: usize = 64;
    let m = with_cpus::<ID>(3);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    let owner: Vec<_> = (0..SLOTS).map(|_| AtomicUsize::new(usize::MAX)).collect();
    let size = M2 / 4;
    let opened = m.run_all(|cpu| {
        let mut next = random(cpu + 1);
        for round in 0..2000 {
            let from = next(SLOTS);
            let to = from + 1 + next((SLOTS - from).min(12));
            let mut guard = RcuGuard::enter();
            let mut c = space
                .cursor_mut(&mut guard, &(VA + from * size..VA + to * size))
                .unwrap();
            owner[from..to]
                .iter()
                .for_each(|o| assert_eq!(o.swap(cpu, SeqCst), usize::MAX));
            match round % 3 {
                0 => {
                    if let Some(f) = frame::<ID>() {
                        c.jump(VA + (from + next(to - from)) * size).unwrap();
                        let _maybe_mapped = c.map(f, rw());
                    }
                }
                1 => {
                    c.unmap((to - from) * size).unwrap();
                }
                _ => (0..next(50)).for_each(|_| Sim::<ID>::relax()),
            }
            owner[from..to]
                .iter()
                .for_each(|o| assert_eq!(o.swap(usize::MAX, SeqCst), cpu));
        }
    });
    opened.unwrap();
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}

/// Cursors over ranges that have no node in common but above them live side by side, also under one
/// parent, and may go in any order.
#[test]
fn disjoint_cursors_live_side_by_side() {
    const ID: usize = 2001;
    let m = with_cpus::<ID>(1);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    for first_goes_first in [true, false] {
        let mut guards: Vec<_> = (0..3).map(|_| RcuGuard::<Sim<ID>>::enter()).collect();
        let mut cursors: Vec<_> = guards
            .iter_mut()
            .enumerate()
            .map(|(i, g)| {
                space
                    .cursor_mut(g, &(VA + i * M2..VA + i * M2 + M2 / 2))
                    .unwrap()
            })
            .collect();
        for c in &mut cursors {
            c.map(frame::<ID>().unwrap(), rw())
                .map_err(|(e, _)| e)
                .unwrap();
        }
        if !first_goes_first {
            cursors.reverse();
        }
        cursors.drain(..).for_each(drop);
        drop(cursors);
        drop(guards);
        let mut guard = RcuGuard::enter();
        assert_eq!(
            space
                .cursor_mut(&mut guard, &(VA..VA + G1))
                .unwrap()
                .unmap(G1),
            Ok(3)
        );
    }
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}

/// One CPU removes whole subtrees; one walks, in software and as an MMU; one opens cursors inside what is
/// being removed. Nobody sees a page that was never there.
#[test]
fn subtrees_vanish_under_walkers_and_openers() {
    const ID: usize = 2002;
    const PAGES: usize = 2048;
    let m = with_cpus::<ID>(3);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    let done = AtomicBool::new(false);
    // A device, each page of which is where its address says.
    let pa_of = |page: usize| (1 << 34) + page * PAGE;
    let seen = m.run_all(|cpu| {
        let mut next = random(cpu + 7);
        let mut seen = 0;
        space.activate();
        while cpu != 0 && !done.load(SeqCst) {
            let page = next(PAGES);
            let va = VA + page * PAGE;
            let mut guard = RcuGuard::enter();
            if cpu == 1 {
                let walked = space.page_walk(&guard, va + 3).unwrap();
                assert!(walked.is_none_or(|(pa, _)| pa == pa_of(page) + 3));
                drop(guard);
                let got = m.access(va + 5, Access::Read, true);
                assert!(got.is_err() || got == Ok(pa_of(page) + 5));
                seen += walked.is_some() as usize;
            } else {
                let mut c = space.cursor_mut(&mut guard, &(va..va + PAGE)).unwrap();
                match c.peek().unwrap() {
                    Some((pa, level, _)) => {
                        assert_eq!(pa + (va & (page_size(level) - 1)), pa_of(page));
                        seen += 1;
                    }
                    None => c.map_iomem(pa_of(page), PAGE, rw()).unwrap(),
                }
            }
            Sim::<ID>::relax();
        }
        for round in 0..if cpu == 0 { 600 } else { 0 } {
            let mut guard = RcuGuard::enter();
            let mut c = space.cursor_mut(&mut guard, &(VA..VA + G1)).unwrap();
            c.unmap(G1).unwrap();
            c.jump(VA).unwrap();
            c.map_iomem(
                pa_of(0),
                if round % 2 == 0 { PAGES * PAGE } else { PAGE },
                rw(),
            )
            .unwrap();
            c.jump(VA + PAGE * 7).unwrap();
            c.protect(PAGE * 600, |p| p.flags = PageFlags::R).unwrap();
            drop(c);
            drop(guard);
            (0..20).for_each(|_| Sim::<ID>::relax());
        }
        if cpu == 0 {
            done.store(true, SeqCst);
        }
        seen
    });
    let seen = seen.unwrap();
    assert!(seen[1] > 0 && seen[2] > 0, "{seen:?}");
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}
