//! What the simulator knows of each frame, beside the core's own slots: who owns it, which TLBs
//! translate to it, when it was last freed; and the poison in free frames.
use crate::layout::{MAX_FRAMES, SLOT_SIZE};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicU8, Ordering::Relaxed};
use veripage_hw::{Paddr, PAGE_SIZE};

/// A frame has an owner.
pub(crate) const ALLOCATED: u8 = 1;
/// A frame heads a free block of the buddy allocator.
pub(crate) const HEAD: u8 = 2;
/// A frame's memory is filled with `POISON`.
pub(crate) const POISONED: u8 = 4;
/// Anything may stand in a frame's memory. If it is neither this nor poisoned nor allocated, it was
/// never touched and is zero.
pub(crate) const DIRTY: u8 = 8;

/// The word that fills free frames. As an x86-64 entry it is absent.
pub const POISON: u64 = 0xdada_dada_dada_dada;

/// Entry of the frame table. All zeroes: never touched.
#[repr(C)]
pub(crate) struct FrameInfo {
    /// `Machine` clock when the frame was last freed; 0 if never.
    pub freed_at: AtomicU64,
    /// TLB entries that translate a base page to it.
    pub tlb_holds: AtomicU32,
    /// TLB entries that were read through it as a node.
    pub node_holds: AtomicU32,
    /// Links of the free list of its order, as frame number + 1; guarded by the allocator's lock.
    pub next: AtomicU32,
    pub prev: AtomicU32,
    /// Order of the free block that it heads; guarded by the allocator's lock.
    pub order: AtomicU8,
    pub flags: AtomicU8,
}

const _: () = assert!(size_of::<FrameInfo>() <= SLOT_SIZE);

/// The frame table of one machine, in its window.
#[derive(Clone, Copy)]
pub(crate) struct FrameTable {
    base: usize,
    linear: usize,
}

impl FrameTable {
    /// The table of the machine whose window was mapped.
    ///
    /// # Safety
    /// `base` and `linear` are `info_base(id)` and `linear_base(id)` of a window that
    /// `map_window(id)` has mapped.
    pub unsafe fn new(base: usize, linear: usize) -> Self {
        Self { base, linear }
    }

    /// The entry of frame `pfn`; `None` past the last frame.
    pub fn get(&self, pfn: usize) -> Option<&'static FrameInfo> {
        // SAFETY: the window stays mapped and zeroed or initialised for ever (`new`); an entry is
        // made of atomics, for which every bit pattern is valid.
        (pfn < MAX_FRAMES).then(|| unsafe { &*((self.base + pfn * SLOT_SIZE) as *const FrameInfo) })
    }

    /// The entry of the frame at `pa`.
    pub fn at(&self, pa: Paddr) -> Option<&'static FrameInfo> {
        self.get(pa / PAGE_SIZE)
    }

    /// Does the frame at `pa` have an owner?
    pub fn is_allocated(&self, pa: Paddr) -> bool {
        self.at(pa)
            .is_some_and(|f| f.flags.load(Relaxed) & ALLOCATED != 0)
    }

    /// The words of frame `pfn`, which must be below `MAX_FRAMES`.
    fn words(&self, pfn: usize) -> &'static [AtomicU64; PAGE_SIZE / 8] {
        assert!(pfn < MAX_FRAMES);
        // SAFETY: inside the mapped window, aligned; atomics take every bit pattern, and whatever
        // another thread does to a free frame meanwhile is what the poison is there to find.
        unsafe { &*((self.linear + pfn * PAGE_SIZE) as *const _) }
    }

    /// The word at `pa` (a multiple of 8 below `MAX_PADDR`), as the MMU sees it.
    pub fn word(&self, pa: Paddr) -> &'static AtomicU64 {
        &self.words(pa / PAGE_SIZE)[pa % PAGE_SIZE / 8]
    }

    /// Fills the frame with poison.
    pub fn poison(&self, pfn: usize) {
        for w in self.words(pfn) {
            w.store(POISON, Relaxed);
        }
    }

    /// The first word of the frame that is not `expected`: (byte offset, what stands there).
    pub fn first_other(&self, pfn: usize, expected: u64) -> Option<(usize, u64)> {
        let words = self.words(pfn);
        // First touch as a write: the host maps a fresh page once, not first the shared zero page.
        words[0].fetch_or(0, Relaxed);
        let at = words.iter().position(|w| w.load(Relaxed) != expected)?;
        Some((at * 8, words[at].load(Relaxed)))
    }

    /// Host address of physical address `pa`.
    pub fn host(&self, pa: Paddr) -> usize {
        self.linear + pa
    }
}
