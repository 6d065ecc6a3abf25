//! `hushvec index merge`.

use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use crate::target;
use hushvec::Index;
use serde::Serialize;
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec index merge`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Index files of the same key; shards in any order
    #[arg(required = true)]
    indexes: Vec<PathBuf>,
    /// Index file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    indexes: usize,
    vectors: u64,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    target::check_new(&args.output, "")?;
    let indexes = args.indexes.iter().map(|path| Index::open(path)).collect::<Result<Vec<_>, _>>()?;
    indexes.iter().for_each(crate::aggregate::warn_if_torn);
    let vectors: u64 = indexes.iter().map(Index::len).sum();
    let bar = Bar::new("merging", vectors);
    let vectors = Index::merge(&indexes, &args.output, bar.progress())?;
    drop(bar);
    if args.json {
        return output::print_json(&Report { indexes: indexes.len(), vectors });
    }
    let (from, indexes) = (indexes.len(), if indexes.len() == 1 { "index" } else { "indexes" });
    info!("wrote {} ({} of {from} {indexes})", args.output.display(), output::count(vectors, "vector"));
    Ok(())
}
