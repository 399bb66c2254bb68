//! `veripage replay`: the memory calls of real programs, carried out on the simulated machine.
//!
//! A [`log`] is handed out by the [`engine`], event by event, to the CPUs of the machine. On them
//! each [`process`] keeps a [`region`] map, and a space of page tables that follows it on demand.
//! At the end the space is [`compare`]d with what Linux showed in `/proc/PID/maps`.

pub mod compare;
mod crew;
pub mod engine;
mod fault;
pub mod kernel;
pub mod log;
pub mod machine;
pub mod messages;
pub mod object;
pub mod outcome;
pub mod page;
pub mod process;
pub mod region;
pub mod report;
pub mod shipped;
pub mod space;
pub mod stage;
pub mod tasks;
pub mod world;
