//! The words of a frame.
use veripage_hw::lock::Readable;
use veripage_hw::page::*;
use veripage_hw::{Paddr, Platform};
use vstd::prelude::*;

verus! {

/// `PagePerm::is_exclusive`
proof fn exclusive<P: Platform>(tracked a: &mut PagePerm<P>, tracked b: &PagePerm<P>)
    requires old(a).wf(), b.wf(),
{
    a.is_exclusive(b);
}

} // verus!

/// `pte_load`
#[verus_spec(
    with Tracked(p): Tracked<&PagePerm<P>>
    requires p.wf(), p@.paddr == pa, i < 512,
)]
fn loads<P: Platform, W: MmuWord>(pa: Paddr, i: usize) {
    let _a = unsafe {
        proof_with!(Tracked(p));
        pte_load::<P, W>(pa, i)
    };
    let _b = unsafe {
        proof_with!(Tracked(p));
        pte_load::<P, W>(pa, i)
    };
}

/// `pte_store`
#[verus_spec(
    with Tracked(p): Tracked<&mut PagePerm<P>>
    requires old(p).wf(), old(p)@.paddr == pa, i < 512,
)]
fn stores<P: Platform, W: MmuWord>(pa: Paddr, i: usize) {
    unsafe {
        proof_with!(Tracked(&mut *p));
        pte_store::<P>(pa, i, 1)
    };
    let _b = unsafe {
        proof_with!(Tracked(&*p));
        pte_load::<P, W>(pa, i)
    };
    unsafe {
        proof_with!(Tracked(&mut *p));
        pte_store::<P>(pa, i, 2)
    };
}

/// `pte_swap`
#[verus_spec(
    with Tracked(p): Tracked<&mut PagePerm<P>>
    requires old(p).wf(), old(p)@.paddr == pa, i < 512,
)]
fn swaps<P: Platform, W: MmuWord>(pa: Paddr, i: usize) {
    let _a = unsafe {
        proof_with!(Tracked(&mut *p));
        pte_swap::<P, W>(pa, i, 1)
    };
    let _b = unsafe {
        proof_with!(Tracked(&mut *p));
        pte_swap::<P, W>(pa, i, 2)
    };
}

/// `pte_peek`
#[verus_spec(
    with Tracked(r): Tracked<&Readable<'_, P>>
    requires r.paddr() == pa, i < 512,
)]
fn peeks<P: Platform>(pa: Paddr, i: usize) {
    let _a = unsafe {
        proof_with!(Tracked(r));
        pte_peek::<P>(pa, i)
    };
    let _b = unsafe {
        proof_with!(Tracked(r));
        pte_peek::<P>(pa, i)
    };
}

/// `zero_page`
#[verus_spec(
    with Tracked(p): Tracked<&mut PagePerm<P>>
    requires old(p).wf(), old(p)@.paddr == pa,
)]
fn zeroes<P: Platform>(pa: Paddr) {
    unsafe {
        proof_with!(Tracked(&mut *p));
        zero_page::<P>(pa)
    };
    unsafe {
        proof_with!(Tracked(&mut *p));
        pte_store::<P>(pa, 0, 1)
    };
}
