//! Frames of the machine: what the allocator gives, and what it notices.
mod common;
use common::*;
use proptest::prelude::*;
use veripage_hw::{Platform, PAGE_SIZE};
use veripage_sim::{Config, Machine, Sim, SimError, Violation, POISON};

#[test]
fn frames_are_poisoned_ram_and_come_back() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let before = m.stats().free;
    assert_eq!(before, (1 << 20) / PAGE_SIZE);
    let pa = Sim::<ID>::alloc_frames(3, 4 * PAGE_SIZE).unwrap();
    assert_eq!(pa % (4 * PAGE_SIZE), 0);
    for i in 0..3 * 512 {
        assert_eq!(m.word(pa + i * 8), Some(POISON));
    }
    assert_eq!(m.stats().free, before - 3);
    assert_eq!(m.allocated_frames(), [pa, pa + 4096, pa + 8192]);
    // In parts, middle first.
    Sim::<ID>::dealloc_frames(pa + 4096, 1);
    Sim::<ID>::dealloc_frames(pa, 1);
    Sim::<ID>::dealloc_frames(pa + 8192, 1);
    assert_eq!(m.stats().free, before);
    assert_eq!(m.violations(), []);
}

#[test]
fn holes_are_no_ram_and_are_never_handed_out() {
    const ID: usize = line!() as usize;
    let ram = vec![0x1000..0x3000, 0x5000..0x6000];
    let config = Config {
        ram: ram.clone(),
        ..Config::default()
    };
    let m = Machine::<ID>::boot(config).unwrap();
    let mut got: Vec<_> = (0..3)
        .map(|_| Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap())
        .collect();
    got.sort_unstable();
    assert_eq!(got, [0x1000, 0x2000, 0x5000]);
    assert_eq!(Sim::<ID>::alloc_frames(1, PAGE_SIZE), None);
    assert_eq!(m.stats().failed_allocations, 1);
    let asked = [0xfff, 0x1000, 0x2fff, 0x3000, 0x4fff, 0x5000, 0x6000];
    let is_ram: Vec<_> = asked.into_iter().map(Sim::<ID>::is_ram).collect();
    assert_eq!(is_ram, [false, true, true, false, false, true, false]);
    assert_eq!(m.ram(), ram);
}

#[test]
fn impossible_requests_get_none() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    for (pages, align) in [
        (0, 4096),
        (usize::MAX, 4096),
        (1, 1 << 40),
        (1 << 30, 4096),
        (1, 3 << 12),
    ] {
        assert_eq!(
            Sim::<ID>::alloc_frames(pages, align),
            None,
            "{pages} {align}"
        );
    }
    assert_eq!(m.stats().failed_allocations, 5);
}

#[test]
fn double_free_and_foreign_free_are_reported() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let pa = Sim::<ID>::alloc_frames(2, PAGE_SIZE).unwrap();
    Sim::<ID>::dealloc_frames(pa, 1);
    Sim::<ID>::dealloc_frames(pa, 2);
    assert_eq!(m.take_violations(), [Violation::DoubleFree { pa }]);
    let never = m.ram()[1].start;
    Sim::<ID>::dealloc_frames(never, 1);
    assert_eq!(m.take_violations(), [Violation::DoubleFree { pa: never }]);
    for pa in [0, 12, m.ram()[0].end, veripage_sim::MAX_PADDR, !0xfff] {
        Sim::<ID>::dealloc_frames(pa, 1);
        assert_eq!(m.take_violations(), [Violation::FreedNotRam { pa }]);
    }
    assert_eq!(m.stats().allocated, 0);
}

#[test]
fn a_lost_frame_is_reported_at_shutdown() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let pa = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
    let left = m.shutdown();
    assert_eq!(left.lost, [pa]);
    assert_eq!(left.violations, [Violation::LostFrame { pa }]);
    let left = small::<ID>().shutdown();
    assert_eq!((left.lost, left.violations), (vec![], vec![]));
}

