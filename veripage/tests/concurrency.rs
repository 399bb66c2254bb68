//! Two and three CPUs at once. Which of them wins is open; that each owns its range alone, that nobody
//! reaches what is gone, and that all is sound in the end, is not.
mod tables;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::Mutex;
use tables::*;
use veripage::frame::{DynFrame, FrameAllocOptions, UFrame};
use veripage::kspace::{KVirtArea, KernelSpace};
use veripage::vm_space::{UserAccessError, VmSpace};
use veripage::{CpuSet, FlushOp};
use veripage_sim::audit::{Areas, Audit, Format, Table};
use veripage_sim::Access;

const LOW: usize = 0xffff_c000_0000_0000;
const VA: usize = G1;

type Space<'k, const ID: usize> = VmSpace<'k, Sim<ID>, X86_64>;
type Kern<const ID: usize> = KernelSpace<Sim<ID>, X86_64>;

fn with_cpus<const ID: usize>(cpus: usize) -> Machine<ID> {
    Machine::boot_with_frames(Config::with_ram(16 << 20).cpus(cpus)).unwrap()
}

fn kernel<const ID: usize>() -> Kern<ID> {
    KernelSpace::new(LOW..LOW + G1).unwrap()
}

/// A sequence of numbers that differs for each seed.
fn random(seed: usize) -> impl FnMut(usize) -> usize {
    let mut x = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1;
    move |below| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 20) as usize % below
    }
}

fn frame<const ID: usize>() -> Option<UFrame<Sim<ID>>> {
    FrameAllocOptions::new().alloc_frame().ok()
}

