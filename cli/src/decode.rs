//! `hushvec decode`.

use crate::args::{Neighbours, Owner};
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::{ContextFile, Response};
use std::path::PathBuf;

/// Options of `hushvec decode`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context
    context: PathBuf,
    /// Response of the evaluator, from `hushvec aggregate`
    response: PathBuf,
    /// Encrypted query; a response to a different query is refused
    #[arg(long, value_name = "FILE")]
    query: Option<PathBuf>,
    #[command(flatten)]
    nearest: Neighbours,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    owner: Owner,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let response = Response::open(&args.response)?;
    let context = args.owner.open(&ContextFile::read(&args.context)?)?;
    match &args.query {
        Some(path) => response.check_query(&context.load_query(path)?)?,
        None => tracing::warn!(
            "{} is not checked against its query; give --query to detect a response to a different query",
            args.response.display()
        ),
    }
    let bar = Bar::new("decrypting", response.len() * response.queries() as u64);
    let answers = response.nearest(&context, args.nearest.k, bar.progress())?;
    drop(bar);
    output::answers(&answers, &context.device_report(), args.json)
}