#[test]
fn a_write_to_a_free_frame_is_reported_when_it_is_handed_out_again() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let pa = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
    Sim::<ID>::dealloc_frames(pa, 1);
    set::<ID>(pa, 7, 42);
    assert_eq!(Sim::<ID>::alloc_frames(1, PAGE_SIZE), Some(pa));
    let wrote = |offset, found| Violation::WroteFree { pa, offset, found };
    assert_eq!(m.take_violations(), [wrote(56, 42)]);
    Sim::<ID>::dealloc_frames(pa, 1);
    set::<ID>(pa, 511, 43);
    assert_eq!(m.shutdown().violations, [wrote(4088, 43)]);
}

#[test]
fn a_write_to_a_frame_that_was_never_handed_out_is_reported() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let pa = m.ram()[0].start;
    set::<ID>(pa, 1, 9);
    let mut got = Vec::new();
    while let Some(pa) = Sim::<ID>::alloc_frames(1, PAGE_SIZE) {
        got.push(pa);
    }
    assert!(got.contains(&pa));
    let (offset, found) = (8, 9);
    assert_eq!(
        m.take_violations(),
        [Violation::WroteFree { pa, offset, found }]
    );
    got.into_iter()
        .for_each(|pa| Sim::<ID>::dealloc_frames(pa, 1));
    assert_eq!(m.shutdown(), Default::default());
}

#[test]
fn allocations_fail_where_they_are_told_to() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let get = || Sim::<ID>::alloc_frames(1, PAGE_SIZE).is_some();
    m.fail_alloc_after(2);
    assert_eq!([get(), get(), get(), get()], [true, true, false, false]);
    m.fail_nth_alloc(1);
    assert_eq!([get(), get(), get(), get()], [true, false, true, true]);
    m.fail_alloc_after(0);
    m.fail_no_alloc();
    assert!(get());
    assert_eq!(m.stats().failed_allocations, 3);
}

#[test]
fn giant_blocks_cost_no_memory_and_come_back_zero() {
    const ID: usize = line!() as usize;
    let giant = 1 << 30;
    let config = Config {
        ram: vec![giant..2 * giant, 2 * giant..3 * giant],
        ..Config::default()
    };
    let m = Machine::<ID>::boot(config).unwrap();
    let pa = Sim::<ID>::alloc_frames(giant / PAGE_SIZE, giant).unwrap();
    assert_eq!(pa % giant, 0);
    set::<ID>(pa + 4096, 3, 5);
    Sim::<ID>::dealloc_frames(pa, giant / PAGE_SIZE);
    assert_eq!(m.word(pa + 4096 + 24), Some(0));
    assert_eq!(m.stats().free, 2 * giant / PAGE_SIZE);
    assert_eq!(m.shutdown(), Default::default());
}

#[test]
fn without_poison_frames_stay_as_they_are() {
    const ID: usize = line!() as usize;
    for poison in [false, true, false, true, true] {
        let config = Config {
            poison,
            ..Config::with_ram(1 << 20)
        };
        let m = Machine::<ID>::boot(config).unwrap();
        let pa = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
        set::<ID>(pa, 1, 7);
        Sim::<ID>::dealloc_frames(pa, 1);
        assert_eq!(m.word(pa + 8), Some(if poison { POISON } else { 7 }));
        set::<ID>(pa, 1, if poison { POISON } else { 8 });
        // Even in the next machine, which may look at the poison, nobody is accused of that.
        assert_eq!(Sim::<ID>::alloc_frames(1, PAGE_SIZE), Some(pa));
        Sim::<ID>::dealloc_frames(pa, 1);
        assert_eq!(m.shutdown(), Default::default());
    }
}

#[test]
fn a_bad_configuration_is_refused_with_what_is_wrong() {
    const ID: usize = line!() as usize;
    let with = |ram: &[std::ops::Range<usize>], cpus, levels| {
        let ram = ram.to_vec();
        let poison = true;
        let config = Config {
            ram,
            cpus,
            levels,
            poison,
        };
        Machine::<ID>::boot(config)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    };
    assert_eq!(with(&[], 1, 4), "0 RAM ranges: a machine has 1 to 8");
    for bad in [
        0x1000..0x1000,
        0x1001..0x2000,
        0x1000..0x2001,
        0x1000..1 << 40,
    ] {
        let said = with(std::slice::from_ref(&bad), 1, 4);
        assert!(
            said.starts_with(&format!("bad RAM range {:#x}..{:#x}", bad.start, bad.end)),
            "{said}"
        );
    }
    assert!(with(&[0x3000..0x4000, 0x1000..0x2000], 1, 4).starts_with("bad RAM range 0x1000"));
    let one = 0x1000..0x2000;
    assert_eq!(
        with(std::slice::from_ref(&one), 0, 4),
        "0 CPUs: a machine has 1 to 16"
    );
    assert_eq!(with(&[one], 1, 3), "an MMU with 3 levels: it has 4 or 5");
}

