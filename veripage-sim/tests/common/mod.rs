//! What the tests of the machine share: tables written by hand.
#![allow(dead_code)] // each test program uses a part of it
use veripage_hw::{Paddr, Platform, Vaddr, PAGE_SIZE};
use veripage_sim::{Config, Machine, Sim};

pub const P: u64 = 1;
pub const W: u64 = 2;
pub const U: u64 = 4;
pub const A: u64 = 0x20;
pub const D: u64 = 0x40;
pub const PS: u64 = 0x80;
pub const G: u64 = 0x100;
pub const NX: u64 = 1 << 63;

/// Writes the word `index` of the frame at `pa`: any memory of the machine, by hand: the tests play the memory manager.
pub fn set<const ID: usize>(pa: Paddr, index: usize, word: u64) {
    assert!(Sim::<ID>::is_ram(pa));
    let at = (Sim::<ID>::LINEAR_BASE + pa + index * 8) as *mut u64;
    // SAFETY: RAM of a running machine is mapped, and the word is aligned.
    unsafe { at.write_volatile(word) }
}

pub fn node<const ID: usize>() -> Paddr {
    let pa = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
    (0..512).for_each(|i| set::<ID>(pa, i, 0));
    pa
}

/// A table that maps `va` at level 1 to a new frame with the flags: (nodes from the root, frame).
pub fn table<const ID: usize>(va: Vaddr, flags: u64) -> (Vec<Paddr>, Paddr) {
    let nodes: Vec<_> = (0..4).map(|_| node::<ID>()).collect();
    for (i, level) in [4, 3, 2].into_iter().enumerate() {
        set::<ID>(nodes[i], index(va, level), nodes[i + 1] as u64 | P | W | U);
    }
    let page = Sim::<ID>::alloc_frames(1, PAGE_SIZE).unwrap();
    set::<ID>(nodes[3], index(va, 1), page as u64 | flags);
    (nodes, page)
}

pub fn index(va: Vaddr, level: usize) -> usize {
    va >> (12 + 9 * (level - 1)) & 511
}

pub fn load<const ID: usize>(root: Paddr) {
    // SAFETY: the roots of these tests are tables until the machine stops.
    unsafe { Sim::<ID>::load_root(root) }
}

pub fn small<const ID: usize>() -> Machine<ID> {
    Machine::boot(Config::with_ram(1 << 20)).unwrap()
}

pub const VA: Vaddr = 0x1234_5678_9000;
