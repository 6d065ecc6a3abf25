//! `hushvec decode`.

use crate::args::Owner;
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::Response;
use std::path::PathBuf;

/// Options of `hushvec decode`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The owner's context
    context: PathBuf,
    /// The response
    response: PathBuf,
    /// How many nearest vectors to list for each query
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    owner: Owner,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let response = Response::open(&args.response)?;
    let context = args.owner.load(&args.context)?;
    let bar = Bar::new("decrypting", response.len() * response.queries() as u64);
    let answers = response.nearest(&context, args.k, bar.progress())?;
    drop(bar);
    output::answers(&answers, &context.device_report(), args.json)
}
