//! The simulated machine that a replay runs on, with the kernel half that all spaces share; and its
//! audit.
use super::kernel::{Kernel, Trouble, MACHINE, P};
use super::outcome::Outcome;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use veripage::{CpuSet, Paddr, Platform};
use veripage_sim::audit::{Areas, Audit, AuditError, AuditReport, Census, Format, Table};
use veripage_sim::{Config, Machine, SimError};

/// Kernel addresses that areas would come from: the replay makes none.
const AREAS: std::ops::Range<usize> = 0xffff_c000_0000_0000..0xffff_c000_4000_0000;

/// Why a replay cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The machine cannot be made.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// It has too little memory to begin.
    #[error("cannot begin: {0}")]
    Memory(#[from] Trouble),
}

/// What the replay has on the machine, for an audit.
#[derive(Default)]
pub struct Users {
    /// The root node of each user table, and the CPUs that may have it loaded.
    pub roots: Vec<(Paddr, CpuSet)>,
    /// The frames that the replay has handles on, as often as it has.
    pub handles: Vec<Paddr>,
}

/// The machine and its kernel.
pub struct Host {
    kernel: Box<Kernel>,
    machine: Machine<MACHINE>,
    /// Nodes of the kernel half.
    kernel_nodes: usize,
    /// Nodes of all user halves, when they were last counted, and the most that were.
    nodes: AtomicUsize,
    nodes_peak: AtomicUsize,
}

impl Host {
    /// Boots a machine with `memory` bytes of RAM.
    ///
    /// # Errors
    /// The number of CPUs or the amount of memory is none that a machine can have, or too little.
    pub fn boot(cpus: usize, memory: usize) -> Result<Host, BootError> {
        let machine = Machine::boot_with_frames(Config::with_ram(memory).cpus(cpus))?;
        let kernel = Box::new(Kernel::new(AREAS).map_err(Trouble::from)?);
        Ok(Host {
            kernel,
            kernel_nodes: machine.stats().allocated,
            machine,
            nodes: AtomicUsize::new(0),
            nodes_peak: AtomicUsize::new(0),
        })
    }

    /// The kernel half.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The machine.
    pub fn machine(&self) -> &Machine<MACHINE> {
        &self.machine
    }

    /// Notes that a user half has `now` nodes, `before` when it was last counted.
    pub fn count_nodes(&self, before: usize, now: usize) {
        let all = self.nodes.fetch_add(now, Relaxed) + now - before;
        self.nodes.fetch_sub(before, Relaxed);
        self.nodes_peak.fetch_max(all, Relaxed);
    }

    /// Counts the nodes of the user half of the table at `root`.
    pub fn nodes_of(&self, root: Paddr) -> usize {
        1 + self.nodes_below(root, Format::X86_64.levels(), 256)
    }

    fn nodes_below(&self, node: Paddr, level: u8, entries: usize) -> usize {
        let format = Format::X86_64;
        let words = (0..entries).filter_map(|i| self.machine.word(node + 8 * i));
        let tables = words.filter(|&w| format.present(w) && !format.leaf(level, w));
        let below = |w| match level {
            0..=2 => 0,
            _ => self.nodes_below(format.address(level, w), level - 1, 512),
        };
        tables.map(|w| 1 + below(w)).sum()
    }

    /// Checks every table, slot and count. No CPU may be at work.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn audit(&self, users: &Users) -> Result<AuditReport, AuditError> {
        self.settle();
        let kernel = self.kernel.root_paddr();
        let mut tables = vec![Table::kernel(kernel, Format::X86_64)];
        let user = |&(root, cpus)| Table::user(root, Format::X86_64, kernel).cpus(cpus);
        tables.extend(users.roots.iter().map(user));
        let mut census = Census::default();
        users.handles.iter().for_each(|&pa| census.handle(pa));
        self.machine.audit(&Audit {
            tables,
            census,
            areas: Some(Areas {
                dynamic: AREAS,
                areas: Vec::new(),
            }),
            flushed: true,
        })
    }

    /// Lets the nodes go that wait for CPUs to look away. No CPU may be at work.
    fn settle(&self) {
        while self.kernel.reclaim() {
            P::relax();
        }
    }

    /// Stops the machine, and adds what is to be said about it. All user spaces must be gone.
    pub fn into_outcome(self, outcome: &mut Outcome) {
        self.settle();
        outcome.nodes_peak = self.nodes_peak.load(Relaxed) as u64;
        let allocated = self.machine.allocated_frames().into_iter();
        let live = |&pa: &Paddr| self.machine.slot(pa).is_some_and(|s| s.live != 0);
        let nodes = allocated.filter(live).count();
        outcome.nodes_end = nodes.saturating_sub(self.kernel_nodes) as u64;
        let stats = self.machine.stats();
        outcome.flushes = stats.flushes;
        // The kernel's table stays for as long as the machine runs: all CPUs have it loaded.
        outcome.leaked = stats.allocated.saturating_sub(self.kernel_nodes) as u64;
        let broken = self.machine.take_violations();
        outcome.violations += broken.len() as u64;
        let said = broken.iter().take(20);
        let said = said.map(|v| format!("{}: violation: {v}", outcome.name));
        outcome.findings.extend(said);
    }
}
