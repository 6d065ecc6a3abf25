//! `hushvec index compact`.

use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::Index;
use serde::Serialize;
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec index compact`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Index file
    index: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    vectors: u64,
    removed: u64,
    bytes_before: u64,
    bytes: u64,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let bar = Bar::new("compacting", Index::open(&args.index)?.len());
    let done = Index::compact(&args.index, bar.progress())?;
    drop(bar);
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
