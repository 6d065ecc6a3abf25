//! `hushvec encrypt-query`.

mod packed;

use crate::args::{self, Owner};
use crate::failure::Failure;
use crate::input::{Format, IdSource, Input};
use crate::output;
use crate::target::Target;
use hushvec::{ContextFile, Evaluator, HomomorphicClient, Query, StoredContext};
use std::path::PathBuf;
use std::slice;
use tracing::info;

/// Options of `hushvec encrypt-query`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context; for Paillier, a public context works too
    context: PathBuf,
    /// File with one or more query vectors, in any format of `hushvec encrypt`; - for standard input
    pub query: PathBuf,
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub owner: Owner,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    args.target.check_stream(&[&args.context, &args.query])?;
    match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => encrypt(args, &file),
        StoredContext::Packed(file) => packed::run(args, &file),
    }
}

fn encrypt(args: &Args, file: &ContextFile) -> Result<(), Failure> {
    let public = args.owner.public_of(file)?;
    let key = public.key();
    let dimensions = key.parameters().embedding_length();
    let vectors =
        Input::open(slice::from_ref(&args.query), dimensions, &args.format, IdSource::RowNumbers)?.read_all()?;
    let (encrypted, device) = if file.owner().is_some() {
        let context = args.owner.open(file)?;
        (context.encrypt_vec_batch(&vectors)?, context.device_report())
    } else {
        args::warn_if_weak(public.parameters());
        let compute = &args.owner.compute;
        let evaluator = Evaluator::with_threads(public, compute.device_or_auto(), compute.threads)?;
        (evaluator.encrypt_vec_batch(&vectors)?, evaluator.device_report())
    };
    output::require_gpu(&device)?;
    let staged = args.target.stage()?;
    Query::new(encrypted)?.save(staged.path(), key)?;
    staged.finish()?;
    info!("wrote {} ({})", args.target.name(), count_queries(vectors.len()));
    Ok(())
}

pub fn count_queries(count: usize) -> String {
    if count == 1 { "1 query".to_owned() } else { format!("{count} queries") }
}
