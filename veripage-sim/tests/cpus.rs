//! CPUs as threads: binding, messages, grace periods.
mod common;
use common::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::Barrier;
use veripage_hw::{CpuSet, FlushOp, Platform, PAGE_SIZE};
use veripage_sim::{Access, Config, Machine, Sim, SimError, Violation};

const BOTH: CpuSet = CpuSet(3);

fn until<const ID: usize>(what: impl Fn() -> bool) {
    while !what() {
        Sim::<ID>::relax();
    }
}

#[test]
fn threads_become_cpus() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    assert_eq!(Sim::<ID>::cpu(), 0);
    let nested = m.run(1, || {
        (
            Sim::<ID>::cpu(),
            m.run(0, Sim::<ID>::cpu).unwrap(),
            Sim::<ID>::cpu(),
        )
    });
    assert_eq!(nested.unwrap(), (1, 0, 1));
    assert_eq!(
        m.run_all(|cpu| (cpu, Sim::<ID>::cpu())).unwrap(),
        [(0, 0), (1, 1)]
    );
    let no = m.run(2, || ()).unwrap_err();
    assert!(matches!(no, SimError::NoCpu { cpu: 2, cpus: 2 }), "{no}");
    m.run(1, || {
        let taken =
            std::thread::scope(|s| s.spawn(|| m.run(1, || ()).unwrap_err()).join().unwrap());
        assert!(matches!(taken, SimError::CpuTaken(1)), "{taken}");
        m.run(1, || ()).unwrap();
    })
    .unwrap();
    // A thread that panics gives its CPU back.
    let panics = std::thread::scope(|s| {
        s.spawn(|| m.run(1, || panic!("on purpose")))
            .join()
            .is_err()
    });
    assert!(panics);
    assert_eq!(m.run(1, Sim::<ID>::cpu).unwrap(), 1);
    assert_eq!(Sim::<{ ID + 1 }>::cpu(), 0);
}

#[test]
fn a_message_waits_until_the_cpu_comes_by() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | U);
    let [learned, posted, seen] = [const { AtomicBool::new(false) }; 3];
    m.run_all(|cpu| {
        if cpu == 1 {
            load::<ID>(nodes[0]);
            assert_eq!(m.access(VA, Access::Read, true), Ok(page));
            learned.store(true, SeqCst);
            while !posted.load(SeqCst) {
                std::thread::yield_now();
            }
            // Between the message and now nobody interrupted: the translation is still there.
            assert_eq!(m.tlb(1).len(), 1);
            seen.store(true, SeqCst);
            m.access(VA, Access::Read, true).unwrap_err();
            return;
        }
        until::<ID>(|| learned.load(SeqCst));
        set::<ID>(nodes[3], index(VA, 1), 0);
        let ticket = Sim::<ID>::flush(BOTH, &FlushOp::Range(VA..VA + PAGE_SIZE));
        posted.store(true, SeqCst);
        until::<ID>(|| seen.load(SeqCst));
        Sim::<ID>::flush_wait(ticket);
        Sim::<ID>::dealloc_frames(page, 1);
    })
    .unwrap();
    assert_eq!((m.stats().messages, m.stats().flushes), (1, 1));
    assert_eq!(m.violations(), []);
}

#[test]
fn two_cpus_that_flush_each_other_do_not_deadlock() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | W | U);
    let start = Barrier::new(2);
    let done = AtomicUsize::new(0);
    m.run_all(|_| {
        load::<ID>(nodes[0]);
        start.wait();
        for round in 0..2000 {
            assert_eq!(m.access(VA, Access::Read, true), Ok(page));
            let op = if round % 3 == 0 {
                FlushOp::All
            } else {
                FlushOp::Range(VA..VA + 1)
            };
            Sim::<ID>::flush_wait(Sim::<ID>::flush(BOTH, &op));
        }
        done.fetch_add(1, SeqCst);
    })
    .unwrap();
    assert_eq!(done.load(SeqCst), 2);
    assert_eq!(m.stats().flushes, 4000);
    assert_eq!(m.violations(), []);
}

