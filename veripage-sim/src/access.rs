//! Memory accesses of a CPU: through the TLB, else through the tables.
use crate::cpu::{lock, Cpu};
use crate::mmu::{Access, FaultKind, PageFault, Walk};
use crate::state::State;
use crate::tlb::{Tlb, Translation};
use crate::Violation;
use std::sync::atomic::{fence, AtomicU64, AtomicU8, Ordering::Relaxed, Ordering::SeqCst};
use veripage_hw::{Paddr, Vaddr, PAGE_SIZE};

impl State {
    fn walk<'a>(&self, root: Paddr, is_ram: &'a dyn Fn(Paddr) -> bool, set_bits: bool) -> Walk<'a> {
        Walk {
            table: self.table,
            is_ram,
            levels: self.levels.load(Relaxed),
            root,
            set_bits,
        }
    }

    /// Translates `va` on this CPU and calls `then` with the physical address before any
    /// interrupt can come.
    pub fn access<R>(
        &self,
        va: Vaddr,
        access: Access,
        user: bool,
        then: impl FnOnce(Paddr) -> R,
    ) -> Result<R, PageFault> {
        let (n, cpu) = self.me();
        let mut tlb = lock(&cpu.tlb);
        self.serve_locked(cpu, &mut tlb);
        let found = self.translate(n, cpu, &mut tlb, va, access, user);
        let done = found.map(then).map_err(|kind| PageFault {
            va,
            access,
            user,
            kind,
        });
        self.serve_locked(cpu, &mut tlb);
        done
    }

    fn translate(
        &self,
        n: usize,
        cpu: &Cpu,
        tlb: &mut Tlb,
        va: Vaddr,
        access: Access,
        user: bool,
    ) -> Result<Paddr, FaultKind> {
        if let Some(t) = tlb.get(va) {
            // As a processor does, look again before refusing, and to set the dirty bit.
            if t.allows(access, user) && (t.dirty || access != Access::Write) {
                self.counters.tlb_hits.fetch_add(1, Relaxed);
                let pa = t.pa + (va - t.va);
                self.check_fresh(n, va, pa, t.learned);
                return Ok(pa);
            }
        }
        let root = cpu.root().ok_or(FaultKind::NoRoot)?;
        self.counters.walks.fetch_add(1, Relaxed);
        let mut bad = None;
        let is_ram = |pa| self.is_ram(pa);
        let found = self
            .walk(root, &is_ram, true)
            .run(va, access, user, &mut bad);
        if let Some(b) = bad {
            self.report(Violation::WalkThroughFreed {
                cpu: n,
                va,
                node: b.node,
                level: b.level,
            });
        }
        let t = found?;
        let pa = t.pa + (va - t.va);
        // The walk's acquiring load of the entry orders this after every free that came before
        // the mapping.
        let learned = self.clock.load(Relaxed);
        tlb.learn(Translation { learned, ..t }, &self.holds);
        // With the fence in `release`: a frame that is freed meanwhile is noticed here or there.
        fence(SeqCst);
        if self.is_ram(pa) && !self.table.is_allocated(pa) {
            self.report(Violation::MappedFree { cpu: n, va, pa });
        }
        Ok(pa)
    }

    /// Reports an access to a frame that was freed after its translation was learned.
    fn check_fresh(&self, cpu: usize, va: Vaddr, pa: Paddr, learned: u64) {
        let Some(info) = self.table.at(pa) else {
            return;
        };
        if info.freed_at.load(Relaxed) > learned {
            let reused = self.table.is_allocated(pa);
            self.report(Violation::StaleAccess {
                cpu,
                va,
                pa,
                reused,
            });
        }
    }

    /// The translations of CPU `n` that the tables do not give any more.
    pub fn stale(&self, n: usize) -> Vec<Translation> {
        let Some(cpu) = self.cpus().get(n) else {
            return Vec::new();
        };
        let tlb = lock(&cpu.tlb);
        let is_ram = |pa| self.is_ram(pa);
        let agrees = |t: &Translation| {
            let Some(root) = cpu.root() else {
                return false;
            };
            let user = t.user;
            let fresh = self
                .walk(root, &is_ram, false)
                .run(t.va, Access::Read, user, &mut None);
            fresh.is_ok_and(|f| {
                f.va == t.va
                    && f.pa == t.pa
                    && f.level == t.level
                    && (f.write, f.execute, f.user) == (t.write, t.execute, t.user)
            })
        };
        tlb.iter().filter(|t| !agrees(t)).cloned().collect()
    }

    /// Copies between `[va, ..)` and a buffer, page by page.
    fn copy(
        &self,
        va: Vaddr,
        len: usize,
        access: Access,
        user: bool,
        mut each: impl FnMut(usize, &[AtomicU8]),
    ) -> Result<(), PageFault> {
        let mut done = 0;
        while done < len {
            let at = va.wrapping_add(done);
            let part = (PAGE_SIZE - at % PAGE_SIZE).min(len - done);
            let copied = self.access(at, access, user, |pa| {
                if !self.is_ram(pa) {
                    return Err(FaultKind::Bus(pa));
                }
                // SAFETY: within one frame of RAM, which is mapped; atomics, since other CPUs may
                // use the same memory.
                let bytes = unsafe {
                    std::slice::from_raw_parts(self.table.host(pa) as *const AtomicU8, part)
                };
                each(done, bytes);
                Ok(())
            })?;
            copied.map_err(|kind| PageFault {
                va: at,
                access,
                user,
                kind,
            })?;
            done += part;
        }
        Ok(())
    }

    /// Reads as this CPU.
    pub fn read(&self, va: Vaddr, to: &mut [u8], user: bool) -> Result<(), PageFault> {
        self.copy(va, to.len(), Access::Read, user, |at, from| {
            for (b, f) in to[at..].iter_mut().zip(from) {
                *b = f.load(Relaxed);
            }
        })
    }

    /// Writes as this CPU.
    pub fn write(&self, va: Vaddr, from: &[u8], user: bool) -> Result<(), PageFault> {
        self.copy(va, from.len(), Access::Write, user, |at, to| {
            for (b, t) in from[at..].iter().zip(to) {
                t.store(*b, Relaxed);
            }
        })
    }

    /// The word at `pa`, if that is RAM.
    pub fn word(&self, pa: Paddr) -> Option<&'static AtomicU64> {
        (self.is_ram(pa) && pa.is_multiple_of(8)).then(|| self.table.word(pa))
    }
}
