//! Library of the `veripage` command: Veripage at work on the memory calls of real programs.
//!
//! [`trace`] reads recorded logs; [`replay`] carries them out, call by call, on a simulated machine
//! whose memory is managed by the `veripage` crate; [`cli`] is the command line. It touches the files
//! that it is asked to read, standard output and standard error, and no memory but the simulated machine's.

pub mod cli;
pub mod replay;
pub mod trace;
