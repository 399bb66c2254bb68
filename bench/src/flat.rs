//! The arena as a platform: one CPU, no TLB, and read sections that cost nothing, so that what is
//! measured is the core alone. The peers do without all of these, too.
use crate::arena;
use veripage::{CpuSet, FlushOp, Paddr, Platform};

/// First address past the frames that are mapped in a round.
pub const MAX_PADDR: usize = 0x1_0000_0000;
const META_BASE: usize = 0x3000_0000_0000;

pub struct Flat;

// SAFETY: the arena and the slot array are mapped by `map` before anything else, for good, and the
// contestants that do not run this platform touch only frames that they allocated themselves.
unsafe impl Platform for Flat {
    const LINEAR_BASE: usize = arena::BASE;
    const META_BASE: usize = META_BASE;
    const MAX_PADDR: usize = MAX_PADDR;
    const NR_CPUS: usize = 1;

    fn is_ram(_: Paddr) -> bool {
        true
    }
    #[inline]
    fn alloc_frames(pages: usize, _: usize) -> Option<Paddr> {
        if pages == 1 {
            arena::alloc()
        } else {
            None
        }
    }
    #[inline]
    fn dealloc_frames(pa: Paddr, _: usize) {
        // the frames that a round maps are addresses without memory
        if pa < arena::SIZE {
            arena::free(pa);
        }
    }
    fn cpu() -> usize {
        0
    }
    fn relax() {
        std::hint::spin_loop();
    }
    unsafe fn load_root(_: Paddr) {}
    fn current_root() -> Option<Paddr> {
        None
    }
    fn flush(_: CpuSet, _: &FlushOp) -> u64 {
        0
    }
    fn flush_wait(_: u64) {}
    #[inline]
    fn rcu_enter() {}
    #[inline]
    fn rcu_exit() {}
    fn rcu_stamp() -> u64 {
        0
    }
    fn rcu_passed(_: u64) -> bool {
        true
    }
}

/// Maps the slot array, and makes every frame usable.
///
/// # Errors
/// The address is taken, or memory is short.
pub fn map() -> std::io::Result<()> {
    arena::map_at(META_BASE, MAX_PADDR / 4096 * 32)?;
    // SAFETY: the slots were mapped just now, and nobody has used a frame of `Flat` before.
    unsafe { veripage::frame::boot::<Flat>(0..MAX_PADDR) };
    Ok(())
}
