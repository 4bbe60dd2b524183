//! `bank`: see the library for the tour, and `bank --help` for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    bank::cli::main()
}
