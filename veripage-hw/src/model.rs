//! What the schedule explorer adds (feature `model`): racy loads that lie, and frames that are
//! poisoned when they are given back, so that a read after reuse is noticed.
use core::sync::atomic::{AtomicU32, Ordering};

/// The word that fills a frame which was given back.
pub const POISON: u64 = 0xdead_dead_dead_de00;

/// Percentage of racy loads that return a link to some low frame: their contract allows it.
pub static LIES: AtomicU32 = AtomicU32::new(0);

pub(crate) fn peeked(v: u64) -> u64 {
    use shuttle::rand::Rng;
    let p = LIES.load(Ordering::Relaxed);
    if p > 0 && shuttle::rand::thread_rng().gen_range(0..100u32) < p {
        return shuttle::rand::thread_rng().gen_range(0..20u64) * 4096 + 7;
    }
    assert!(
        v != POISON,
        "a racy load read a frame that was already reused"
    );
    v
}

/// Fills the frame at `pa`, which is being given back, with [`POISON`].
///
/// # Safety
/// `pa` is a frame that nobody else accesses.
pub unsafe fn poison<P: crate::Platform>(pa: crate::Paddr) {
    crate::page::fill::<P>(pa, POISON)
}
