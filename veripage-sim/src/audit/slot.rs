//! The slot of a frame, read raw.
//!
//! ```text
//! 0  count  u32   UNUSED, UNIQUE, 0 (busy; also a slot that was never made), or shares
//! 4  lock   u8    1 while somebody has the node's lock
//! 5  live   u8    1 if the frame is a node of a table
//! 6  seat   u16   the list that the frame is in, if any; bit 15: a list is named after the frame
//! 8  type   u64   of the metadata; 0 if there is none
//! 16 meta   u64   of a node: first page | level
//! 24        u64   of a node: root | present entries
//! ```
use crate::layout::{meta_base, MAX_FRAMES, SLOT_SIZE};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicU8, Ordering::Acquire};
use veripage_hw::{Paddr, PAGE_SIZE};

/// Nobody has the frame.
pub const UNUSED: u32 = u32::MAX;
/// One owner has all of the frame.
pub const UNIQUE: u32 = u32::MAX - 1;
/// The most shares that a frame can have.
pub const MAX_SHARES: u32 = i32::MAX as u32;

/// A slot at one moment; exact while nobody works on the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The count word.
    pub count: u32,
    /// The lock byte.
    pub lock: u8,
    /// The live byte.
    pub live: u8,
    /// The type word.
    pub ty: u64,
    /// The metadata.
    pub meta: [u64; 2],
}

impl Slot {
    /// The slot of the frame at `pa` of machine `id`; `None` past the last frame.
    pub(crate) fn read(id: usize, pa: Paddr) -> Option<Self> {
        let pfn = pa / PAGE_SIZE;
        if pfn >= MAX_FRAMES {
            return None;
        }
        let at = meta_base(id) + pfn * SLOT_SIZE;
        // SAFETY: in the slot array of a machine that was booted, which stays mapped and is aligned
        // to a slot; the core accesses these fields as atomics, or not at all during an audit.
        unsafe {
            let word = |offset| (*((at + offset) as *const AtomicU64)).load(Acquire);
            let byte = |offset| (*((at + offset) as *const AtomicU8)).load(Acquire);
            Some(Self {
                count: (*(at as *const AtomicU32)).load(Acquire),
                lock: byte(4),
                live: byte(5),
                ty: word(8),
                meta: [word(16), word(24)],
            })
        }
    }

    /// The shares that the count says, if it says shares.
    pub fn shares(&self) -> Option<u32> {
        (1..=MAX_SHARES).contains(&self.count).then_some(self.count)
    }

    /// First page of a node, of the full 64-bit address.
    pub fn base(&self) -> u64 {
        self.meta[0] & !511
    }

    /// Level of a node.
    pub fn level(&self) -> u64 {
        self.meta[0] & 511
    }

    /// Root of a node's table.
    pub fn root(&self) -> Paddr {
        (self.meta[1] & !4095) as Paddr
    }

    /// Number of a node's present entries.
    pub fn present(&self) -> u64 {
        self.meta[1] & 4095
    }

    /// Could it, on an allocated frame, be that of a node which has left its table?
    pub(crate) fn may_be_dead_node(&self) -> bool {
        self.live == 0 && self.count == UNIQUE && matches!(self.level(), 1..=5)
    }

    /// Does it describe a frame that nobody has, whose count then says `free`?
    pub(crate) fn unused(&self, free: u32) -> bool {
        self.count == free && self.lock == 0 && self.live == 0 && self.ty == 0
    }
}
