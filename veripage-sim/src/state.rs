//! The state of one machine. It is made when its number is first booted and then stays for the
//! life of the process, so that a platform function can reach it at any time.
use crate::buddy::Buddy;
use crate::cpu::{lock, Cpu};
use crate::frames::{FrameTable, ALLOCATED, POISON, POISONED};
use crate::layout::{self, MAX_FRAMES, MAX_MACHINES, SLOT_SIZE};
use crate::tlb::Holds;
use crate::{Config, SimError, Violation, MAX_CPUS, MAX_RAM_RANGES};
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering::*};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use veripage_hw::{Paddr, PAGE_SIZE};

/// Violations that are kept; further ones are only counted.
const MAX_VIOLATIONS: usize = 1000;
/// At shutdown, machines that used more frames give their memory back to the host.
const KEEP_FRAMES: usize = 4096;

thread_local! {
    /// Which machine's which CPU this thread is.
    static CURRENT: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// Counters of a machine since it was booted.
#[derive(Default)]
pub(crate) struct Counters {
    pub allocations: AtomicU64,
    pub failed_allocations: AtomicU64,
    pub allocated: AtomicUsize,
    pub peak: AtomicUsize,
    pub flushes: AtomicU64,
    pub messages: AtomicU64,
    pub tlb_hits: AtomicU64,
    pub walks: AtomicU64,
}

/// When the machine runs out of memory on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Injection {
    Off,
    /// This many allocations succeed, then none.
    After(u64),
    /// This many allocations succeed, the next one fails, then all succeed.
    Nth(u64),
}

pub(crate) struct Pool {
    pub buddy: Buddy,
    pub injection: Injection,
    /// First frame past all that were ever handed out.
    pub high_water: usize,
}

/// See the module.
pub(crate) struct State {
    pub id: usize,
    pub table: FrameTable,
    pub pool: Mutex<Pool>,
    pub cpus: [Cpu; MAX_CPUS],
    pub nr_cpus: AtomicUsize,
    pub levels: AtomicU8,
    pub poison: AtomicBool,
    ram: [(AtomicUsize, AtomicUsize); MAX_RAM_RANGES],
    pub holds: Holds,
    /// Counts frees; translations and frees are stamped with it.
    pub clock: AtomicU64,
    pub tickets: AtomicU64,
    pub epoch: AtomicU64,
    violations: Mutex<Vec<Violation>>,
    pub nr_violations: AtomicUsize,
    pub counters: Counters,
    /// The thread that booted the machine that runs.
    owner: Mutex<Option<ThreadId>>,
    stopped: Condvar,
}

static STATES: [OnceLock<&'static State>; MAX_MACHINES] = [const { OnceLock::new() }; MAX_MACHINES];
static MAKING: Mutex<()> = Mutex::new(());

/// The state of machine `id`, if it was ever booted.
pub(crate) fn state(id: usize) -> Option<&'static State> {
    STATES.get(id)?.get().copied()
}

/// The CPU of machine `id` that this thread is; a thread that is none of its CPUs counts as CPU 0.
pub(crate) fn current_cpu(id: usize) -> usize {
    match CURRENT.get() {
        Some((machine, cpu)) if machine == id => cpu,
        _ => 0,
    }
}

/// Makes this thread a CPU; returns what it was.
pub(crate) fn set_current(to: Option<(usize, usize)>) -> Option<(usize, usize)> {
    CURRENT.replace(to)
}

