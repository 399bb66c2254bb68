//! What can go wrong when a machine is made or asked for what it does not have.
use std::ops::Range;
use veripage_hw::Paddr;

/// Errors of `Machine`.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The host did not give the machine its memory.
    #[error("cannot map the machine's memory at {address:#x}: {cause}")]
    Map {
        /// Host address that was asked for.
        address: usize,
        /// What the host said.
        cause: std::io::Error,
    },
    /// A RAM range that is empty, unaligned, past `MAX_PADDR`, or not above the one before it.
    #[error("bad RAM range {:#x}..{:#x}: ranges must be page-aligned, ascending, disjoint, not empty and below {:#x}", .0.start, .0.end, crate::MAX_PADDR)]
    BadRam(Range<Paddr>),
    /// No RAM at all, or more ranges than a machine can have.
    #[error("{0} RAM ranges: a machine has 1 to {max}", max = crate::MAX_RAM_RANGES)]
    RamRanges(usize),
    /// A CPU count out of range.
    #[error("{0} CPUs: a machine has 1 to {max}", max = crate::MAX_CPUS)]
    BadCpuCount(usize),
    /// A level count that the MMU does not have.
    #[error("an MMU with {0} levels: it has 4 or 5")]
    BadLevels(u8),
    /// The machine of this number is running.
    #[error("machine {0} is running already")]
    Running(usize),
    /// There is no such CPU.
    #[error("no CPU {cpu}: the machine has {cpus}")]
    NoCpu {
        /// The CPU asked for.
        cpu: usize,
        /// CPUs of the machine.
        cpus: usize,
    },
    /// Another host thread is that CPU now.
    #[error("CPU {0} is bound to another thread")]
    CpuTaken(usize),
}
