//! `hushvec aggregate`: the evaluator's side.

pub mod packed;

use crate::args::{self, Compute, Expected, Weak};
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use crate::target::Target;
use hushvec::{ContextFile, DeviceReport, Evaluator, Index, PackedIndex, StoredContext};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;
use tracing::info;

/// Options of `hushvec aggregate`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Public context
    public: PathBuf,
    /// Index file
    pub index: PathBuf,
    /// Encrypted query, from `hushvec encrypt-query`
    pub query: PathBuf,
    #[command(flatten)]
    pub target: Target,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub compute: Compute,
    #[command(flatten)]
    weak: Weak,
    #[command(flatten)]
    pub expected: Expected,
}

#[derive(Serialize)]
struct Report {
    queries: usize,
    vectors: u64,
    seconds: f64,
    device: DeviceReport,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    args.target.check_report(args.json)?;
    args.target.check_stream(&[&args.public, &args.index, &args.query])?;
    match StoredContext::read(&args.public)? {
        StoredContext::Paillier(file) => aggregate(args, &file),
        StoredContext::Packed(file) => packed::run(args, &file),
    }
}

fn aggregate(args: &Args, file: &ContextFile) -> Result<(), Failure> {
    if file.owner().is_some() {
        let path = args.public.display();
        return Err(Failure::Usage(format!(
            "{path} is an owner's context; give a public context, which is all that an evaluator should have: `hushvec \
             context public {path} -o public.json`"
        )));
    }
    args.weak.check(file)?;
    args.expected.check(file)?;
    let public = file.public();
    args::warn_if_weak(public.parameters());
    let evaluator = Evaluator::with_threads(public, args.compute.device_or_auto(), args.compute.threads)?;
    let query = evaluator.load_query(&args.query)?;
    let index = Index::open(&args.index)?;
    warn_if_torn(&index);
    let (queries, vectors) = (query.vectors().len(), index.len());
    let started = Instant::now();
    let bar = Bar::new("aggregating", vectors * queries as u64);
    let staged = args.target.stage()?;
    evaluator.aggregate(&query, &index, staged.path(), bar.progress())?;
    drop(bar);
    staged.finish()?;
    let (seconds, device) = (started.elapsed().as_secs_f64(), evaluator.device_report());
    output::require_gpu(&device)?;
    report(args, queries, vectors, seconds, device)
}

/// Reports a finished aggregation.
pub fn report(args: &Args, queries: usize, vectors: u64, seconds: f64, device: DeviceReport) -> Result<(), Failure> {
    if args.json {
        return output::print_json(&Report { queries, vectors, seconds, device });
    }
    #[expect(clippy::cast_precision_loss, reason = "rounded to a whole number")]
    let rate = (vectors * queries as u64) as f64 / seconds.max(1e-9);
    info!(
        vectors,
        queries,
        seconds,
        device = device.used,
        "aggregated {} with {queries} {} in {seconds:.2} s ({rate:.0}/s on {}); wrote {}",
        output::count(vectors, "vector"),
        if queries == 1 { "query" } else { "queries" },
        device.used,
        args.target.name()
    );
    Ok(())
}

/// Warns if an index ends in an unfinished block of an interrupted append.
pub fn warn_if_torn(index: &Index) {
    output::warn_if_unfinished(index.path(), index.recovery());
}

/// Like [`warn_if_torn`], for an index of packed search.
pub fn warn_if_packed_torn(index: &PackedIndex) {
    output::warn_if_unfinished(index.path(), index.recovery());
}
