//! The `veripage` command.
use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(veripage_cli::cli::run(std::env::args_os()))
}
