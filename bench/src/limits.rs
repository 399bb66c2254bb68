//! What the memory itself allows: raw stores and loads, and a hand-written walk without locks.
use crate::arena;
use crate::contest::{Contestant, PA, PAGES, VA};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

const LEAF: u64 = 0x8000_0000_0000_0063;

#[inline]
fn word(node: usize, index: usize) -> &'static AtomicU64 {
    // SAFETY: nodes are pages of the arena, which is mapped for good; the index is below 512.
    unsafe { &*((arena::BASE + node + index * 8) as *const AtomicU64) }
}

/// Leaf nodes in a row, written by a bare loop.
pub struct Raw {
    first: usize,
}

impl Raw {
    fn store(&self, leaf: u64) {
        let nodes = black_box(self.first);
        for n in 0..PAGES {
            let pa = if leaf == 0 {
                0
            } else {
                (PA + n * 4096) as u64 | leaf
            };
            word(nodes + n / 512 * 4096, n % 512).store(pa, Ordering::Relaxed);
        }
    }
}

impl Contestant for Raw {
    const NAME: &'static str = "limit: raw words";
    fn new() -> Self {
        let first = arena::alloc().expect("the arena has room");
        for _ in 1..PAGES / 512 {
            arena::alloc().expect("the arena has room");
        }
        Raw { first }
    }
    fn map_each(&mut self) {
        self.store(LEAF);
    }
    fn map_range(&mut self) {
        self.store(LEAF);
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        vas.iter().fold(0, |sum, va| {
            let n = (va - VA) / 4096;
            let w = word(self.first + n / 512 * 4096, n % 512).load(Ordering::Relaxed);
            sum.wrapping_add(w as usize & 0xf_ffff_ffff_f000)
        })
    }
    fn unmap_each(&mut self) {
        self.store(0);
    }
    fn unmap_range(&mut self) {
        self.store(0);
    }
}

/// A four-level table as one would write it by hand: no locks, no counts, no freeing of nodes.
pub struct HandWalk {
    root: usize,
}

impl HandWalk {
    #[inline]
    fn leaf(&self, va: usize) -> Option<(usize, usize)> {
        let mut node = self.root;
        for shift in [39, 30, 21] {
            let w = word(node, va >> shift & 511).load(Ordering::Acquire);
            if w & 1 == 0 {
                return None;
            }
            node = w as usize & 0xf_ffff_ffff_f000;
        }
        Some((node, va >> 12 & 511))
    }

    #[inline]
    fn leaf_or_new(&self, va: usize) -> (usize, usize) {
        let mut node = self.root;
        for shift in [39, 30, 21] {
            let slot = word(node, va >> shift & 511);
            let mut w = slot.load(Ordering::Acquire);
            if w & 1 == 0 {
                w = arena::alloc_zeroed().expect("the arena has room") as u64 | 7;
                slot.store(w, Ordering::Release);
            }
            node = w as usize & 0xf_ffff_ffff_f000;
        }
        (node, va >> 12 & 511)
    }
}

impl Contestant for HandWalk {
    const NAME: &'static str = "limit: hand walk";
    fn new() -> Self {
        HandWalk {
            root: arena::alloc_zeroed().expect("the arena has room"),
        }
    }
    fn map_each(&mut self) {
        for n in 0..PAGES {
            let (node, i) = self.leaf_or_new(black_box(VA + n * 4096));
            word(node, i).store((PA + n * 4096) as u64 | LEAF, Ordering::Release);
        }
    }
    fn map_range(&mut self) {
        for n in (0..PAGES).step_by(512) {
            let (node, _) = self.leaf_or_new(VA + n * 4096);
            for i in 0..512 {
                word(node, i).store((PA + (n + i) * 4096) as u64 | LEAF, Ordering::Release);
            }
        }
    }
    fn translate(&mut self, vas: &[usize]) -> usize {
        vas.iter().fold(0, |sum, va| {
            let (node, i) = self.leaf(*va).expect("mapped");
            sum.wrapping_add(word(node, i).load(Ordering::Acquire) as usize & 0xf_ffff_ffff_f000)
        })
    }
    fn unmap_each(&mut self) {
        for n in 0..PAGES {
            let (node, i) = self.leaf(black_box(VA + n * 4096)).expect("mapped");
            word(node, i).store(0, Ordering::Release);
        }
    }
    fn unmap_range(&mut self) {
        for n in (0..PAGES).step_by(512) {
            let (node, _) = self.leaf(VA + n * 4096).expect("mapped");
            for i in 0..512 {
                word(node, i).store(0, Ordering::Release);
            }
        }
    }
}
