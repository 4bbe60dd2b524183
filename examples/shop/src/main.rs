//! `shop`: see the library for the tour, and `shop --help` for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    shop::cli::main()
}
