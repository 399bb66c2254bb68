//! What a machine supplies: the linear map, frames, CPUs, TLB instructions and grace periods.
use crate::{Paddr, Vaddr};
use core::ops::Range;
use vstd::prelude::*;

verus! {

/// A set of CPUs, one bit each: CPU `n` is bit `n`.
#[verifier::external_derive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CpuSet(pub u64);

/// What a TLB is asked to forget.
#[verifier::external_derive]
#[derive(Clone, PartialEq, Eq, Debug)]
#[verifier::external_derive]
pub enum FlushOp {
    /// Every translation of the addresses in the range, of the current root.
    Range(Range<Vaddr>),
    /// Every translation, global ones included.
    All,
    /// Every translation; a CPU whose root is the given table loads the other one instead.
    LeaveRoot(Paddr, Paddr),
}

/// A machine. The implementing type has no values of its own: a kernel has one machine, and its
/// constants fold into the code. Tests that want several machines define several types.
///
/// # Safety
/// The implementor promises that the linear map covers all RAM, that the slot array is zeroed
/// memory which nobody else uses, and what each function below says.
pub unsafe trait Platform: Sized + Send + Sync + 'static {
    /// Virtual address of physical address 0 in the linear map; a multiple of 4096.
    const LINEAR_BASE: usize;
    /// Virtual address of the slot of frame 0; a multiple of 32. The array has one 32-byte slot for
    /// each frame below `MAX_PADDR`, holes included, and starts as zeroes.
    const META_BASE: usize;
    /// First physical address past the highest frame; a multiple of 4096, at most 2^52.
    const MAX_PADDR: usize;
    /// CPUs of the machine, 1 to 64.
    const NR_CPUS: usize;

    /// What the constants promise. `meta::place` looks at them when it is compiled for the machine, and no
    /// frame exists that was not placed.
    proof fn bounds()
        ensures
            Self::LINEAR_BASE as int % 4096 == 0, 0 < Self::LINEAR_BASE,
            Self::MAX_PADDR as int % 4096 == 0, Self::MAX_PADDR <= 0x10_0000_0000_0000,
            Self::LINEAR_BASE + Self::MAX_PADDR <= usize::MAX,
            1 <= Self::NR_CPUS <= 64;

    /// Is the frame at `pa` RAM (and not a hole or a device)?
    fn is_ram(pa: Paddr) -> bool;

    /// Hands out `pages` contiguous frames at a multiple of `align` bytes (a power of two, at least
    /// 4096), or `None`. A wrong answer is found out by the frames' own slots.
    fn alloc_frames(pages: usize, align: usize) -> Option<Paddr>;

    /// Takes back frames of `alloc_frames`, whole or in parts. Must also survive any other frame that has
    /// a slot, even one that is free already: safe code can claim an unused frame by its address
    /// (`Frame::from_unused`), write its bytes, and drop it here. So the supply ignores what it has not
    /// handed out, and keeps nothing that it relies on in the bytes of free frames. Runs in destructors.
    fn dealloc_frames(pa: Paddr, pages: usize)
        no_unwind;

    /// The current CPU, below `NR_CPUS`. Stable while an RCU guard is held.
    fn cpu() -> (r: usize)
        ensures r < Self::NR_CPUS;

    /// One turn of a spin loop; may serve interrupts.
    fn relax();

    /// Loads the page-table root of this CPU and flushes its non-global translations.
    ///
    /// # Safety
    /// `root` must stay a page table until this CPU has loaded another one.
    unsafe fn load_root(root: Paddr);

    /// The root that this CPU has loaded, if any.
    fn current_root() -> Option<Paddr>;

    /// Asks every CPU in `cpus` (this one included, if in it) to carry out `op`; returns a ticket, which
    /// is not 0 and not below those of earlier requests of any CPU.
    fn flush(cpus: CpuSet, op: &FlushOp) -> u64;

    /// Waits until every request up to `ticket` has been carried out, whichever CPU made it: who asked may
    /// run on another CPU by now.
    fn flush_wait(ticket: u64);

    /// Enters an RCU read section on this CPU; sections nest.
    fn rcu_enter();

    /// Leaves the innermost RCU read section of this CPU. Runs in destructors.
    fn rcu_exit()
        opens_invariants none
        no_unwind;

    /// A stamp that passes once every read section under way now has ended.
    fn rcu_stamp() -> u64;

    /// Every read section that was under way when the stamp was given has ended.
    spec fn grace_over(stamp: u64) -> bool;

    /// Has the grace period of `stamp` passed? Never waits.
    fn rcu_passed(stamp: u64) -> (r: bool)
        ensures r ==> Self::grace_over(stamp);
}

} // verus!
