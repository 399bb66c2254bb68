//! Several CPUs at one space: what one removes, no other reaches. And that these tests would notice:
//! on a machine that skips a flush, the simulator reports what goes wrong.
mod common;
#[macro_use]
#[path = "common/like_sim.rs"]
mod like_sim;
use common::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use veripage::frame::{FrameAllocOptions, UFrame};
use veripage::kspace::{KVirtArea, KernelSpace};
use veripage::page_table::{KernelPtConfig, MappedItem, PageTable, PageTableError};
use veripage::paging::{CachePolicy, PageFlags, PageProperty, PrivilegedPageFlags, X86_64};
use veripage::rcu::RcuGuard;
use veripage::tlb::tour;
use veripage::vm_space::{UserAccessError, VmSpace};
use veripage::{CpuSet, FlushOp, Paddr, Platform, PAGE_SIZE};
use veripage_sim::{Access, Config, Machine, Sim, Violation};

const LOW: usize = 0xffff_c000_0000_0000;
const VA: usize = 0x4000_0000;
const MIB: usize = 1 << 20;

/// Machine `ID`, on which no CPU is ever asked to flush anything but itself.
struct Deaf<const ID: usize>;

// SAFETY: it is the simulated machine, except for the flushes; the simulator survives that, and says so.
unsafe impl<const ID: usize> Platform for Deaf<ID> {
    like_sim!(ID);

    fn flush(cpus: CpuSet, op: &FlushOp) -> u64 {
        Sim::<ID>::flush(CpuSet(cpus.0 & 1 << Self::cpu()), op)
    }
    fn rcu_exit() {
        Sim::<ID>::rcu_exit()
    }
}

fn user() -> PageProperty {
    PageProperty::new_user(PageFlags::RW, CachePolicy::Writeback)
}

fn frame<P: Platform>() -> UFrame<P> {
    FrameAllocOptions::new().alloc_frame().unwrap()
}

fn map<P: Platform>(space: &VmSpace<'_, P, X86_64>, va: usize, n: usize) {
    let mut guard = RcuGuard::enter();
    let range = va..va + n * PAGE_SIZE;
    let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
    for _ in 0..n {
        cursor.map(frame(), user()).map_err(|(e, _)| e).unwrap();
    }
}

fn unmap<P: Platform>(space: &VmSpace<'_, P, X86_64>, va: usize, n: usize) -> usize {
    let mut guard = RcuGuard::enter();
    let range = va..va + n * PAGE_SIZE;
    let mut cursor = space.cursor_mut(&mut guard, &range).unwrap();
    cursor.unmap(n * PAGE_SIZE).unwrap()
}

/// One CPU accesses 16 pages while the other unmaps and maps them, over and over; returns how many
/// accesses succeeded.
fn one_unmaps_while_the_other_accesses<P: Platform, const ID: usize>(
    m: &Machine<ID>,
    kernel: &KernelSpace<P, X86_64>,
    rounds: usize,
) -> usize {
    let space = VmSpace::new(kernel).unwrap();
    let (done, started) = (AtomicBool::new(false), AtomicUsize::new(0));
    let counts = m.run_all(|cpu| {
        space.activate();
        started.fetch_add(1, SeqCst);
        let mut hits = 0;
        if cpu == 0 {
            for round in 0..rounds {
                map(&space, VA, 16);
                while started.load(SeqCst) < 2 + round {
                    P::relax();
                }
                assert_eq!(unmap(&space, VA, 16), 16);
            }
            done.store(true, SeqCst);
        }
        while cpu != 0 && !done.load(SeqCst) {
            let before = hits;
            for page in 0..16 {
                let va = VA + page * PAGE_SIZE;
                hits += m.write(va, &[1, 2, 3], true).is_ok() as usize;
            }
            started.fetch_add((hits > before) as usize, SeqCst);
            P::relax();
        }
        hits
    });
    counts.unwrap()[1]
}

#[test]
fn verified_tour_runs() {
    let m = machine::<6>();
    tour::three_flushes::<Sim<6>>();
    assert_eq!(m.stats().flushes, 3);
    // 64 pages fill the batch, at ranges beyond the 32 that are listed: they are flushed together.
    assert_eq!(tour::many_pages::<Sim<6>>(100), Ok(100));
    assert_eq!(m.stats().flushes, 5);
    assert_eq!(tour::many_pages::<Sim<6>>(20), Ok(20));
    assert_eq!(m.stats().flushes, 25);
    assert_eq!(m.stats().allocated, 0);
    at_rest(m);
}

