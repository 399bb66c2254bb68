//! The `veripage` command.
fn main() {}
