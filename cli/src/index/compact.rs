//! `hushvec index compact`.

use crate::args::Owner;
use crate::failure::Failure;
use crate::index_file::IndexFile;
use crate::output;
use crate::progress::Bar;
use hushvec::{Index, PackedIndex};
use serde::Serialize;
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec index compact`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Index file
    index: PathBuf,
    /// Owner's context, for an index of packed search only: compaction encrypts its vectors again
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Serialize)]
struct Report {
    vectors: u64,
    removed: u64,
    bytes_before: u64,
    bytes: u64,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let index = IndexFile::open(&args.index)?;
    let bar = |index: &IndexFile| Bar::new("compacting", index.len());
    let done = match (&index, &args.context) {
        (IndexFile::Paillier(_), Some(_)) => {
            return Err(Failure::Usage("--context is for an index of packed search; leave it out".to_owned()));
        }
        (IndexFile::Paillier(_), None) => Index::compact(&args.index, bar(&index).progress())?,
        (IndexFile::Packed(_), None) => {
            return Err(Failure::Usage(format!(
                "{} is an index of packed search, and compaction encrypts its vectors again; give --context with the \
                 owner's context",
                args.index.display()
            )));
        }
        (IndexFile::Packed(_), Some(context)) => {
            let context = super::packed::owner(context, &args.owner)?;
            PackedIndex::compact(&args.index, &context, bar(&index).progress())?
        }
    };
    if args.json {
        let (bytes_before, bytes) = (done.bytes_before, done.bytes_after);
        return output::print_json(&Report { vectors: done.kept, removed: done.removed, bytes_before, bytes });
    }
    info!(
        "removed {} from {}: {} left, {} (was {})",
        output::count(done.removed, "deleted vector"),
        args.index.display(),
        output::count(done.kept, "vector"),
        output::bytes(done.bytes_after),
        output::bytes(done.bytes_before)
    );
    Ok(())
}
