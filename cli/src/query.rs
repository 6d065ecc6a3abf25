//! `hushvec query`.

mod packed;

use crate::aggregate::warn_if_torn;
use crate::args::{Neighbours, Owner};
use crate::failure::Failure;
use crate::input::{Format, IdSource, Input};
use crate::output;
use crate::progress::Bar;
use hushvec::{ContextFile, Index, StoredContext};
use std::path::PathBuf;
use std::slice;

/// Options of `hushvec query`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Owner's context
    pub context: PathBuf,
    /// Index file
    pub index: PathBuf,
    /// File with one or more query vectors, in any format of `hushvec encrypt`; - for standard input
    pub query: PathBuf,
    #[command(flatten)]
    pub nearest: Neighbours,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub format: Format,
    #[command(flatten)]
    pub owner: Owner,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => search(args, &file),
        StoredContext::Packed(file) => packed::run(args, &file),
    }
}

fn search(args: &Args, file: &ContextFile) -> Result<(), Failure> {
    let index = Index::open(&args.index)?;
    warn_if_torn(&index);
    let dimensions = args.owner.public_of(file)?.parameters().embedding_length();
    let queries =
        Input::open(slice::from_ref(&args.query), dimensions, &args.format, IdSource::RowNumbers)?.read_all()?;
    let context = args.owner.open(file)?;
    let bar = Bar::new("searching", index.len() * queries.len() as u64);
    let answers = index.nearest(&context, &queries, args.nearest.k, bar.progress())?;
    drop(bar);
    output::answers(&answers, &context.device_report(), args.json)
}