#[test]
fn a_number_has_one_machine_at_a_time() {
    const ID: usize = line!() as usize;
    let m = small::<ID>();
    let again = Machine::<ID>::boot(Config::default());
    assert!(matches!(again.err(), Some(SimError::Running(id)) if id == ID));
    let other = std::thread::spawn(|| {
        let m = small::<ID>();
        (m.stats().allocated, m.violation_count())
    });
    Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
    drop(m);
    assert_eq!(other.join().unwrap(), (0, 0));
}

#[test]
fn thousands_of_fresh_machines() {
    const ID: usize = line!() as usize;
    for round in 0..3000 {
        let m = Machine::<ID>::boot(Config::with_ram(2 << 20)).unwrap();
        let slots = Sim::<ID>::META_BASE as *mut u64;
        for _ in 0..round % 7 {
            let pa = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
            let slot = slots.wrapping_add(pa / PAGE_SIZE * 4);
            // SAFETY: the slot array of a running machine is mapped.
            unsafe {
                assert_eq!(slot.read(), 0);
                slot.write(round);
            }
        }
        assert_eq!(m.shutdown().lost.len() as u64, round % 7);
    }
}

/// A step of the allocator test.
#[derive(Clone, Debug)]
enum Step {
    Take { pages: usize, align: usize },
    Give { which: usize, part: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let take = (1..40usize, 0..7usize).prop_map(|(pages, bits)| Step::Take {
        pages,
        align: PAGE_SIZE << bits,
    });
    let give =
        (any::<usize>(), any::<usize>()).prop_map(|(which, part)| Step::Give { which, part });
    prop_oneof![take, give]
}

proptest! {
    /// Blocks are aligned RAM, disjoint from all others that are out; what is given back, whole or
    /// in parts, joins again, so that in the end the largest blocks can be had.
    #[test]
    fn the_buddy_allocator_keeps_frames_apart(steps in prop::collection::vec(step(), 1..80)) {
        const ID: usize = line!() as usize;
        let config = Config { ram: vec![0x5000..0x4_0000, 0x8_0000..0x14_0000], ..Config::default() };
        let m = Machine::<ID>::boot(config).unwrap();
        let all = m.stats().free;
        let mut out: Vec<std::ops::Range<usize>> = Vec::new();
        for s in steps {
            match s {
                Step::Take { pages, align } => {
                    let Some(pa) = Sim::<ID>::alloc_frames(pages, align) else { continue };
                    let new = pa..pa + pages * PAGE_SIZE;
                    prop_assert_eq!(pa % align, 0);
                    prop_assert!(m.ram().iter().any(|r| r.start <= new.start && new.end <= r.end));
                    prop_assert!(out.iter().all(|o| o.end <= new.start || new.end <= o.start));
                    out.push(new);
                }
                Step::Give { which, part } => {
                    if out.is_empty() { continue }
                    let block = out.swap_remove(which % out.len());
                    let pages = block.len() / PAGE_SIZE;
                    let first = part % (pages + 1);
                    Sim::<ID>::dealloc_frames(block.start + first * PAGE_SIZE, pages - first);
                    Sim::<ID>::dealloc_frames(block.start, first);
                }
            }
            let held: usize = out.iter().map(|o| o.len() / PAGE_SIZE).sum();
            prop_assert_eq!(m.stats().free, all - held);
            prop_assert_eq!(m.stats().allocated, held);
        }
        for block in out {
            Sim::<ID>::dealloc_frames(block.start, block.len() / PAGE_SIZE);
        }
        // 0x8_0000..0x10_0000 and 0x10_0000..0x14_0000 are the largest blocks there are.
        prop_assert_eq!(Sim::<ID>::alloc_frames(128, 1 << 19), Some(0x8_0000));
        prop_assert_eq!(Sim::<ID>::alloc_frames(64, 1 << 18), Some(0x10_0000));
        prop_assert_eq!(m.violations(), vec![]);
    }
}
