//! Frames, unique frames and segments: what `frame/` promises, by name.
mod common;
use common::*;
use veripage::frame::*;
use veripage_sim::Sim;

#[test]
fn frame_allocation() {
    let m = machine::<1>();
    let f = FrameAllocOptions::<Sim<1>>::new().alloc_frame().unwrap();
    assert_eq!(f.reference_count(), 1);
    assert_eq!(f.size(), 4096);
    assert_eq!(size_of_val(&f), 8);
    drop(f);
    at_rest(m);
}
