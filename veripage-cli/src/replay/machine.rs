//! The simulated machine that a replay runs on, with the kernel half that all spaces share; and its
//! audit.
use super::object::Object;
use super::outcome::Outcome;
use super::process::Process;
use super::space::{Kernel, Page, Trouble};
use super::world::World;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use veripage_hw::Platform;
use veripage_sim::audit::{Audit, AuditError, AuditReport, Census, Format, Table};
use veripage_sim::{Config, Machine, Sim, SimError};

/// Number of the machine. Replays in one process take turns on it.
const MACHINE: usize = 0;

/// The machine, as the core sees it.
pub type P = Sim<MACHINE>;

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

/// The machine and its kernel.
pub struct Host {
    // The kernel's tables go before the machine does.
    kernel: Box<Kernel>,
    machine: Machine<MACHINE>,
    nodes_peak: AtomicUsize,
    nodes: AtomicUsize,
}

impl Host {
    /// Boots a machine with `memory` bytes of RAM.
    ///
    /// # Errors
    /// The number of CPUs or the amount of memory is none that a machine can have, or too little.
    pub fn boot(cpus: usize, memory: usize) -> Result<Host, BootError> {
        let machine = Machine::boot(Config::with_ram(memory).cpus(cpus))?;
        for range in machine.ram() {
            // SAFETY: the machine was just booted, its RAM ranges are disjoint, and nobody has
            // touched a frame yet.
            unsafe { veripage::frame::boot::<P>(range) };
        }
        let kernel = Kernel::new(AREAS).map_err(Trouble::from)?;
        Ok(Host {
            kernel: Box::new(kernel),
            machine,
            nodes_peak: AtomicUsize::new(0),
            nodes: AtomicUsize::new(0),
        })
    }
}
