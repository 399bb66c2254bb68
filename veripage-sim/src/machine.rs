//! A machine: booted from a `Config`, exclusive for its number, torn down when dropped.
use crate::cpu::lock;
use crate::mmu::{Access, PageFault};
use crate::state::{set_current, Injection, State};
use crate::tlb::Translation;
use crate::{SimError, Violation, MAX_PADDR};
use std::ops::Range;
use std::sync::atomic::Ordering::*;
use veripage_hw::{Paddr, Vaddr, PAGE_SIZE};

/// CPUs that a machine can have.
pub const MAX_CPUS: usize = 16;
/// RAM ranges that a machine can have.
pub const MAX_RAM_RANGES: usize = 8;

/// What a machine is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// RAM, ascending, with holes between: 1 to `MAX_RAM_RANGES` page-aligned ranges of physical
    /// addresses below `MAX_PADDR`.
    pub ram: Vec<Range<Paddr>>,
    /// CPUs, 1 to `MAX_CPUS`.
    pub cpus: usize,
    /// Levels of the MMU's tables: 4 or 5.
    pub levels: u8,
    /// Fill free frames with a pattern, and look whether it is still there.
    pub poison: bool,
}

impl Default for Config {
    /// Two CPUs and 14 MiB of RAM, with a hole.
    fn default() -> Self {
        Self::with_ram(14 << 20)
    }
}

impl Config {
    /// Two CPUs and `bytes` of RAM (rounded up to 8 KiB) from 1 MiB, with a hole of 1 MiB in it.
    pub fn with_ram(bytes: usize) -> Self {
        let half = bytes.div_ceil(2 * PAGE_SIZE).max(1) * PAGE_SIZE;
        let (low, hole) = (1 << 20, 1 << 20);
        Self {
            ram: vec![low..low + half, low + half + hole..low + hole + 2 * half],
            cpus: 2,
            levels: 4,
            poison: true,
        }
    }

    /// The same with that many CPUs.
    pub fn cpus(self, cpus: usize) -> Self {
        Self { cpus, ..self }
    }

    fn check(&self) -> Result<(), SimError> {
        if self.ram.is_empty() || self.ram.len() > MAX_RAM_RANGES {
            return Err(SimError::RamRanges(self.ram.len()));
        }
        let mut past = 0;
        for r in &self.ram {
            let aligned = r.start.is_multiple_of(PAGE_SIZE) && r.end.is_multiple_of(PAGE_SIZE);
            if !aligned || r.is_empty() || r.start < past || r.end > MAX_PADDR {
                return Err(SimError::BadRam(r.clone()));
            }
            past = r.end;
        }
        if !(1..=MAX_CPUS).contains(&self.cpus) {
            return Err(SimError::BadCpuCount(self.cpus));
        }
        if !matches!(self.levels, 4 | 5) {
            return Err(SimError::BadLevels(self.levels));
        }
        Ok(())
    }
}

/// Counts since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Allocations that succeeded.
    pub allocations: u64,
    /// Allocations that failed, injected failures included.
    pub failed_allocations: u64,
    /// Frames that have an owner now.
    pub allocated: usize,
    /// The most frames that had an owner at a time.
    pub peak_allocated: usize,
    /// Free frames now.
    pub free: usize,
    /// Flush operations asked for.
    pub flushes: u64,
    /// Messages that these sent to other CPUs that were awake.
    pub messages: u64,
    /// Accesses that a TLB answered.
    pub tlb_hits: u64,
    /// Accesses that walked the tables.
    pub walks: u64,
}

/// What is left when a machine stops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Frames that still had an owner, each also a violation.
    pub lost: Vec<Paddr>,
    /// Every violation since boot that was not taken, the ones found at shutdown included.
    pub violations: Vec<Violation>,
}

/// A running machine; its platform type is [`Sim<ID>`](crate::Sim).
///
/// Drop it after everything that lives in its RAM: tables, frames and areas find poison otherwise.
///
/// A thread becomes one of its CPUs by [`Machine::run`]. A thread that is none counts as CPU 0, so
/// that a simple test need not bother.
pub struct Machine<const ID: usize> {
    state: &'static State,
    running: bool,
}

