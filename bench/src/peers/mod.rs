//! The crates that people use today, each over the same arena.
pub mod aarch64;
pub mod generic;
pub mod multiarch;
pub mod x86;
