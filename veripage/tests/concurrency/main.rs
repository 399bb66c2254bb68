//! Two and three CPUs at once. Which of them wins is open; that each owns its range alone, that nobody
//! reaches what is gone, and that all is sound in the end, is not.
#[macro_use]
#[path = "../common/like_sim.rs"]
mod like_sim;
mod copied;
mod cursors;
mod flushes;
mod shared;
#[path = "../tables/mod.rs"]
mod tables;
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
    unsafe { kernel.destroy(RcuGuard::enter()) };
    let end = m.shutdown();
    assert_eq!((end.lost, end.violations), (vec![], vec![]));
}
