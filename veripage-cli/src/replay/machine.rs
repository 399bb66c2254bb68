//! The simulated machine that a replay runs on.
use super::process::Process;
use super::space::Trouble;
use super::world::World;
use veripage_sim::{Config, Machine, SimError};

/// Number of the machine. Replays in one process take turns on it.
pub const MACHINE: usize = 0;

/// The machine.
pub type SimMachine = Machine<MACHINE>;

/// Why a replay cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The machine cannot be made.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// It has too little memory to begin.
    #[error(transparent)]
    Memory(#[from] Trouble),
}

/// Boots a machine.
///
/// # Errors
/// The number of CPUs or the amount of memory is none that a machine can have.
pub fn boot(cpus: usize, memory: usize) -> Result<SimMachine, BootError> {
    Ok(Machine::boot(Config::with_ram(memory).cpus(cpus))?)
}

/// Audits the machine.
pub fn audit<'p>(
    machine: &SimMachine,
    world: &World,
    processes: impl Iterator<Item = &'p Process>,
    mut broken: impl FnMut(String),
) {
    let _ = (machine, world, processes, &mut broken);
}

/// Waits for grace periods.
pub fn settle(machine: &SimMachine) {
    let _ = machine;
}
