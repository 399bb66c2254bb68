//! The platform type of a simulated machine.
use crate::layout;
use crate::machine::MAX_CPUS;
use crate::state::{current_cpu, state};
use veripage_hw::{CpuSet, FlushOp, Paddr, Platform};

/// Machine number `ID` (below [`MAX_MACHINES`](crate::MAX_MACHINES)) as a platform. Without a
/// [`Machine<ID>`](crate::Machine) running it has no RAM, and its functions do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sim<const ID: usize>;

// SAFETY: the window of a booted machine holds its RAM and a zeroed slot array, both mapped for the
// life of the process and used by nobody else; each function is the machine's, which does what the
// trait says.
unsafe impl<const ID: usize> Platform for Sim<ID> {
    const LINEAR_BASE: usize = layout::linear_base(ID);
    const META_BASE: usize = layout::meta_base(ID);
    const MAX_PADDR: usize = layout::MAX_PADDR;
    const NR_CPUS: usize = MAX_CPUS;

    fn is_ram(pa: Paddr) -> bool {
        state(ID).is_some_and(|s| s.is_ram(pa))
    }

    fn alloc_frames(pages: usize, align: usize) -> Option<Paddr> {
        state(ID)?.alloc(pages, align)
    }

    fn dealloc_frames(pa: Paddr, pages: usize) {
        if let Some(s) = state(ID) {
            s.dealloc(pa, pages);
        }
    }

    fn cpu() -> usize {
        current_cpu(ID)
    }

    fn relax() {
        if let Some(s) = state(ID) {
            s.relax();
        }
    }

    unsafe fn load_root(root: Paddr) {
        if let Some(s) = state(ID) {
            s.load_root(root);
        }
    }

    fn current_root() -> Option<Paddr> {
        state(ID)?.me().1.root()
    }

    fn flush(cpus: CpuSet, op: &FlushOp) -> u64 {
        state(ID).map_or(0, |s| s.flush(cpus, op))
    }

    fn flush_wait(ticket: u64) {
        if let Some(s) = state(ID) {
            s.flush_wait(ticket);
        }
    }

    fn rcu_enter() {
        if let Some(s) = state(ID) {
            s.rcu_enter();
        }
    }

    fn rcu_exit() {
        if let Some(s) = state(ID) {
            s.rcu_exit();
        }
    }

    fn rcu_stamp() -> u64 {
        state(ID).map_or(0, |s| s.rcu_stamp())
    }

    fn rcu_passed(stamp: u64) -> bool {
        state(ID).is_none_or(|s| s.rcu_passed(stamp))
    }
}
