//! The memory management unit: reads the words of x86-64 tables as the processor would, with 4 or
//! 5 levels. It shares no code with the core, whose tables it judges.
use crate::frames::FrameTable;
use crate::tlb::{span, Translation};
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use veripage_hw::{Paddr, Vaddr};

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Loads.
    Read,
    /// Stores.
    Write,
    /// Fetches an instruction.
    Execute,
}

/// Why an access was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The CPU has no page table.
    NoRoot,
    /// The address is not canonical.
    NonCanonical,
    /// An entry on the way is absent, at this level.
    NotPresent(u8),
    /// The entries on the way do not allow the access.
    Protection,
    /// An entry of this level has a bit set that must be clear.
    Reserved(u8),
    /// The translation leads neither to RAM nor to a device.
    Bus(Paddr),
}

/// A refused access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("page fault at {va:#x}: {access:?} as {}: {kind:?}", if *.user { "user" } else { "kernel" })]
pub struct PageFault {
    /// The address.
    pub va: Vaddr,
    /// What was tried.
    pub access: Access,
    /// By a user program, or by the kernel.
    pub user: bool,
    /// Why it was refused.
    pub kind: FaultKind,
}

const P: u64 = 1;
const W: u64 = 1 << 1;
const U: u64 = 1 << 2;
const A: u64 = 1 << 5;
const D: u64 = 1 << 6;
const PS: u64 = 1 << 7;
const G: u64 = 1 << 8;
const NX: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// A node that the walk found to be no allocated frame.
pub(crate) struct BadNode {
    pub node: Paddr,
    pub level: u8,
}

/// The rights that a way through the tables leaves.
#[derive(Clone, Copy)]
struct Rights {
    write: bool,
    user: bool,
    execute: bool,
}

impl Rights {
    fn allow(&self, access: Access, user: bool) -> bool {
        let who = !user || self.user;
        who && match access {
            Access::Read => true,
            Access::Write => self.write,
            // Supervisor-mode execution prevention is on.
            Access::Execute => self.execute && (user || !self.user),
        }
    }
}

impl Translation {
    /// May the access go through this translation?
    pub(crate) fn allows(&self, access: Access, user: bool) -> bool {
        let rights = Rights {
            write: self.write,
            user: self.user,
            execute: self.execute,
        };
        rights.allow(access, user)
    }
}

/// Does sign extension from bit `9 * levels + 11` give `va`?
fn canonical(va: Vaddr, levels: u8) -> bool {
    let unused = 64 - (12 + 9 * u32::from(levels));
    ((va << unused) as isize >> unused) as usize == va
}

/// One walk of the tables.
pub(crate) struct Walk<'a> {
    pub table: FrameTable,
    pub is_ram: &'a dyn Fn(Paddr) -> bool,
    pub levels: u8,
    pub root: Paddr,
    /// Set the accessed and dirty bits, as a processor does; not when the simulator only looks.
    pub set_bits: bool,
}

impl Walk<'_> {
    /// Translates `va` for the access. Sets the accessed bit of every entry on the way, and the
    /// dirty bit if it is a write.
    pub fn run(
        &self,
        va: Vaddr,
        access: Access,
        user: bool,
        bad: &mut Option<BadNode>,
    ) -> Result<Translation, FaultKind> {
        if !canonical(va, self.levels) {
            return Err(FaultKind::NonCanonical);
        }
        loop {
            if let Some(done) = self.attempt(va, access, user, bad) {
                return done;
            }
        }
    }

    /// One walk; `None` if an entry changed while its accessed bit was being set.
    fn attempt(
        &self,
        va: Vaddr,
        access: Access,
        user: bool,
        bad: &mut Option<BadNode>,
    ) -> Option<Result<Translation, FaultKind>> {
        let mut node = self.root;
        let mut path = [None; 4];
        let mut rights = Rights {
            write: true,
            user: true,
            execute: true,
        };
        for level in (1..=self.levels).rev() {
            if !(self.is_ram)(node) {
                *bad = Some(BadNode { node, level });
                return Some(Err(FaultKind::Bus(node)));
            }
            if !self.table.is_allocated(node) {
                *bad = Some(BadNode { node, level });
            }
            if level < self.levels {
                path[level as usize - 1] = Some(node);
            }
            let index = va / span(level) % 512;
            let word = self.table.word(node + index * 8);
            let w = word.load(Acquire);
            if w & P == 0 {
                return Some(Err(FaultKind::NotPresent(level)));
            }
            let last = level == 1 || w & PS != 0;
            if reserved(w, level) {
                return Some(Err(FaultKind::Reserved(level)));
            }
            rights.write &= w & W != 0;
            rights.user &= w & U != 0;
            rights.execute &= w & NX == 0;
            let mut bits = A;
            if last {
                if !rights.allow(access, user) {
                    return Some(Err(FaultKind::Protection));
                }
                if access == Access::Write {
                    bits |= D;
                }
            }
            // Never onto an entry that changed meanwhile: an absent one must not get an A bit.
            if self.set_bits
                && w & bits != bits
                && word.compare_exchange(w, w | bits, AcqRel, Acquire).is_err()
            {
                return None;
            }
            if last {
                return Some(Ok(Translation {
                    va: va & !(span(level) - 1),
                    pa: (w & ADDRESS) as usize & !(span(level) - 1),
                    level,
                    write: rights.write,
                    execute: rights.execute,
                    user: rights.user,
                    global: w & G != 0,
                    dirty: (w | bits) & D != 0,
                    learned: 0,
                    path,
                }));
            }
            node = (w & ADDRESS) as usize;
        }
        None
    }
}

/// Is a bit set that the manual reserves at this level? The PAT bit of a huge page is bit 12.
fn reserved(w: u64, level: u8) -> bool {
    match level {
        1 => false,
        2 | 3 if w & PS != 0 => w & ADDRESS & (span(level) as u64 - 1) & !(1 << 12) != 0,
        4 | 5 => w & PS != 0,
        _ => false,
    }
}
