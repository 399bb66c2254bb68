//! Library of the `veripage` command: Veripage at work on the memory calls of real programs.
//!
//! [`trace`] reads recorded logs; [`replay`] carries them out, call by call, on a simulated machine
//! whose memory is managed by the `veripage` crate; [`cli`] is the command line.

pub mod cli;
pub mod replay;
pub mod trace;
