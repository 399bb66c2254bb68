//! Making the slots of RAM, once, when the machine boots.
use super::slot::*;
use core::ops::Range;
use veripage_hw::meta::place;
#[cfg(verus_only)]
use veripage_hw::meta::Unclaimed;
use veripage_hw::{Paddr, Platform, PAGE_SIZE};
use vstd::prelude::*;

#[cfg(verus_only)]
#[path = "boot.spec.rs"]
mod spec;
#[cfg(verus_only)]
pub use spec::*;

/// Makes the frames of RAM in `range` usable: their slots become UNUSED. Holes are passed over, and
/// stay busy for ever. Gives the number of frames made. Addresses are rounded inwards.
///
/// # Safety
/// Each frame is booted once, before anybody else uses frames or slots of `P`, and nobody else uses
/// its memory.
#[verus_spec(
    with Tracked(mem): Tracked<&mut Unclaimed<P>>
    requires old(mem).wf(), bootable(old(mem)@, range.start as int, range.end as int),
)]
pub unsafe fn boot<P: Platform>(range: Range<Paddr>) -> usize {
    let end = if range.end < P::MAX_PADDR {
        range.end
    } else {
        P::MAX_PADDR
    };
    if range.start >= end {
        return 0;
    }
    proof! { P::bounds(); }
    let mut made = 0;
    let past = range.start % PAGE_SIZE;
    let mut pa = if past == 0 {
        range.start
    } else {
        range.start - past + PAGE_SIZE
    };
    #[cfg_attr(verus_only, verus_spec(
        invariant
            range.start <= pa <= end + PAGE_SIZE, made <= pa, pa as int % 4096 == 0, end <= range.end, end <= P::MAX_PADDR,
            P::MAX_PADDR <= 0x10_0000_0000_0000,
            mem.wf(), bootable(mem@, pa as int, range.end as int),
        decreases end + PAGE_SIZE - pa
    ))]
    while pa < end && PAGE_SIZE <= end - pa {
        if P::is_ram(pa) {
            proof! { assert(is_page(pa as int)); }
            proof_decl! {
                let tracked (page, vacant) = mem.take(pa as int);
            }
            proof_with! { Tracked(page) }
            let s = MetaSlot::<P>::new();
            // SAFETY: the caller boots each frame once, before anybody uses its slot.
            unsafe { place::<P, MetaSlot<P>>(pa, s, verus_exec_expr!(Tracked(vacant))) };
            made += 1;
        }
        pa += PAGE_SIZE;
    }
    made
}
