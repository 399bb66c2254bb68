//! A TLB that really caches: what it has learned it believes until it is told to forget, whatever
//! the tables say meanwhile. Bounded; a full set evicts in turn.
use crate::frames::FrameTable;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use veripage_hw::{Paddr, Vaddr, PAGE_SIZE};

const SETS: usize = 128;
const WAYS: usize = 4;

/// Bytes that a translation of `level` covers.
pub(crate) const fn span(level: u8) -> usize {
    PAGE_SIZE << (9 * (level as usize - 1))
}

/// A cached translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// First virtual address.
    pub va: Vaddr,
    /// First physical address.
    pub pa: Paddr,
    /// Level of the entry: 1 is a base page, 2 is 2 MiB, 3 is 1 GiB.
    pub level: u8,
    /// Writes are allowed on the whole way.
    pub write: bool,
    /// Fetches are allowed on the whole way.
    pub execute: bool,
    /// User accesses are allowed on the whole way.
    pub user: bool,
    /// It survives the load of another root.
    pub global: bool,
    /// The entry's dirty bit is set.
    pub dirty: bool,
    /// Machine clock when it was learned.
    pub(crate) learned: u64,
    /// The nodes below the root that it was read through.
    pub(crate) path: [Option<Paddr>; 4],
}

impl Translation {
    /// The virtual addresses that it translates (inclusive end: it may reach 2^64).
    pub fn range(&self) -> std::ops::RangeInclusive<Vaddr> {
        self.va..=self.va + (span(self.level) - 1)
    }
}

/// How many translations, of all TLBs, lead to a huge page; base pages are counted in their frame.
pub(crate) struct Holds {
    table: FrameTable,
    huge: Vec<AtomicU32>,
    giant: Vec<AtomicU32>,
}

impl Holds {
    pub fn new(table: FrameTable) -> Self {
        let zeroes = |level| {
            (0..crate::MAX_PADDR / span(level))
                .map(|_| AtomicU32::new(0))
                .collect()
        };
        Self {
            table,
            huge: zeroes(2),
            giant: zeroes(3),
        }
    }

    fn count(&self, pa: Paddr, level: u8) -> Option<&AtomicU32> {
        match level {
            1 => self.table.at(pa).map(|f| &f.tlb_holds),
            2 => self.huge.get(pa / span(2)),
            _ => self.giant.get(pa / span(3)),
        }
    }

    /// Does some TLB translate to the frame at `pa`?
    pub fn translated(&self, pa: Paddr) -> bool {
        (1..=3).any(|level| self.count(pa, level).is_some_and(|n| n.load(Relaxed) > 0))
    }

    fn note(&self, t: &Translation, more: bool) {
        let step = |n: &AtomicU32| {
            if more {
                n.fetch_add(1, Relaxed);
            } else {
                n.fetch_sub(1, Relaxed);
            }
        };
        if let Some(n) = self.count(t.pa, t.level) {
            step(n);
        }
        for node in t.path.iter().flatten() {
            if let Some(f) = self.table.at(*node) {
                step(&f.node_holds);
            }
        }
    }
}

/// The translations of one CPU.
#[derive(Default)]
pub(crate) struct Tlb {
    /// `SETS * WAYS` entries once something was learned.
    entries: Vec<Option<Translation>>,
    /// Entries by level, so that levels without any are not searched.
    by_level: [usize; 4],
    turn: usize,
}

impl Tlb {
    fn set(va: Vaddr, level: u8) -> Range<usize> {
        let page = va / span(level);
        let set = (page ^ (page >> 7) ^ (page >> 17)) % SETS;
        set * WAYS..(set + 1) * WAYS
    }

    fn slot(&self, va: Vaddr, level: u8) -> Option<usize> {
        if self.by_level[level as usize] == 0 {
            return None;
        }
        let start = va & !(span(level) - 1);
        Self::set(va, level)
            .find(|&i| matches!(&self.entries[i], Some(t) if t.level == level && t.va == start))
    }

    /// What it knows about `va`.
    pub fn get(&self, va: Vaddr) -> Option<&Translation> {
        let i = (1..=3).find_map(|level| self.slot(va, level))?;
        self.entries[i].as_ref()
    }

    /// Learns a translation in place of what it knew about its address.
    pub fn learn(&mut self, t: Translation, holds: &Holds) {
        if self.entries.is_empty() {
            self.entries.resize(SETS * WAYS, None);
        }
        let old = self.slot(t.va, t.level);
        let set = Self::set(t.va, t.level);
        let i = old.unwrap_or_else(|| {
            set.clone()
                .find(|&i| self.entries[i].is_none())
                .unwrap_or_else(|| {
                    self.turn = (self.turn + 1) % WAYS;
                    set.start + self.turn
                })
        });
        self.drop_entry(i, holds);
        holds.note(&t, true);
        self.by_level[t.level as usize] += 1;
        self.entries[i] = Some(t);
    }

    fn drop_entry(&mut self, i: usize, holds: &Holds) {
        if let Some(old) = self.entries[i].take() {
            holds.note(&old, false);
            self.by_level[old.level as usize] -= 1;
        }
    }

    fn drop_where(&mut self, holds: &Holds, mut forget: impl FnMut(&Translation) -> bool) {
        if self.by_level == [0; 4] {
            return;
        }
        for i in 0..self.entries.len() {
            if self.entries[i].as_ref().is_some_and(&mut forget) {
                self.drop_entry(i, holds);
            }
        }
    }

    /// Forgets every translation that touches the range.
    pub fn forget_range(&mut self, range: &Range<Vaddr>, holds: &Holds) {
        // A range that ends at 2^64 is written with end 0.
        let Some(len @ 1..) = range
            .end
            .checked_sub(range.start)
            .or_else(|| (range.end == 0).then(|| range.start.wrapping_neg()))
        else {
            return;
        };
        let last = range.start + (len - 1);
        if len / PAGE_SIZE < SETS {
            for level in 1..=3 {
                let step = span(level);
                let mut va = range.start & !(step - 1);
                while va <= last {
                    if let Some(i) = self.slot(va, level) {
                        self.drop_entry(i, holds);
                    }
                    let Some(next) = va.checked_add(step) else {
                        break;
                    };
                    va = next;
                }
            }
        } else {
            self.drop_where(holds, |t| t.va <= last && *t.range().end() >= range.start);
        }
    }

    /// Forgets every translation that is not global.
    pub fn forget_local(&mut self, holds: &Holds) {
        self.drop_where(holds, |t| !t.global);
    }

    /// Forgets everything.
    pub fn forget_all(&mut self, holds: &Holds) {
        self.drop_where(holds, |_| true);
    }

    /// Everything that it knows.
    pub fn iter(&self) -> impl Iterator<Item = &Translation> {
        self.entries.iter().flatten()
    }
}
