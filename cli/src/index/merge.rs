//! `hushvec index merge`.

use crate::failure::Failure;
use crate::index_file::IndexFile;
use crate::output;
use crate::progress::Bar;
use crate::target;
use hushvec::{Index, PackedIndex};
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
    let indexes = args.indexes.iter().map(|path| IndexFile::open(path)).collect::<Result<Vec<_>, _>>()?;
    indexes.iter().for_each(IndexFile::warn_if_torn);
    let bar = Bar::new("merging", indexes.iter().map(IndexFile::len).sum::<u64>());
    let (count, mut paillier, mut packed) = (indexes.len(), Vec::new(), Vec::new());
    for index in indexes {
        match index {
            IndexFile::Paillier(index) => paillier.push(index),
            IndexFile::Packed(index) => packed.push(index),
        }
    }
    let vectors = match (paillier.first(), packed.first()) {
        (Some(paillier), Some(packed)) => {
            return Err(Failure::Usage(format!(
                "{} is an index of Paillier, and {} one of packed search; give indexes of the same key",
                paillier.path().display(),
                packed.path().display()
            )));
        }
        (_, None) => Index::merge(&paillier, &args.output, bar.progress())?,
        (None, _) => PackedIndex::merge(&packed, &args.output, bar.progress())?,
    };
    drop(bar);
    if args.json {
        return output::print_json(&Report { indexes: count, vectors });
    }
    if packed.first().is_some_and(|index| {
        PackedIndex::open(&args.output)
            .is_ok_and(|merged| merged.tail().is_ok_and(|rows| rows >= index.parameters().vectors_per_block() as u64))
    }) {
        info!("every response contains the tail of the new index; `hushvec index compact --context` packs it");
    }
    let (from, indexes) = (count, if count == 1 { "index" } else { "indexes" });
    info!("wrote {} ({} of {from} {indexes})", args.output.display(), output::count(vectors, "vector"));
    Ok(())
}