#[test]
fn what_one_cpu_unmaps_no_other_reaches() {
    let m = machine::<1>();
    let k = KernelSpace::<Sim<1>, X86_64>::new(LOW..LOW + MIB).unwrap();
    let hits = one_unmaps_while_the_other_accesses(&m, &k, 100);
    assert!(hits >= 100, "only {hits} accesses");
    assert!(!k.reclaim());
    assert_eq!(m.violations(), []);
    assert_eq!(m.stats().allocated, 257);
    std::mem::forget(k);
}

#[test]
fn a_skipped_flush_is_noticed() {
    let m = Machine::<2>::boot(Config::with_ram(4 << 20)).unwrap();
    // SAFETY: once, before anybody uses frames.
    unsafe { veripage::frame::boot::<Deaf<2>>(0..usize::MAX) };
    let k = KernelSpace::<Deaf<2>, X86_64>::new(LOW..LOW + MIB).unwrap();
    one_unmaps_while_the_other_accesses(&m, &k, 3);
    let found = m.take_violations();
    let freed_early = |v: &Violation| matches!(v, Violation::FreedWhileTranslated { cpu: 1, .. });
    assert!(found.iter().any(freed_early), "{found:?}");
    std::mem::forget(k);
}

#[test]
fn a_skipped_flush_of_a_kernel_area_is_noticed() {
    let m = Machine::<3>::boot(Config::with_ram(4 << 20)).unwrap();
    // SAFETY: once, before anybody uses frames.
    unsafe { veripage::frame::boot::<Deaf<3>>(0..usize::MAX) };
    let k = KernelSpace::<Deaf<3>, X86_64>::new(LOW..LOW + MIB).unwrap();
    let prop = PageProperty {
        priv_flags: PrivilegedPageFlags::empty(),
        ..user()
    };
    let given = [frame::<Deaf<3>>().into_dyn()];
    let area = KVirtArea::map_frames(&k, PAGE_SIZE, 0, given, prop).unwrap();
    m.run(1, || {
        // SAFETY: the table outlives the machine's use of it.
        unsafe { k.page_table().activate() };
        m.access(area.start(), Access::Read, false).unwrap();
    })
    .unwrap();
    drop(area);
    let found = m.take_violations();
    assert!(
        matches!(found[..], [Violation::FreedWhileTranslated { cpu: 1, .. }]),
        "{found:?}"
    );
    std::mem::forget(k);
}

#[test]
fn nodes_wait_for_readers() {
    let m = machine::<4>();
    let k = KernelSpace::<Sim<4>, X86_64>::new(LOW..LOW + MIB).unwrap();
    let s = VmSpace::new(&k).unwrap();
    map(&s, VA, 1);
    let with_nodes = m.stats().allocated;
    let reader = RcuGuard::<Sim<4>>::enter();
    let whole = 0..1 << 40;
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &whole).unwrap();
    assert_eq!(cursor.unmap(1 << 40).unwrap(), 1);
    drop(cursor);
    drop(guard);
    assert!(k.reclaim(), "a reader may still be looking");
    assert_eq!(m.stats().allocated, with_nodes);
    drop(reader);
    while k.reclaim() {}
    assert!(m.stats().allocated <= with_nodes - 3);
    drop(s);
    drop(k);
    at_rest(m);
}

#[test]
fn who_drains_ends_its_section_first() {
    let m = machine::<9>();
    let k = KernelSpace::<Sim<9>, X86_64>::new(LOW..LOW + MIB).unwrap();
    let s = VmSpace::new(&k).unwrap();
    map(&s, VA, 1);
    let with_nodes = m.stats().allocated;
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(0..1 << 40)).unwrap();
    assert_eq!(cursor.unmap(1 << 40).unwrap(), 1);
    drop(cursor);
    assert!(k.reclaim(), "this section has seen the nodes");
    k.drain(guard);
    assert!(!k.reclaim());
    assert!(m.stats().allocated <= with_nodes - 3);
    RcuGuard::<Sim<9>>::enter().wait_grace_period();
    drop(s);
    drop(k);
    at_rest(m);
}

#[test]
fn a_dropped_kernel_space_does_not_wait_for_readers() {
    let m = machine::<10>();
    let before = m.stats().allocated;
    let k = KernelSpace::<Sim<10>, X86_64>::new(LOW..LOW + MIB).unwrap();
    let s = VmSpace::new(&k).unwrap();
    map(&s, VA, 1);
    let reader = RcuGuard::<Sim<10>>::enter();
    let mut guard = RcuGuard::enter();
    let mut cursor = s.cursor_mut(&mut guard, &(0..1 << 40)).unwrap();
    assert_eq!(cursor.unmap(1 << 40).unwrap(), 1);
    drop(cursor);
    drop(guard);
    drop(s);
    drop(k);
    assert_eq!(
        m.stats().allocated,
        before + 4,
        "the nodes that the reader may look at, and the page that one of them maps"
    );
    drop(reader);
    assert!(m.violations().is_empty());
}

