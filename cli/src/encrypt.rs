//! `hushvec encrypt`.

mod destination;
mod encryptor;

use crate::args::{self, Owner};
use crate::failure::Failure;
use crate::ids::IdFile;
use crate::npy::{Packing, Vectors};
use crate::output;
use crate::progress::Bar;
use destination::Destination;
use encryptor::Encryptor;
use hushvec::{DeviceReport, Ids, IndexWriter, Shard};
use serde::Serialize;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Instant;
use tracing::{info, warn};

/// Options of `hushvec encrypt`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The owner's context; or a public context, which encrypts too, only slower
    context: PathBuf,
    /// Vectors in a .npy file, one a row: 0/1 as booleans or integers, or floats (1 where above zero)
    vectors: PathBuf,
    /// The index to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Go on with an index that was left unfinished, if there is one: rows that it has are not encrypted again
    #[arg(long, conflicts_with = "append")]
    resume: bool,
    /// Add the vectors to an index that exists
    #[arg(long)]
    append: bool,
    /// Encrypt part I of N equal parts only, counted from 0. The index appears when it is whole; `hushvec index merge`
    /// joins the parts
    #[arg(long, value_name = "I/N", conflicts_with = "append")]
    shard: Option<Shard>,
    #[command(flatten)]
    ids: IdFile,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    packing: Packing,
    #[command(flatten)]
    owner: Owner,
}

#[derive(Serialize)]
struct Report {
    encrypted: u64,
    skipped: u64,
    total: u64,
    seconds: f64,
    device: DeviceReport,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    // What is wrong with the input is said before a passphrase is asked for.
    let destination = Destination::find(args)?;
    let public = args::load_public(&args.context, args.owner.weak.allow_weak)?;
    let mut vectors = Vectors::open(&args.vectors, public.parameters().embedding_length(), &args.packing)?;
    let ids = args.ids.read(destination.id_kind()?, vectors.len())?;
    let rows = args.shard.map_or(0..vectors.len(), |shard| shard.rows(vectors.len()));
    let encryptor = Encryptor::open(&args.context, &args.owner, &public)?;
    let mut writer = destination.open(args, &encryptor)?;
    let finished = if args.append { 0 } else { writer.appended() };
    let skipped = destination.skip_finished(args, &encryptor, &mut vectors, &rows, ids.as_ref(), finished)?;

    let started = Instant::now();
    let mut next = rows.start + skipped..rows.end;
    let todo = next.end - next.start;
    let result = encrypt(args, &encryptor, &mut vectors, &mut writer, ids.as_ref(), &mut next);
    let encrypted = todo - (next.end - next.start);
    let (total, path) = (writer.len(), destination.path().to_owned());
    let synced = destination.finish(args, writer, result.is_ok());
    let seconds = started.elapsed().as_secs_f64();
    if let Err(failure) = result {
        if synced.is_ok() && path.exists() {
            let (done, all) = (skipped + encrypted, output::count(rows.end - rows.start, "vector"));
            warn!("{done} of {all} are in {}; go on with --resume", path.display());
        }
        return Err(failure);
    }
    synced?;
    let device = encryptor.device_report();
    output::require_gpu(&device)?;
    if args.json {
        return output::print_json(&Report { encrypted, skipped, total, seconds, device });
    }
    #[expect(clippy::cast_precision_loss, reason = "it is rounded to a whole number anyway")]
    let rate = encrypted as f64 / seconds.max(1e-9);
    info!(
        encrypted,
        total,
        seconds,
        device = device.used,
        "encrypted {} in {seconds:.2} s ({rate:.0}/s on {}); {} has {}",
        output::count(encrypted, "vector"),
        device.used,
        args.output.display(),
        total
    );
    Ok(())
}

/// Encrypts rows of the input until there are no more, or something stops it. `next` are those that are left.
fn encrypt(
    args: &Args,
    encryptor: &Encryptor,
    vectors: &mut Vectors,
    writer: &mut IndexWriter,
    ids: Option<&Ids>,
    next: &mut Range<u64>,
) -> Result<(), Failure> {
    let bar = Bar::new("encrypting", next.end - next.start);
    while !next.is_empty() {
        bar.progress().check()?;
        let left = usize::try_from(next.end - next.start).unwrap_or(usize::MAX);
        let block = vectors.read_block(encryptor.block().min(left))?;
        let rows = block.len();
        let first = usize::try_from(next.start).unwrap_or(usize::MAX);
        let ids = match ids {
            Some(ids) => Some(ids.slice(first..first.saturating_add(rows))),
            None if args.append => None,
            None => Some(Ids::from(next.start..next.start + rows as u64)),
        };
        writer.append(&encryptor.encrypt(&block)?, ids.as_ref())?;
        next.start += rows as u64;
        bar.progress().add(rows as u64);
    }
    Ok(())
}
