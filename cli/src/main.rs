//! `hushvec`: encrypted nearest-neighbour search from the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    hushvec_cli::main()
}
