//! A simulated machine for hosts: it runs the core as a kernel would, and is unforgiving.
//!
//! RAM lies in one mapping at a constant address, with holes; CPUs are threads, each with a TLB
//! that keeps what it learned until it is told to forget; frames come from a buddy allocator that
//! poisons them when they are freed. What a correct memory manager never lets happen is collected
//! as [`Violation`]s:
//! ```
//! use veripage_hw::Platform;
//! use veripage_sim::{Config, Machine, Sim, Violation};
//!
//! let machine = Machine::<7>::boot(Config::with_ram(1 << 20))?;
//! let pa = Sim::<7>::alloc_frames(1, 4096).expect("a fresh machine has frames");
//! Sim::<7>::dealloc_frames(pa, 1);
//! Sim::<7>::dealloc_frames(pa, 1);
//! assert_eq!(machine.violations(), [Violation::DoubleFree { pa }]);
//! # Ok::<(), veripage_sim::SimError>(())
//! ```
mod access;
pub mod audit;
mod buddy;
mod cpu;
mod error;
mod frames;
mod layout;
mod machine;
mod mmu;
mod platform;
mod rcu;
mod shootdown;
mod state;
mod supply;
mod tlb;
mod violation;

pub use error::SimError;
pub use frames::POISON;
pub use layout::{MAX_MACHINES, MAX_PADDR};
pub use machine::{Config, Machine, Shutdown, Stats, MAX_CPUS, MAX_RAM_RANGES};
pub use mmu::{Access, FaultKind, PageFault};
pub use platform::Sim;
pub use tlb::Translation;
pub use violation::Violation;

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
