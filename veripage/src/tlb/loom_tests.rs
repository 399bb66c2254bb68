//! Ordering checks of CPU sets: every interleaving and every value that the memory model lets a load
//! return, with one page-table entry and one CPU's TLB as plain words.
//!
//! Each check is also run with each ordering weakened, to show that it would notice.
//! `cargo test -p veripage --features loom --lib loom_tests`
extern crate std;

use crate::frame::loom_tests::holds;
use loom::sync::atomic::{AtomicU64, Ordering::*};
use loom::sync::Arc;
use loom::thread;
use veripage_hw::cpu_set::AtomicCpuSet;
use veripage_hw::order::Site;
use veripage_hw::CpuSet;
use veripage_sim::Sim;

type Machine = Sim<0>;

struct Table {
    set: AtomicCpuSet,
    /// 1: mapped.
    entry: AtomicU64,
    /// 1: the CPU has the translation.
    tlb: AtomicU64,
}

fn table(tlb: u64) -> Arc<Table> {
    Arc::new(Table {
        set: AtomicCpuSet::new(),
        entry: AtomicU64::new(1),
        tlb: AtomicU64::new(tlb),
    })
}

/// A CPU joins and walks while another unmaps: if the walk found the page, the CPU is asked to flush.
fn joins() {
    let table = table(0);
    let cpu = table.clone();
    let t = thread::spawn(move || {
        cpu.set.join::<Machine>();
        cpu.entry.load(Relaxed)
    });
    table.entry.store(0, Release);
    let asked = table.set.targets();
    let found = t.join().unwrap();
    assert!(found == 0 || asked == CpuSet(1));
}

/// A CPU loads another root, which empties its TLB, and leaves while another unmaps: if the CPU is not
/// asked, it has nothing to flush.
fn leaves() {
    let table = table(1);
    table.set.join::<Machine>();
    let cpu = table.clone();
    let t = thread::spawn(move || {
        cpu.tlb.store(0, Relaxed);
        cpu.set.leave::<Machine>();
    });
    table.entry.store(0, Release);
    if table.set.targets() == CpuSet(0) {
        assert_eq!(table.tlb.load(Relaxed), 0);
    }
    t.join().unwrap();
}

#[test]
fn a_cpu_that_joins_is_not_forgotten() {
    assert!(holds(joins, 0));
}

#[test]
fn a_cpu_that_left_has_forgotten() {
    assert!(holds(leaves, 0));
}

#[test]
fn a_missing_fence_between_joining_and_walking_is_noticed() {
    assert!(!holds(joins, Site::Join as usize));
}

#[test]
fn a_missing_fence_between_clearing_and_asking_is_noticed() {
    assert!(!holds(joins, Site::Targets as usize));
}

#[test]
fn a_weaker_store_on_leaving_is_noticed() {
    assert!(!holds(leaves, Site::Leave as usize));
}
