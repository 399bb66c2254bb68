//! The audit: walks all tables, slots, areas and CPUs, and names the first that breaks a rule.
//!
//! It shares no code with the core: it reads the words of the nodes and the raw slots, through the
//! layouts that `format` and `slot` write down. The machine must be at rest: no operation under way
//! on the tables, on any CPU.
//!
//! The rules are the variants of [`AuditError`]. Together they say: the given tables are trees of
//! live, unlocked nodes whose slots tell position and count, each linked once; their leaves are
//! aligned and lead to RAM that has an owner, or are untracked; user roots share the kernel's half;
//! each frame is free with an unused slot, or a node, or has `rc == H + P + C`, or waits to be
//! freed; what is mapped in the kernel's dynamic range belongs to exactly one area; CPUs run on
//! these tables, and believe nothing else.
mod error;
mod format;
mod frames;
mod slot;
mod tables;

pub use error::{AuditError, Link};
pub use format::Format;
pub use frames::Census;
pub use slot::{Slot, MAX_SHARES, UNIQUE, UNUSED};
pub use tables::{Areas, Entry};

use crate::state::State;
use crate::Machine;
use std::ops::Range;
use veripage_hw::{CpuSet, Paddr};

/// A table to be audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its root node.
    pub root: Paddr,
    /// Its format.
    pub format: Format,
    /// Indices of the root entries that it manages itself.
    pub own: Range<usize>,
    /// Root of the table that the other root entries are shared with; without one they are absent.
    pub kernel: Option<Paddr>,
    /// The CPUs that its space believes to run on it, if it keeps count.
    pub cpus: Option<CpuSet>,
}

impl Table {
    /// A kernel table, which manages the upper half.
    pub fn kernel(root: Paddr, format: Format) -> Self {
        let own = 256..512;
        let (kernel, cpus) = (None, None);
        Self {
            root,
            format,
            own,
            kernel,
            cpus,
        }
    }

    /// A user table, whose upper half is the kernel's.
    pub fn user(root: Paddr, format: Format, kernel: Paddr) -> Self {
        Self {
            own: 0..256,
            kernel: Some(kernel),
            ..Self::kernel(root, format)
        }
    }

    /// The same with the CPU set of its space.
    pub fn cpus(self, cpus: CpuSet) -> Self {
        let cpus = Some(cpus);
        Self { cpus, ..self }
    }
}

/// What an audit needs to know.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// All tables, kernel and user.
    pub tables: Vec<Table>,
    /// Who holds what.
    pub census: Census,
    /// The kernel's areas; `None` skips their rules.
    pub areas: Option<Areas>,
    /// Every flush has been waited for: no TLB may believe what the tables do not say. For formats
    /// that the machine's MMU reads, x86-64 with its number of levels.
    pub flushed: bool,
}

/// What an audit has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Page-table nodes.
    pub nodes: usize,
    /// Leaves.
    pub leaves: usize,
    /// Base pages that the leaves map.
    pub pages: usize,
    /// Frames that have an owner, nodes included.
    pub frames: usize,
}

impl<const ID: usize> Machine<ID> {
    /// Checks everything.
    ///
    /// # Errors
    /// The first rule that is broken, with where: tables first, in the order given, each in order
    /// of addresses; then frames, ascending; then areas, CPUs and TLBs.
    pub fn audit(&self, audit: &Audit) -> Result<AuditReport, AuditError> {
        run(self.state(), audit)
    }

    /// The slot of the frame at `pa`; `None` past the last frame.
    pub fn slot(&self, pa: Paddr) -> Option<Slot> {
        Slot::read(ID, pa)
    }
}

fn run(state: &State, audit: &Audit) -> Result<AuditReport, AuditError> {
    let areas = audit.areas.as_ref().map(Areas::sorted).transpose()?;
    let mut tables = tables::Tables::new(state, areas.as_ref());
    for table in &audit.tables {
        tables.walk(table)?;
    }
    if let (Some(first), 1..) = (audit.tables.first(), audit.census.dead_nodes) {
        tables.count_dead(first.format, &audit.census)?;
    }
    frames::check(state, &mut tables, &audit.census)?;
    cpus(state, audit)?;
    Ok(tables.report)
}

/// Checks what the CPUs run on and believe.
fn cpus(state: &State, audit: &Audit) -> Result<(), AuditError> {
    for (cpu, c) in state.cpus().iter().enumerate() {
        let Some(root) = c.root() else {
            continue;
        };
        let Some(table) = audit.tables.iter().find(|t| t.root == root) else {
            return Err(AuditError::UnknownRoot { cpu, root });
        };
        if table.cpus.is_some_and(|set| set.0 >> cpu & 1 == 0) {
            return Err(AuditError::NotInCpuSet { cpu, root });
        }
        if audit.flushed {
            if let Some(t) = state.stale(cpu).first() {
                let (va, pa) = (t.va, t.pa);
                return Err(AuditError::Stale { cpu, va, pa });
            }
        }
    }
    Ok(())
}
