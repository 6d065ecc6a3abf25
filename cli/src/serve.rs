//! `hushvec serve`.

use crate::failure::Failure;
use hushvec_server::{Options, serve_until_stopped};

/// Options of `hushvec serve`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    options: Options,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    serve_until_stopped(&args.options).map_err(Failure::Other)
}
