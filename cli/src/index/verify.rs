//! `hushvec index verify`.

use crate::args::{self, Compute, Expected, Weak};
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::{Evaluator, Index};
use serde::Serialize;
use std::path::PathBuf;

/// Options of `hushvec index verify`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Public context, or the owner's context
    context: PathBuf,
    /// Index file
    index: PathBuf,
    /// Also check that every ciphertext is coprime to n, as all ciphertexts of this key are
    #[arg(long)]
    deep: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    weak: Weak,
    #[command(flatten)]
    expected: Expected,
}

#[derive(Serialize)]
struct Report {
    vectors: u64,
    deleted: u64,
    torn_bytes: u64,
    deep: bool,
    verified: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let public = args::read_public(&args.context, &args.weak, &args.expected)?;
    args::warn_if_weak(public.parameters());
    let evaluator = Evaluator::with_threads(&public, args.compute.device_or_auto(), args.compute.threads)?;
    let index = Index::open(&args.index)?;
    crate::aggregate::warn_if_torn(&index);
    let bar = Bar::new("verifying", index.len());
    evaluator.verify(&index, args.deep, bar.progress())?;
    drop(bar);
    let torn_bytes = index.recovery().map_or(0, |recovery| recovery.torn_bytes);
    let (vectors, deleted, deep) = (index.len(), index.deleted(), args.deep);
    if args.json {
        return output::print_json(&Report { vectors, deleted, torn_bytes, deep, verified: true });
    }
    let checks = if deep { "ids, ranges and coprimality" } else { "ids and ranges" };
    output::print(&format!(
        "{}: {} verified: checksums, {checks}\n",
        args.index.display(),
        output::count(vectors, "vector")
    ))
}
