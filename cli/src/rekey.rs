//! `hushvec rekey`.

mod packed;

use crate::aggregate::warn_if_torn;
use crate::args::{self, Expected, NewPassphrase, Owner};
use crate::failure::Failure;
use crate::index_file::IndexFile;
use crate::output;
use crate::passphrase::{self, Which};
use crate::progress::Bar;
use crate::target;
use hushvec::{ContextFile, ContextInfo, DeviceReport, Devices, Error, Index, Rekeyed, StoredContext};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracing::{info, warn};

/// Options of `hushvec rekey`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Decrypts each vector with the old context and encrypts it with the new one. Vectors keep their ids, order and \
distances. Both contexts must have the same embedding length. An index moves between Paillier keys, from Paillier to \
packed search with the metric hamming, and between contexts of packed search with the same metric and bits. Import raw \
ciphertexts with `hushvec index import` first.

Example: move away from a context of XTrace's SDK
  hushvec context new -o new.json --scheme paillier_subgroup
  hushvec index import sdk.json ciphertexts.npy -o old.hvx --allow-weak
  hushvec rekey sdk.json new.json old.hvx -o new.hvx --allow-weak")]
pub struct Args {
    /// Owner's context that the index is encrypted with
    old: PathBuf,
    /// Owner's context to encrypt with
    pub new: PathBuf,
    /// Index file
    pub index: PathBuf,
    /// Index file to write
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Continue an unfinished output, if it exists
    #[arg(long)]
    resume: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub owner: Owner,
    #[command(flatten)]
    pub passphrase: NewPassphrase,
    /// Refuse the new context unless this is its id or its public id; --expect-id checks the old one
    #[arg(long, value_name = "ID")]
    expect_new_id: Option<String>,
}

#[derive(Serialize)]
struct Report {
    moved: u64,
    skipped: u64,
    total: u64,
    seconds: f64,
    device: DeviceReport,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let exists = args.output.exists();
    if !exists || !args.resume {
        target::check_new(&args.output, "give --resume to continue it, or ")?;
    }
    match (StoredContext::read(&args.old)?, StoredContext::read(&args.new)?) {
        (StoredContext::Paillier(old), StoredContext::Paillier(new)) => rekey(args, &old, &new, exists),
        (old, StoredContext::Packed(new)) => packed::run(args, &old, &new, exists),
        (StoredContext::Packed(_), StoredContext::Paillier(_)) => Err(Failure::Usage(format!(
            "{} has a key of packed search, and {} one of Paillier: an index moves from Paillier to packed search, not \
             back",
            args.old.display(),
            args.new.display()
        ))),
    }
}

fn rekey(args: &Args, old: &ContextFile, new: &ContextFile, exists: bool) -> Result<(), Failure> {
    let index = Index::open(&args.index)?;
    warn_if_torn(&index);
    check(args, [old, new], &index)?;
    let compute = &args.owner.compute;
    let old = args.owner.open(old)?;
    let passphrase = passphrase::existing(Which::New, args.passphrase.new_passphrase_file.as_deref(), &args.new)?;
    // Both contexts share threads and GPU, unless they are for different devices.
    let same_device = compute.device.is_some() || args::owner_of(new)?.device == *old.device();
    let device = same_device.then(|| old.open_device());
    let new = args::open(new, compute, device, false, &expected_new(args), &passphrase)?;

    let started = Instant::now();
    let bar = Bar::new("rekeying", index.len());
    let result = index.rekey(&old, &new, &args.output, exists, bar.progress());
    drop(bar);
    finish(args, exists, Finished { result, vectors: index.len(), started, device: new.device_report() })
}

/// The id that the new context must have, if one is given.
pub fn expected_new(args: &Args) -> Expected {
    Expected { expect_id: args.expect_new_id.clone() }
}

/// The end of a run: its result, and the number of vectors in the old index.
pub struct Finished {
    pub result: Result<Rekeyed, Error>,
    pub vectors: u64,
    pub started: Instant,
    pub device: DeviceReport,
}

/// Reports the result of a run.
pub fn finish(args: &Args, exists: bool, run: Finished) -> Result<(), Failure> {
    let Finished { result, vectors, started, device } = run;
    let rekeyed = match result {
        Ok(rekeyed) => rekeyed,
        Err(error) => {
            report_unfinished(&args.output, exists, vectors)?;
            return Err(error.into());
        }
    };
    if let Some(recovery) = rekeyed.recovery {
        output::warn_recovery(&args.output, recovery);
    }
    let seconds = started.elapsed().as_secs_f64();
    output::require_gpu(&device)?;
    let total = rekeyed.moved + rekeyed.skipped;
    if args.json {
        return output::print_json(&Report { moved: rekeyed.moved, skipped: rekeyed.skipped, total, seconds, device });
    }
    info!(
        moved = rekeyed.moved,
        skipped = rekeyed.skipped,
        total,
        seconds,
        "re-encrypted {} in {seconds:.2} s; {} has {total}",
        output::count(rekeyed.moved, "vector"),
        args.output.display(),
    );
    info!(
        "{} is still readable to anyone with its key: delete it and its copies once the new index is in use",
        args.index.display()
    );
    Ok(())
}

/// Finds errors before the passphrase is asked for.
fn check(args: &Args, [old, new]: [&ContextFile; 2], index: &Index) -> Result<(), Failure> {
    let old = args.owner.check(old)?;
    let new = args::owner_of(new)?;
    if let Some(weakness) = new.parameters.weakness() {
        let new = args.new.display();
        return Err(Failure::Usage(format!("{new}: cannot move to a weak key: {weakness}")));
    }
    Devices::check(args.owner.compute.device.as_ref().unwrap_or(&new.device))?;
    if index.public_id() != old.public.public_id() {
        let (expected, actual) = (old.public.public_id().to_string(), index.public_id().to_string());
        return Err(Error::WrongKey { what: "an index", expected, actual }.in_file(&args.index).into());
    }
    same_kind(args, old, new)
}

fn same_kind(args: &Args, old: &ContextInfo, new: &ContextInfo) -> Result<(), Failure> {
    let dimensions = [old, new].map(|info| info.parameters.embedding_length());
    let (old_file, new_file) = (args.old.display(), args.new.display());
    if old.public.public_id() == new.public.public_id() {
        return Err(Failure::Usage(format!(
            "{old_file} and {new_file} have the same key, so there is nothing to move; see `hushvec context compare`"
        )));
    }
    if dimensions[0] != dimensions[1] {
        return Err(Failure::Usage(format!(
            "{old_file} is for {} dimensions, {new_file} for {}; create the new one with --embedding-length {}",
            dimensions[0], dimensions[1], dimensions[0]
        )));
    }
    Ok(())
}

/// Reports the progress after a failure. An empty output is removed.
fn report_unfinished(path: &Path, existed: bool, total: u64) -> Result<(), Failure> {
    let Ok(begun) = IndexFile::open(path) else { return Ok(()) };
    let finished = begun.len();
    drop(begun);
    if finished == 0 && !existed {
        return std::fs::remove_file(path).map_err(Failure::io("remove", path));
    }
    warn!("{finished} of {} are in {}; continue with --resume", output::count(total, "vector"), path.display());
    Ok(())
}