/// Nothing waits, every rule holds, no violation was seen.
fn audited<const ID: usize>(
    m: &Machine<ID>,
    kernel: &Kern<ID>,
    spaces: &[&Space<'_, ID>],
    areas: &[&KVirtArea<'_, Sim<ID>, X86_64>],
    handles: &[&UFrame<Sim<ID>>],
) {
    while kernel.reclaim() {
        std::thread::yield_now();
    }
    let mut audit = Audit {
        flushed: true,
        ..Audit::default()
    };
    audit
        .tables
        .push(Table::kernel(kernel.root_paddr(), Format::X86_64));
    for s in spaces {
        let table = Table::user(s.root_paddr(), Format::X86_64, kernel.root_paddr());
        audit.tables.push(table.cpus(s.cpus()));
    }
    audit.areas = Some(Areas {
        dynamic: LOW..LOW + G1,
        areas: areas.iter().map(|a| a.range()).collect(),
    });
    handles
        .iter()
        .for_each(|f| audit.census.handle(f.start_paddr()));
    m.audit(&audit).unwrap();
    assert_eq!(m.violations(), []);
}

fn over<const ID: usize>(m: Machine<ID>, kernel: Kern<ID>) {
    m.reset_cpus();
    // SAFETY: no CPU has a table loaded.
    unsafe { kernel.destroy() };
    let end = m.shutdown();
    assert_eq!((end.lost, end.violations), (vec![], vec![]));
}

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

/// The last page of all: its end is 2^64, and its flush reaches every CPU all the same.
#[test]
fn the_last_page_of_all_is_flushed() {
    const ID: usize = 2006;
    const TOP: usize = 0usize.wrapping_sub(PAGE);
    // Ends at 2^64.
    let last = TOP..TOP.wrapping_add(PAGE);
    let m = with_cpus::<ID>(2);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    let kernel_rw = PageProperty {
        priv_flags: PrivilegedPageFlags::GLOBAL,
        ..rw()
    };
    for _ in 0..3 {
        let f = frame::<ID>().unwrap();
        let pa = f.start_paddr();
        // SAFETY: outside the range of areas, and nobody uses the address.
        let table = unsafe { k.page_table() };
        let mut guard = RcuGuard::enter();
        table
            .cursor_mut(&mut guard, &last)
            .unwrap()
            .map(MappedItem::Tracked(f.into_dyn(), kernel_rw))
            .unwrap();
        for cpu in 0..2 {
            m.run(cpu, || {
                space.activate();
                assert_eq!(m.access(TOP, Access::Write, false), Ok(pa));
            })
            .unwrap();
        }
        let mut flusher = k.flusher();
        let mut c = table.cursor_mut(&mut guard, &last).unwrap();
        assert_eq!(c.unmap(PAGE, &mut flusher), Ok(1));
        assert_eq!(c.virt_addr(), 0);
        drop(c);
        assert!(m.is_allocated(pa), "it waits for the flush");
        flusher.sync_tlb_flush();
        assert!(!m.is_allocated(pa));
        assert!(m.stale_translations(0).is_empty() && m.stale_translations(1).is_empty());
    }
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}

/// A flusher that asked on one CPU may wait on another: nothing is let go before a third has flushed.
#[test]
fn a_flush_is_waited_for_on_any_cpu() {
    const ID: usize = 2007;
    const TOP: usize = 0usize.wrapping_sub(M2);
    let m = with_cpus::<ID>(3);
    let k = kernel::<ID>();
    let space = Space::new(&k).unwrap();
    let (f, handed, learned, gone) = (
        frame::<ID>().unwrap(),
        Mutex::new(None),
        AtomicBool::new(false),
        AtomicBool::new(false),
    );
    let pa = f.start_paddr();
    // SAFETY: outside the range of areas, and nobody uses the address.
    let table = unsafe { k.page_table() };
    let range = TOP..TOP + PAGE;
    let mut guard = RcuGuard::enter();
    let mut c = table.cursor_mut(&mut guard, &range).unwrap();
    c.map(MappedItem::Tracked(f.into_dyn(), rw())).unwrap();
    drop(c);
    drop(guard);
    m.run_all(|cpu| match cpu {
        0 => {
            while !learned.load(SeqCst) {
                Sim::<ID>::relax();
            }
            let mut flusher = k.flusher();
            let mut guard = RcuGuard::enter();
            assert_eq!(
                table
                    .cursor_mut(&mut guard, &range)
                    .unwrap()
                    .unmap(PAGE, &mut flusher),
                Ok(1)
            );
            flusher.dispatch_tlb_flush();
            *handed.lock().unwrap() = Some(flusher);
        }
        1 => loop {
            if let Some(mut flusher) = handed.lock().unwrap().take() {
                assert!(m.is_allocated(pa));
                flusher.sync_tlb_flush();
                assert!(!m.is_allocated(pa));
                gone.store(true, SeqCst);
                return;
            }
            Sim::<ID>::relax();
        },
        _ => {
            space.activate();
            assert_eq!(m.access(TOP, Access::Read, false), Ok(pa));
            learned.store(true, SeqCst);
            while !gone.load(SeqCst) {
                std::thread::yield_now();
            }
            assert!(m.access(TOP, Access::Read, false).is_err());
        }
    })
    .unwrap();
    drop(handed);
    audited(&m, &k, &[&space], &[], &[]);
    drop(space);
    over(m, k);
}

/// Machine `ID`, on which something can be made to happen when a read section ends.
struct Hooked<const ID: usize>;

thread_local! {
    static HOOK: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

// SAFETY: it is the simulated machine.
unsafe impl<const ID: usize> Platform for Hooked<ID> {
    const LINEAR_BASE: usize = Sim::<ID>::LINEAR_BASE;
    const META_BASE: usize = Sim::<ID>::META_BASE;
    const MAX_PADDR: usize = Sim::<ID>::MAX_PADDR;
    const NR_CPUS: usize = Sim::<ID>::NR_CPUS;

    fn is_ram(pa: Paddr) -> bool {
        Sim::<ID>::is_ram(pa)
    }
    fn alloc_frames(pages: usize, align: usize) -> Option<Paddr> {
        Sim::<ID>::alloc_frames(pages, align)
    }
    fn dealloc_frames(pa: Paddr, pages: usize) {
        Sim::<ID>::dealloc_frames(pa, pages)
    }
    fn cpu() -> usize {
        Sim::<ID>::cpu()
    }
    fn relax() {
        Sim::<ID>::relax()
    }
    unsafe fn load_root(root: Paddr) {
        // SAFETY: the caller's promise.
        unsafe { Sim::<ID>::load_root(root) }
    }
    fn current_root() -> Option<Paddr> {
        Sim::<ID>::current_root()
    }
    fn flush(cpus: CpuSet, op: &FlushOp) -> u64 {
        Sim::<ID>::flush(cpus, op)
    }
    fn flush_wait(ticket: u64) {
        Sim::<ID>::flush_wait(ticket)
    }
    fn rcu_enter() {
        Sim::<ID>::rcu_enter()
    }
    fn rcu_exit() {
        Sim::<ID>::rcu_exit();
        let hook = HOOK.with(|h| h.borrow_mut().take());
        hook.into_iter().for_each(|hook| hook());
    }
    fn rcu_stamp() -> u64 {
        Sim::<ID>::rcu_stamp()
    }
    fn rcu_passed(stamp: u64) -> bool {
        Sim::<ID>::rcu_passed(stamp)
    }
}

/// A page that was made read-only, as a fork does, is not written any more when that has returned: not by
/// a kernel's write to user memory either, however late it comes.
#[test]
fn a_write_protected_page_is_not_written_through_the_kernel() {
    const ID: usize = 2008;
    type P = Hooked<ID>;
    let m = with_cpus::<ID>(1);
    let k: &'static KernelSpace<P, X86_64> =
        Box::leak(Box::new(KernelSpace::new(LOW..LOW + G1).unwrap()));
    let space: &'static VmSpace<'_, P, X86_64> = Box::leak(Box::new(VmSpace::new(k).unwrap()));
    let f: UFrame<P> = FrameAllocOptions::new().alloc_frame().unwrap();
    let mut guard = RcuGuard::enter();
    space
        .cursor_mut(&mut guard, &(VA..VA + PAGE))
        .unwrap()
        .map(f.clone(), rw())
        .map_err(|(e, _)| e)
        .unwrap();
    drop(guard);
    space.activate();
    let child = f.clone();
    let protect = move || {
        let mut guard = RcuGuard::enter();
        let mut c = space.cursor_mut(&mut guard, &(VA..VA + PAGE)).unwrap();
        assert_eq!(c.protect(PAGE, |p| p.flags = PageFlags::R), Ok(1));
        drop(c);
        // From here on the page is a snapshot, which somebody else may have mapped.
        SNAPSHOT.store(child.read_val::<u64>(0).unwrap() as usize, SeqCst);
    };
    static SNAPSHOT: AtomicUsize = AtomicUsize::new(0);
    let mut w = space.writer(VA, 8).unwrap();
    HOOK.with(|h| *h.borrow_mut() = Some(Box::new(protect)));
    w.write_val(&5u64).unwrap();
    assert_eq!(
        f.read_val::<u64>(0).unwrap() as usize,
        SNAPSHOT.load(SeqCst),
        "the snapshot has changed"
    );
    let denied = Err(UserAccessError::Denied(VA));
    assert_eq!(space.writer(VA, 8).unwrap().write_val(&6u64), denied);
    assert_eq!(m.violations(), []);
}
