//! Library of the `veripage` command: what reads the logs of real programs.
//!
//! It touches files and text only. What the events mean for an address space is the replay's part.

pub mod trace;
