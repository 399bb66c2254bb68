//! Metadata cells and the array of slots.
use veripage_hw::lock::has_slot;
use veripage_hw::meta::*;
use veripage_hw::{Paddr, Platform};
use vstd::prelude::*;

verus! {

/// `MetaCell::new`
fn new() {
    let (_a, _pa) = MetaCell::new();
    let (_b, _pb) = MetaCell::new();
}

/// `MetaCell::write`
fn write<M: FrameMeta, N: FrameMeta>(c: &MetaCell, Tracked(p): Tracked<&mut MetaPerm>, m: M, n: N)
    requires old(p).cell() == c.id(),
{
    unsafe { c.write(Tracked(p), m) };
    unsafe { c.write(Tracked(p), n) };
}

/// `MetaCell::kind`
fn kind<M: FrameMeta, N: FrameMeta>(c: &MetaCell, Tracked(p): Tracked<&MetaPerm>)
    requires p.cell() == c.id(),
{
    let _ = unsafe { c.kind::<M>(Tracked(p)) };
    let _ = unsafe { c.kind::<N>(Tracked(p)) };
}

/// `MetaCell::borrow`
fn borrow<M: FrameMeta, N: FrameMeta>(c: &MetaCell, Tracked(p): Tracked<&MetaPerm>)
    requires p.cell() == c.id(), p.has_a::<M>(), p.has_a::<N>(),
{
    let _ = unsafe { c.borrow::<M>(Tracked(p)) };
    let _ = unsafe { c.borrow::<N>(Tracked(p)) };
}

/// `MetaCell::borrow_mut`
fn borrow_mut<M: FrameMeta>(c: &MetaCell, Tracked(p): Tracked<&mut MetaPerm>, m: M)
    requires old(p).cell() == c.id(), old(p).has_a::<M>(),
{
    let r = unsafe { c.borrow_mut::<M>(Tracked(&mut *p)) };
    *r = m;
    let _ = unsafe { c.borrow::<M>(Tracked(&*p)) };
}

/// `MetaCell::destroy`
fn destroy<M: FrameMeta>(c: &MetaCell, Tracked(p): Tracked<&mut MetaPerm>, pa: Paddr, m: M)
    requires old(p).cell() == c.id(),
{
    unsafe { c.destroy(Tracked(p), pa) };
    unsafe { c.write(Tracked(p), m) };
    unsafe { c.destroy(Tracked(p), pa) };
}

/// `slot`
fn slots<P: Platform, T: Slot<P>>(a: Paddr, b: Paddr)
    requires has_slot::<P>(a as int), has_slot::<P>(b as int), a != b,
{
    let _ = unsafe { slot::<P, T>(a) };
    let _ = unsafe { slot::<P, T>(b) };
}

/// `place`
fn places<P: Platform, T: Slot<P>>(pa: Paddr, t: T, Tracked(v): Tracked<Vacant<P>>)
    requires v.paddr() == pa, t.home() == pa, has_slot::<P>(pa as int),
{
    unsafe { place::<P, T>(pa, t, Tracked(v)) };
    let _ = unsafe { slot::<P, T>(pa) };
}

} // verus!