#[test]
fn halted_cpus_and_threads_that_are_away_are_flushed_too() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | U);
    let learn = || {
        load::<ID>(nodes[0]);
        assert_eq!(m.access(VA, Access::Read, true), Ok(page));
    };
    m.run(1, learn).unwrap();
    Sim::<ID>::flush_wait(Sim::<ID>::flush(BOTH, &FlushOp::All));
    assert_eq!(m.tlb(1), []);
    // CPU 1's thread waits for one that flushes CPU 1.
    m.run(1, || {
        learn();
        let other = || {
            m.run(0, || {
                Sim::<ID>::flush_wait(Sim::<ID>::flush(BOTH, &FlushOp::All))
            })
        };
        std::thread::scope(|s| s.spawn(other).join().unwrap()).unwrap();
        assert_eq!(m.tlb(1), []);
    })
    .unwrap();
    // CPUs that the machine does not have are no hindrance.
    Sim::<ID>::flush_wait(Sim::<ID>::flush(CpuSet(!0), &FlushOp::All));
}

#[test]
fn pages_come_and_go_under_a_reader() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let (nodes, page) = table::<ID>(VA, P | W | U);
    let stop = AtomicBool::new(false);
    (0..512).for_each(|i| set::<ID>(page, i, 7));
    m.run_all(|cpu| {
        load::<ID>(nodes[0]);
        if cpu == 1 {
            let mut seen = 0;
            while !stop.load(SeqCst) {
                let mut byte = [0];
                if m.read(VA + 16, &mut byte, true).is_ok() {
                    assert_eq!(byte, [7]);
                    seen += 1;
                }
            }
            return seen;
        }
        let mut page = page;
        for _ in 0..500 {
            set::<ID>(nodes[3], index(VA, 1), 0);
            Sim::<ID>::flush_wait(Sim::<ID>::flush(BOTH, &FlushOp::Range(VA..VA + 1)));
            Sim::<ID>::dealloc_frames(page, 1);
            page = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
            (0..512).for_each(|i| set::<ID>(page, i, 7));
            set::<ID>(nodes[3], index(VA, 1), page as u64 | P | U);
            Sim::<ID>::relax();
        }
        stop.store(true, SeqCst);
        0
    })
    .unwrap();
    assert_eq!(m.violations(), []);
}

#[test]
fn a_grace_period_waits_for_the_sections_under_way() {
    const ID: usize = line!() as usize;
    type S = Sim<ID>;
    let m = Machine::<ID>::boot(Config::default().cpus(3)).unwrap();
    let on = |cpu, f: fn()| m.run(cpu, f).unwrap();
    assert!(S::rcu_passed(S::rcu_stamp()));
    on(1, S::rcu_enter);
    on(1, S::rcu_enter);
    let first = S::rcu_stamp();
    assert!(!S::rcu_passed(first));
    // A section that began after the stamp does not count.
    on(2, S::rcu_enter);
    let second = S::rcu_stamp();
    on(1, S::rcu_exit);
    assert!(!S::rcu_passed(first));
    on(1, S::rcu_exit);
    assert!(S::rcu_passed(first));
    assert!(!S::rcu_passed(second));
    on(1, S::rcu_enter);
    on(2, S::rcu_exit);
    assert!(S::rcu_passed(second));
    on(1, S::rcu_exit);
    assert_eq!(m.violations(), []);
    on(2, S::rcu_exit);
    assert_eq!(m.violations(), [Violation::RcuUnbalanced { cpu: 2 }]);
}

#[test]
fn what_is_retired_under_readers_is_freed_after_them() {
    const ID: usize = line!() as usize;
    type S = Sim<ID>;
    let m = small::<ID>();
    let shared = AtomicUsize::new(node::<ID>());
    let stop = AtomicBool::new(false);
    m.run_all(|cpu| {
        if cpu == 1 {
            while !stop.load(SeqCst) {
                S::rcu_enter();
                let pa = shared.load(SeqCst);
                for i in 0..512 {
                    assert_eq!(
                        m.word(pa + i * 8),
                        Some(0),
                        "a frame was freed under its reader"
                    );
                }
                S::rcu_exit();
            }
            return;
        }
        for _ in 0..300 {
            let old = shared.swap(node::<ID>(), SeqCst);
            let stamp = S::rcu_stamp();
            until::<ID>(|| S::rcu_passed(stamp));
            S::dealloc_frames(old, 1);
        }
        stop.store(true, SeqCst);
    })
    .unwrap();
    S::dealloc_frames(shared.load(SeqCst), 1);
    assert_eq!(m.shutdown(), Default::default());
}