#[test]
fn protect_flush_tlb() {
    let m = Machine::<11>::boot_with_frames(Config::with_ram(8 << 20).cpus(2)).unwrap();
    let table = PageTable::<KernelPtConfig<Sim<11>, X86_64>>::new_kernel_page_table().unwrap();
    let mut guard = RcuGuard::enter();
    let range = LOW..LOW + 4 * PAGE_SIZE;
    let prop = |flags| PageProperty::new_kernel(flags, CachePolicy::Writeback);
    let mut cursor = table.cursor_mut(&mut guard, &range).unwrap();
    for i in 0..3 {
        let frame = frame::<Sim<11>>();
        cursor
            .map(MappedItem::Tracked(frame.into(), prop(PageFlags::RW)))
            .unwrap();
        assert_eq!(cursor.virt_addr(), LOW + (i + 1) * PAGE_SIZE);
    }
    drop(cursor);
    drop(guard);
    let write = |va| m.access(va, Access::Write, false).is_ok();
    m.run_all(|_| {
        // SAFETY: the simulated CPUs run nothing from it, and the table outlives them.
        unsafe { table.activate() };
        assert!(write(LOW) && write(LOW + PAGE_SIZE) && write(LOW + 2 * PAGE_SIZE));
    })
    .unwrap();
    let mut guard = RcuGuard::enter();
    let two = LOW + PAGE_SIZE..LOW + 4 * PAGE_SIZE;
    let read_only = |p: &mut PageProperty| p.flags = PageFlags::R;
    assert_eq!(table.protect_flush_tlb(&mut guard, &two, read_only), Ok(2));
    drop(guard);
    m.run_all(|_| {
        assert!(write(LOW), "outside the range nothing changes");
        assert!(!write(LOW + PAGE_SIZE) && !write(LOW + 2 * PAGE_SIZE));
        assert!(m.access(LOW + PAGE_SIZE, Access::Read, false).is_ok());
        assert!(m.access(LOW + 3 * PAGE_SIZE, Access::Read, false).is_err());
    })
    .unwrap();
    let mut guard = RcuGuard::enter();
    let odd = LOW + 1..LOW + PAGE_SIZE;
    assert_eq!(
        table.protect_flush_tlb(&mut guard, &odd, read_only),
        Err(PageTableError::UnalignedVaddr(LOW + 1))
    );
    assert!(m.violations().is_empty());
}

#[test]
fn cpus_work_side_by_side() {
    let m = Machine::<5>::boot(Config::with_ram(8 << 20).cpus(3)).unwrap();
    // SAFETY: once, before anybody uses frames.
    unsafe { veripage::frame::boot::<Sim<5>>(0..usize::MAX) };
    let k = KernelSpace::<Sim<5>, X86_64>::new(LOW..LOW + 16 * MIB).unwrap();
    let s = VmSpace::new(&k).unwrap();
    m.run_all(|cpu| {
        s.activate();
        let mut seed = cpu + 1;
        for _ in 0..150 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(99991);
            let page = (seed >> 40) % 64;
            let va = VA + page * PAGE_SIZE;
            let n = 1 + (seed >> 50) % 8;
            match (seed >> 33) % 4 {
                0 => {
                    let mut guard = RcuGuard::enter();
                    let range = va..va + n * PAGE_SIZE;
                    let mut cursor = s.cursor_mut(&mut guard, &range).unwrap();
                    while cursor.virt_addr() < range.end {
                        if cursor.map(frame(), user()).is_err() {
                            let next = cursor.virt_addr() + PAGE_SIZE;
                            cursor.jump(next).unwrap();
                        }
                    }
                }
                1 => _ = unmap(&s, va, n),
                2 => {
                    // Any answer is right but a wrong one: the machine looks for those.
                    let written = s.writer(va, 8).unwrap().write_val(&seed);
                    assert!(matches!(
                        written,
                        Ok(()) | Err(UserAccessError::NotMapped(_))
                    ));
                    _ = m.write(va, &[7; 16], true);
                }
                _ => {
                    let prop = PageProperty {
                        priv_flags: PrivilegedPageFlags::empty(),
                        ..user()
                    };
                    let frames = (0..n).map(|_| frame().into_dyn());
                    let area = KVirtArea::map_frames(&k, n * PAGE_SIZE, 0, frames, prop).unwrap();
                    m.write(area.start(), &[1; 8], false).unwrap();
                }
            }
        }
    })
    .unwrap();
    drop(s);
    while k.reclaim() {}
    assert_eq!(m.violations(), []);
    assert!(m.stats().allocated <= 257 + 2);
    std::mem::forget(k);
}
