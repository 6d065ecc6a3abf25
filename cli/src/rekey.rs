//! `hushvec rekey`.

use crate::aggregate::warn_if_torn;
use crate::args::{self, Expected, NewPassphrase, Owner};
use crate::failure::Failure;
use crate::output;
use crate::passphrase::{self, Which};
use crate::progress::Bar;
use crate::target;
use hushvec::{ContextFile, ContextInfo, DeviceReport, Devices, Error, Index};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracing::{info, warn};

/// Options of `hushvec rekey`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Decrypts each vector with the old context and encrypts it with the new one. Vectors keep their ids, order and \
distances. Both contexts must have the same embedding length. Import raw ciphertexts with `hushvec index import` first.

Example: move away from a context of XTrace's SDK
  hushvec context new -o new.json --scheme paillier_subgroup
  hushvec index import sdk.json ciphertexts.npy -o old.hvx --allow-weak
  hushvec rekey sdk.json new.json old.hvx -o new.hvx --allow-weak")]
pub struct Args {
    /// Owner's context that the index is encrypted with
    old: PathBuf,
    /// Owner's context to encrypt with
    new: PathBuf,
    /// Index file
    index: PathBuf,
    /// Index file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Continue an unfinished output, if it exists
    #[arg(long)]
    resume: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    passphrase: NewPassphrase,
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
    let index = Index::open(&args.index)?;
    warn_if_torn(&index);
    let (old, new) = (ContextFile::read(&args.old)?, ContextFile::read(&args.new)?);
    check(args, [&old, &new], &index)?;
    let compute = &args.owner.compute;
    let old = args.owner.open(&old)?;
    let passphrase = passphrase::existing(Which::New, args.passphrase.new_passphrase_file.as_deref(), &args.new)?;
    let expected = Expected { expect_id: args.expect_new_id.clone() };
    // Both contexts share threads and GPU, unless they are for different devices.
    let same_device = compute.device.is_some() || args::owner_of(&new)?.device == *old.device();
    let device = same_device.then(|| old.open_device());
    let new = args::open(&new, compute, device, false, &expected, &passphrase)?;

    let started = Instant::now();
    let bar = Bar::new("rekeying", index.len());
    let result = index.rekey(&old, &new, &args.output, exists, bar.progress());
    drop(bar);
    let rekeyed = match result {
        Ok(rekeyed) => rekeyed,
        Err(error) => {
            report_unfinished(&args.output, exists, index.len())?;
            return Err(error.into());
        }
    };
    if let Some(recovery) = rekeyed.recovery {
        output::warn_recovery(&args.output, recovery);
    }
    let (seconds, device) = (started.elapsed().as_secs_f64(), new.device_report());
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
    let Ok(begun) = Index::open(path) else { return Ok(()) };
    let finished = begun.len();
    drop(begun);
    if finished == 0 && !existed {
        return std::fs::remove_file(path).map_err(Failure::io("remove", path));
    }
    warn!("{finished} of {} are in {}; continue with --resume", output::count(total, "vector"), path.display());
    Ok(())
}
