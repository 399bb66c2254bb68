//! The supply of frames: out of the buddy allocator, poisoned and checked on the way.
use crate::cpu::lock;
use crate::frames::{ALLOCATED, DIRTY, POISON, POISONED};
use crate::layout::{self, MAX_FRAMES};
use crate::state::{Injection, State};
use crate::Violation;
use std::ops::Range;
use std::sync::atomic::{fence, Ordering::*};
use veripage_hw::{Paddr, PAGE_SIZE};

/// Larger blocks are handed out as they are and go back to the host when they are freed.
const POISON_MAX_PAGES: usize = 512;

impl State {
    /// See `Platform::alloc_frames`.
    pub fn alloc(&self, pages: usize, align: usize) -> Option<Paddr> {
        let mut pool = lock(&self.pool);
        let fail = match &mut pool.injection {
            Injection::Off => false,
            Injection::After(0) => true,
            Injection::Nth(0) => {
                pool.injection = Injection::Off;
                true
            }
            Injection::After(n) | Injection::Nth(n) => {
                *n -= 1;
                false
            }
        };
        let pfn = (!fail)
            .then(|| pool.buddy.take(pages, align.div_ceil(PAGE_SIZE).max(1)))
            .flatten();
        let Some(pfn) = pfn else {
            self.counters.failed_allocations.fetch_add(1, Relaxed);
            return None;
        };
        pool.high_water = pool.high_water.max(pfn + pages);
        drop(pool);
        let poison = self.poison.load(Relaxed) && pages <= POISON_MAX_PAGES;
        for f in pfn..pfn + pages {
            let Some(info) = self.table.get(f) else {
                break;
            };
            let flags = info.flags.fetch_or(ALLOCATED, Relaxed);
            if !poison {
                continue;
            }
            match flags & (POISONED | DIRTY) {
                POISONED => self.check_poison(f, POISON),
                DIRTY => self.table.poison(f),
                _ => {
                    self.check_poison(f, 0);
                    self.table.poison(f);
                }
            }
        }
        let c = &self.counters;
        c.allocations.fetch_add(1, Relaxed);
        let now = c.allocated.fetch_add(pages, Relaxed) + pages;
        c.peak.fetch_max(now, Relaxed);
        Some(pfn * PAGE_SIZE)
    }

    /// Reports a word of the free frame that is not what was left there.
    pub fn check_poison(&self, pfn: usize, expected: u64) {
        if let Some((offset, found)) = self.table.first_other(pfn, expected) {
            let pa = pfn * PAGE_SIZE;
            self.report(Violation::WroteFree { pa, offset, found });
        }
    }

    /// See `Platform::dealloc_frames`. Frames that are not allocated are reported and left alone;
    /// what comes back after the machine has stopped was counted as lost then.
    pub fn dealloc(&self, pa: Paddr, pages: usize) {
        if !self.running() {
            return;
        }
        if !pa.is_multiple_of(PAGE_SIZE) {
            self.report(Violation::FreedNotRam { pa });
            return;
        }
        let first = pa / PAGE_SIZE;
        let mut run = first..first;
        for pfn in first..first.saturating_add(pages).min(MAX_FRAMES) {
            if self.release(pfn) {
                run.end = pfn + 1;
                continue;
            }
            self.put_back(run);
            run = pfn + 1..pfn + 1;
        }
        self.put_back(run);
        if first.saturating_add(pages) > MAX_FRAMES {
            self.report(Violation::FreedNotRam {
                pa: first.max(MAX_FRAMES) * PAGE_SIZE,
            });
        }
    }

    /// Takes the frame from its owner, if it has one.
    fn release(&self, pfn: usize) -> bool {
        let pa = pfn * PAGE_SIZE;
        let Some(info) = self.table.get(pfn) else {
            return false;
        };
        if info.flags.fetch_and(!ALLOCATED, AcqRel) & ALLOCATED == 0 {
            self.report(if self.is_ram(pa) {
                Violation::DoubleFree { pa }
            } else {
                Violation::FreedNotRam { pa }
            });
            return false;
        }
        info.freed_at
            .store(self.clock.fetch_add(1, Relaxed) + 1, Relaxed);
        fence(SeqCst);
        if self.holds.translated(pa) || info.node_holds.load(Relaxed) > 0 {
            self.report_holders(pa);
        }
        for (cpu, c) in self.cpus().iter().enumerate() {
            if c.root() == Some(pa) {
                self.report(Violation::FreedRoot { pa, cpu });
            }
        }
        true
    }

    /// Reports each TLB entry that leads to or through the frame at `pa`.
    fn report_holders(&self, pa: Paddr) {
        for (cpu, c) in self.cpus().iter().enumerate() {
            let tlb = lock(&c.tlb);
            for t in tlb.iter() {
                let va = t.va;
                if (t.pa..t.pa + crate::tlb::span(t.level)).contains(&pa) {
                    self.report(Violation::FreedWhileTranslated { pa, cpu, va });
                } else if t.path.contains(&Some(pa)) {
                    self.report(Violation::FreedNodeInUse { pa, cpu, va });
                }
            }
        }
    }

    fn put_back(&self, run: Range<usize>) {
        if run.is_empty() {
            return;
        }
        self.counters.allocated.fetch_sub(run.len(), Relaxed);
        self.leave_free(run.clone());
        lock(&self.pool).buddy.put(run);
    }

    /// Fills frames that nobody owns with poison, or gives them back to the host, or lets them be;
    /// their flags tell.
    pub fn leave_free(&self, run: Range<usize>) {
        let set = |flags| {
            for info in run.clone().filter_map(|pfn| self.table.get(pfn)) {
                info.flags.fetch_and(!(POISONED | DIRTY), Relaxed);
                info.flags.fetch_or(flags, Relaxed);
            }
        };
        if run.len() > POISON_MAX_PAGES {
            let (start, len) = (run.start * PAGE_SIZE, run.len() * PAGE_SIZE);
            // SAFETY: whole frames that nobody owns and that are in no free list yet.
            unsafe { layout::discard(self.table.host(start), len) };
            set(0);
        } else if self.poison.load(Relaxed) {
            run.clone().for_each(|pfn| self.table.poison(pfn));
            set(POISONED);
        } else {
            set(DIRTY);
        }
    }
}
