//! A simulated machine whose frames are ready for use.
#![allow(dead_code)] // each test file uses a part
use veripage::frame::boot;
use veripage::{Paddr, Platform};
use veripage_sim::{Config, Machine, Sim, Violation};

/// Machine number `ID` with 4 MiB of RAM in two halves, all of whose frames are booted.
pub fn machine<const ID: usize>() -> Machine<ID> {
    let machine = Machine::<ID>::boot(Config::with_ram(4 << 20)).expect("the machine boots");
    let ram = machine.ram();
    // SAFETY: once, before anybody uses frames.
    let made = unsafe { boot::<Sim<ID>>(ram[0].start..ram[1].end) };
    assert_eq!(made, 1024);
    machine
}

/// An unused frame of the machine's allocator.
pub fn unused<const ID: usize>() -> Paddr {
    Sim::<ID>::alloc_frames(1, 4096).expect("there is RAM")
}

/// Nothing is allocated, and nothing went wrong.
pub fn at_rest<const ID: usize>(machine: Machine<ID>) {
    assert_eq!(machine.stats().allocated, 0);
    let end = machine.shutdown();
    assert_eq!(end.lost, []);
    assert_eq!(end.violations, Vec::<Violation>::new());
}