impl<const ID: usize> Machine<ID> {
    /// Boots machine `ID`. If it runs in another thread, waits until that one is dropped.
    ///
    /// # Errors
    /// A configuration out of range; `SimError::Running` if this thread booted it and has it
    /// still; `SimError::Map` if the host gives no memory.
    pub fn boot(config: Config) -> Result<Self, SimError> {
        const { assert!(ID < crate::MAX_MACHINES) };
        config.check()?;
        let state = State::get_or_make(ID)?;
        state.start(&config)?;
        Ok(Self {
            state,
            running: true,
        })
    }

    /// Boots machine `ID` and makes the core's slots of all its RAM, so that frames can be had.
    ///
    /// # Errors
    /// As for [`boot`](Self::boot).
    pub fn boot_with_frames(config: Config) -> Result<Self, SimError> {
        let machine = Self::boot(config)?;
        for range in machine.state.ram() {
            // SAFETY: the machine has just been booted: nobody has a frame, and no slot is made.
            unsafe { veripage::frame::boot::<crate::Sim<ID>>(range) };
        }
        Ok(machine)
    }

    pub(crate) fn state(&self) -> &'static State {
        self.state
    }

    /// Runs `f` on CPU `cpu`: the calling thread is that CPU until `f` returns. Calls nest.
    ///
    /// # Errors
    /// `NoCpu` if there is no such CPU; `CpuTaken` if another thread is that CPU.
    pub fn run<R>(&self, cpu: usize, f: impl FnOnce() -> R) -> Result<R, SimError> {
        let cpus = self.state.cpus();
        let Some(this) = cpus.get(cpu) else {
            let cpus = cpus.len();
            return Err(SimError::NoCpu { cpu, cpus });
        };
        let before = set_current(Some((ID, cpu)));
        if before == Some((ID, cpu)) {
            return Ok(f());
        }
        if this.taken.swap(true, AcqRel) {
            set_current(before);
            return Err(SimError::CpuTaken(cpu));
        }
        let bound = Bound {
            state: self.state,
            cpu,
            before,
        };
        // The CPU that this thread was is halted meanwhile.
        bound.wake(before, false);
        this.awake.store(true, SeqCst);
        self.state.serve(this);
        Ok(f())
    }

    /// Runs `f` on every CPU at once, each on a thread of its own, and returns what each gave.
    ///
    /// # Errors
    /// `CpuTaken` if another thread is one of the CPUs.
    pub fn run_all<R: Send>(&self, f: impl Fn(usize) -> R + Sync) -> Result<Vec<R>, SimError> {
        let f = &f;
        std::thread::scope(|scope| {
            let run = |cpu| scope.spawn(move || self.run(cpu, || f(cpu)));
            let threads: Vec<_> = (0..self.state.cpus().len()).map(run).collect();
            let join = |t: std::thread::ScopedJoinHandle<'_, Result<R, SimError>>| match t.join() {
                Ok(r) => r,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            threads.into_iter().map(join).collect()
        })
    }

    /// Accesses `va` as the current CPU, as a user program or as the kernel, and returns where it
    /// leads. By the time the address is returned a flush may have come: to use the memory,
    /// `read` and `write`.
    ///
    /// # Errors
    /// The page fault.
    pub fn access(&self, va: Vaddr, access: Access, user: bool) -> Result<Paddr, PageFault> {
        self.state.access(va, access, user, |pa| pa)
    }

    /// Reads bytes at `va` as the current CPU.
    ///
    /// # Errors
    /// The page fault; what comes before the faulting page has been read.
    pub fn read(&self, va: Vaddr, to: &mut [u8], user: bool) -> Result<(), PageFault> {
        self.state.read(va, to, user)
    }

    /// Writes bytes at `va` as the current CPU.
    ///
    /// # Errors
    /// The page fault; what comes before the faulting page has been written.
    pub fn write(&self, va: Vaddr, from: &[u8], user: bool) -> Result<(), PageFault> {
        self.state.write(va, from, user)
    }

    /// The 8-byte word at physical address `pa`; `None` if that is not RAM or not aligned.
    pub fn word(&self, pa: Paddr) -> Option<u64> {
        self.state.word(pa).map(|w| w.load(Acquire))
    }

    /// The RAM ranges.
    pub fn ram(&self) -> Vec<Range<Paddr>> {
        self.state.ram().collect()
    }

    /// Number of CPUs.
    pub fn cpus(&self) -> usize {
        self.state.cpus().len()
    }

    /// The root that CPU `cpu` has loaded.
    pub fn root_of(&self, cpu: usize) -> Option<Paddr> {
        self.state.cpus().get(cpu)?.root()
    }

    /// Switches the MMU of every CPU off: no root, no translation. So a test can take its last table
    /// apart, which no kernel does, and see that nothing is left.
    pub fn reset_cpus(&self) {
        self.state.reset_cpus();
    }

    /// What the TLB of CPU `cpu` knows, in no order.
    pub fn tlb(&self, cpu: usize) -> Vec<Translation> {
        let Some(c) = self.state.cpus().get(cpu) else {
            return Vec::new();
        };
        let tlb = lock(&c.tlb);
        tlb.iter().cloned().collect()
    }

    /// What the TLB of CPU `cpu` believes although the tables say otherwise (accessed and dirty
    /// bits apart): allowed until a flush has been waited for, and empty after it.
    pub fn stale_translations(&self, cpu: usize) -> Vec<Translation> {
        self.state.stale(cpu)
    }

    /// From now, `n` allocations succeed and then all fail, until `fail_no_alloc`.
    pub fn fail_alloc_after(&self, n: u64) {
        lock(&self.state.pool).injection = Injection::After(n);
    }

    /// From now, `n` allocations succeed, one fails, and further ones succeed.
    pub fn fail_nth_alloc(&self, n: u64) {
        lock(&self.state.pool).injection = Injection::Nth(n);
    }

    /// No more injected failures.
    pub fn fail_no_alloc(&self) {
        lock(&self.state.pool).injection = Injection::Off;
    }

    /// The frames that have an owner, ascending.
    pub fn allocated_frames(&self) -> Vec<Paddr> {
        self.state.allocated()
    }

    /// Does the frame at `pa` have an owner?
    pub fn is_allocated(&self, pa: Paddr) -> bool {
        self.state.is_ram(pa) && self.state.table.is_allocated(pa)
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        let c = &self.state.counters;
        Stats {
            allocations: c.allocations.load(Relaxed),
            failed_allocations: c.failed_allocations.load(Relaxed),
            allocated: c.allocated.load(Relaxed),
            peak_allocated: c.peak.load(Relaxed),
            free: lock(&self.state.pool).buddy.free(),
            flushes: c.flushes.load(Relaxed),
            messages: c.messages.load(Relaxed),
            tlb_hits: c.tlb_hits.load(Relaxed),
            walks: c.walks.load(Relaxed),
        }
    }

    /// Starts a new peak of allocated frames.
    pub fn reset_peak(&self) {
        let c = &self.state.counters;
        c.peak.store(c.allocated.load(Relaxed), Relaxed);
    }

    /// The violations so far (the first thousand), in the order in which they were found.
    pub fn violations(&self) -> Vec<Violation> {
        self.state.violations(false)
    }

    /// How many violations there were.
    pub fn violation_count(&self) -> usize {
        self.state.nr_violations.load(Relaxed)
    }

    /// The violations so far, and forgets them: for tests that provoke some.
    pub fn take_violations(&self) -> Vec<Violation> {
        self.state.violations(true)
    }

    /// Stops the machine and says what was left.
    pub fn shutdown(mut self) -> Shutdown {
        self.running = false;
        let (lost, violations) = self.state.stop();
        Shutdown { lost, violations }
    }
}

impl<const ID: usize> Drop for Machine<ID> {
    fn drop(&mut self) {
        if self.running {
            self.state.stop();
        }
    }
}

/// A thread being a CPU; undone also when the thread panics.
struct Bound {
    state: &'static State,
    cpu: usize,
    before: Option<(usize, usize)>,
}

impl Bound {
    /// Wakes or halts the CPU of this machine that the thread was before.
    fn wake(&self, cpu: Option<(usize, usize)>, awake: bool) {
        match cpu {
            Some((id, n)) if id == self.state.id => {
                let cpu = &self.state.cpus[n];
                cpu.awake.store(awake, SeqCst);
                self.state.serve(cpu);
            }
            _ => {}
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let cpu = &self.state.cpus[self.cpu];
        cpu.awake.store(false, SeqCst);
        self.state.serve(cpu);
        cpu.taken.store(false, Release);
        set_current(self.before);
        self.wake(self.before, true);
    }
}
