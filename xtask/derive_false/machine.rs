//! What belongs to the machine as a whole: the start, flushes, handles.
use veripage_hw::flush::*;
use veripage_hw::genesis::*;
use veripage_hw::handle::*;
use veripage_hw::order::{full_fence, Site};
use veripage_hw::{FlushOp, Platform};
use vstd::prelude::*;

verus! {

/// `the_world`
proof fn looks<P: Platform, W: Genesis<P>>() {
    let tracked _a = the_world::<P, W>();
    let tracked _b = the_world::<P, W>();
}

/// `Handle::into_inner`
fn unwraps<T: Release>(t: T) {
    let h = Handle::new(t);
    let _ = h.into_inner();
}

/// `Handle::drop`
fn drops<T: Release>(t: T) {
    let _h = Handle::new(t);
}

} // verus!

/// `ask`
#[verus_spec(with Tracked(log): Tracked<&mut FlushLog>)]
fn asks<P: Platform>(whom: Whom<'_>, also: Whom<'_>) {
    proof_with!(Tracked(&mut *log));
    let _a = ask::<P>(whom, FlushOp::All);
    proof_with!(Tracked(&mut *log));
    let _b = ask::<P>(also, FlushOp::Range(0..4096));
}

/// `await_all`
#[verus_spec(
    with Tracked(log): Tracked<&mut FlushLog>
    requires old(log).ticket() == 0,
)]
fn awaits<P: Platform>(whom: Whom<'_>) {
    proof_with!(Tracked(&mut *log));
    let ticket = ask::<P>(whom, FlushOp::All);
    proof_with!(Tracked(&mut *log));
    await_all::<P>(ticket);
    proof! { assert(log.asked(old(log).now(), 7) && log.forgotten(0, 7)); }
}

/// `full_fence`
#[verus_spec]
fn fences(site: Site) {
    full_fence(site);
    full_fence(site);
}
