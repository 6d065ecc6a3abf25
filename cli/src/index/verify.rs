//! `hushvec index verify`.

use crate::args::{self, Compute, Expected, Weak};
use crate::failure::Failure;
use crate::output;
use crate::progress::Bar;
use hushvec::{Evaluator, Index, StoredContext};
use serde::Serialize;
use std::path::PathBuf;

/// Options of `hushvec index verify`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Public context. For Paillier, the owner's context works too
    pub context: PathBuf,
    /// Index file
    pub index: PathBuf,
    /// For Paillier: also check that every ciphertext is coprime to n, as all ciphertexts of this key are
    #[arg(long)]
    pub deep: bool,
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
    vectors: u64,
    deleted: u64,
    torn_bytes: u64,
    deep: bool,
    verified: bool,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let file = match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => file,
        StoredContext::Packed(file) => return super::packed::verify(args, &file),
    };
    let public = args::public_of(&file, &args.weak, &args.expected)?;
    args::warn_if_weak(public.parameters());
    let evaluator = Evaluator::with_threads(&public, args.compute.device_or_auto(), args.compute.threads)?;
    let index = Index::open(&args.index)?;
    crate::aggregate::warn_if_torn(&index);
    let bar = Bar::new("verifying", index.len());
    evaluator.verify(&index, args.deep, bar.progress())?;
    drop(bar);
    let torn_bytes = index.recovery().map_or(0, |recovery| recovery.torn_bytes);
    let checks = if args.deep { "ids, ranges and coprimality" } else { "ids and ranges" };
    report(args, [index.len(), index.deleted(), torn_bytes], checks)
}

/// Reports a verified index.
pub fn report(args: &Args, [vectors, deleted, torn_bytes]: [u64; 3], checks: &str) -> Result<(), Failure> {
    if args.json {
        return output::print_json(&Report { vectors, deleted, torn_bytes, deep: args.deep, verified: true });
    }
    output::print(&format!(
        "{}: {} verified: checksums, {checks}\n",
        args.index.display(),
        output::count(vectors, "vector")
    ))
}
