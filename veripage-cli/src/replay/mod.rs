//! `veripage replay`.
pub mod region;