impl State {
    /// The state of machine `id`, made now if need be.
    pub fn get_or_make(id: usize) -> Result<&'static State, SimError> {
        if let Some(s) = state(id) {
            return Ok(s);
        }
        let _making = lock(&MAKING);
        if let Some(s) = state(id) {
            return Ok(s);
        }
        layout::map_window(id)?;
        Ok(STATES[id].get_or_init(|| Box::leak(Box::new(Self::new(id)))))
    }

    fn new(id: usize) -> Self {
        // SAFETY: `get_or_make` has mapped the window.
        let table = unsafe { FrameTable::new(layout::info_base(id), layout::linear_base(id)) };
        let pool = Pool {
            buddy: Buddy::new(table),
            injection: Injection::Off,
            high_water: 0,
        };
        Self {
            id,
            table,
            pool: Mutex::new(pool),
            cpus: std::array::from_fn(|_| Cpu::default()),
            nr_cpus: AtomicUsize::new(0),
            levels: AtomicU8::new(4),
            poison: AtomicBool::new(true),
            ram: Default::default(),
            holds: Holds::new(table),
            clock: AtomicU64::new(1),
            tickets: AtomicU64::new(0),
            epoch: AtomicU64::new(1),
            violations: Mutex::new(Vec::new()),
            nr_violations: AtomicUsize::new(0),
            counters: Counters::default(),
            owner: Mutex::new(None),
            stopped: Condvar::new(),
        }
    }

    /// Waits until the machine of this number has stopped, then sets it up.
    pub fn start(&self, config: &Config) -> Result<(), SimError> {
        let me = std::thread::current().id();
        let mut owner = lock(&self.owner);
        while let Some(other) = *owner {
            if other == me {
                return Err(SimError::Running(self.id));
            }
            owner = self
                .stopped
                .wait(owner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *owner = Some(me);
        self.nr_cpus.store(config.cpus, Relaxed);
        self.levels.store(config.levels, Relaxed);
        self.poison.store(config.poison, Relaxed);
        let mut pool = lock(&self.pool);
        for (i, (start, end)) in self.ram.iter().enumerate() {
            let r = config.ram.get(i).cloned().unwrap_or(0..0);
            start.store(r.start, Relaxed);
            end.store(r.end, Relaxed);
        }
        // Highest first, so that the lowest block of each order is taken first.
        for r in config.ram.iter().rev() {
            pool.buddy.put(r.start / PAGE_SIZE..r.end / PAGE_SIZE);
        }
        Ok(())
    }

    /// Takes stock, then resets everything for the next machine. Returns the frames still owned.
    pub fn stop(&self) -> (Vec<Paddr>, Vec<Violation>) {
        self.reset_cpus();
        for cpu in self.cpus() {
            cpu.clear_mail();
            cpu.rcu.store(0, SeqCst);
        }
        let lost = self.allocated();
        for &pa in &lost {
            self.report(Violation::LostFrame { pa });
        }
        let mut pool = lock(&self.pool);
        let violations = self.reset_frames(&mut pool);
        pool.injection = Injection::Off;
        let c = &self.counters;
        for n in [
            &c.allocations,
            &c.failed_allocations,
            &c.flushes,
            &c.messages,
            &c.tlb_hits,
            &c.walks,
        ] {
            n.store(0, Relaxed);
        }
        c.allocated.store(0, Relaxed);
        c.peak.store(0, Relaxed);
        self.nr_cpus.store(0, Relaxed);
        for (start, end) in &self.ram {
            start.store(0, Relaxed);
            end.store(0, Relaxed);
        }
        drop(pool);
        *lock(&self.owner) = None;
        self.stopped.notify_all();
        (lost, violations)
    }

    /// Every CPU loses its root and all its translations.
    pub fn reset_cpus(&self) {
        for cpu in self.cpus() {
            let mut tlb = lock(&cpu.tlb);
            tlb.forget_all(&self.holds);
            cpu.set_root(&mut tlb, None);
        }
    }

    /// Is a machine running?
    pub fn running(&self) -> bool {
        self.nr_cpus.load(Relaxed) != 0
    }

    /// Checks the poison a last time, then leaves frames as their flags say and all slots zero.
    fn reset_frames(&self, pool: &mut Pool) -> Vec<Violation> {
        let used = std::mem::take(&mut pool.high_water);
        pool.buddy.clear();
        for (pfn, info) in (0..used).filter_map(|pfn| Some((pfn, self.table.get(pfn)?))) {
            let flags = info.flags.load(Relaxed);
            if flags == POISONED && self.poison.load(Relaxed) {
                self.check_poison(pfn, POISON);
            }
            if used <= KEEP_FRAMES && flags != 0 {
                self.leave_free(pfn..pfn + 1);
                info.flags.fetch_and(!ALLOCATED, Relaxed);
            }
            info.freed_at.store(0, Relaxed);
        }
        let ram_end = self.ram().map(|r| r.end).max().unwrap_or(0);
        self.reset_slots(ram_end / PAGE_SIZE);
        if used > KEEP_FRAMES {
            // SAFETY: whole pages of this machine's window; the machine has stopped.
            unsafe {
                layout::discard(self.table.host(0), ram_end);
                layout::discard(layout::info_base(self.id), MAX_FRAMES * SLOT_SIZE);
            }
        }
        self.nr_violations.store(0, Relaxed);
        std::mem::take(&mut *lock(&self.violations))
    }

    /// Zeroes the slot array, the first slots by hand and the others by giving back their pages.
    fn reset_slots(&self, frames: usize) {
        let near = (frames * SLOT_SIZE)
            .next_multiple_of(PAGE_SIZE)
            .min(64 * PAGE_SIZE);
        let base = layout::meta_base(self.id);
        // SAFETY: inside this machine's slot array; the machine has stopped.
        unsafe {
            std::ptr::write_bytes(base as *mut u8, 0, near);
            layout::discard(base + near, MAX_FRAMES * SLOT_SIZE - near);
        }
    }

    /// The frames that have an owner.
    pub fn allocated(&self) -> Vec<Paddr> {
        let used = lock(&self.pool).high_water;
        (0..used)
            .map(|pfn| pfn * PAGE_SIZE)
            .filter(|&pa| self.table.is_allocated(pa))
            .collect()
    }

    /// The CPUs that the machine has.
    pub fn cpus(&self) -> &[Cpu] {
        &self.cpus[..self.nr_cpus.load(Relaxed).min(MAX_CPUS)]
    }

    /// The CPU that this thread is, or CPU 0.
    pub fn me(&self) -> (usize, &Cpu) {
        let cpu = current_cpu(self.id);
        (cpu, &self.cpus[cpu])
    }

    /// The RAM ranges.
    pub fn ram(&self) -> impl Iterator<Item = Range<Paddr>> + '_ {
        self.ram
            .iter()
            .map(|(start, end)| start.load(Relaxed)..end.load(Relaxed))
            .filter(|r| !r.is_empty())
    }

    /// Is `pa` RAM?
    pub fn is_ram(&self, pa: Paddr) -> bool {
        self.ram().any(|r| r.contains(&pa))
    }

    /// Notes a violation.
    pub fn report(&self, v: Violation) {
        let mut list = lock(&self.violations);
        self.nr_violations.fetch_add(1, Relaxed);
        if list.len() < MAX_VIOLATIONS {
            list.push(v);
        }
    }

    /// The violations so far.
    pub fn violations(&self, take: bool) -> Vec<Violation> {
        let mut list = lock(&self.violations);
        if take {
            self.nr_violations.store(0, Relaxed);
            std::mem::take(&mut *list)
        } else {
            list.clone()
        }
    }
}

/// A turn of a spin loop: gives the host's CPU away now and then, since there may be more threads
/// than it has CPUs.
pub(crate) fn pause(turn: usize) {
    if turn.is_multiple_of(16) {
        std::thread::yield_now();
    } else {
        std::hint::spin_loop();
    }
}
