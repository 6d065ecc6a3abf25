//! `hushvec decode`.

mod packed;

use crate::args::{Neighbours, Owner};
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::{ContextFile, Response, StoredContext};
use std::path::{Path, PathBuf};

/// Options of `hushvec decode`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context
    context: PathBuf,
    /// Response of the evaluator, from `hushvec aggregate`
    pub response: PathBuf,
    /// Encrypted query; a response to a different query is refused
    #[arg(long, value_name = "FILE")]
    pub query: Option<PathBuf>,
    #[command(flatten)]
    pub nearest: Neighbours,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub owner: Owner,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => decode(args, &file),
        StoredContext::Packed(file) => packed::run(args, &file),
    }
}

fn decode(args: &Args, file: &ContextFile) -> Result<(), Failure> {
    let response = Response::open(&args.response)?;
    let context = args.owner.open(file)?;
    match &args.query {
        Some(path) => response.check_query(&context.load_query(path)?)?,
        None => warn_unchecked(&args.response),
    }
    let bar = Bar::new("decrypting", response.len() * response.queries() as u64);
    let answers = response.nearest(&context, args.nearest.k, bar.progress())?;
    drop(bar);
    output::answers(&answers, &context.device_report(), args.json)
}

/// Warns that a response is decoded without its query.
pub fn warn_unchecked(response: &Path) {
    tracing::warn!(
        "{} is not checked against its query; give --query to detect a response to a different query",
        response.display()
    );
}
