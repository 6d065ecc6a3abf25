//! `hushvec encrypt`.

mod destination;
mod encryptor;
mod options;
mod packed_plan;
mod plan;
mod writer;

pub use options::Args;

use crate::failure::Failure;
use crate::input::{Block, Input};
use crate::output;
use crate::packed;
use crate::progress::Bar;
use destination::Destination;
use encryptor::Encryptor;
use hushvec::{DeviceReport, Ids, StoredContext};
use serde::Serialize;
use std::ops::Range;
use std::path::Display;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;
use tracing::{info, warn};
use writer::Writer;

/// The number of blocks read ahead while another is encrypted.
const AHEAD: usize = 2;

#[derive(Serialize)]
struct Report {
    encrypted: u64,
    skipped: u64,
    total: u64,
    /// The standard deviation of the error of a cosine, for inner products.
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine_error: Option<f64>,
    seconds: f64,
    device: DeviceReport,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    // Find errors in the input before the passphrase is asked for.
    let destination = Destination::find(args)?;
    let file = StoredContext::read(&args.context)?;
    let input = match &file {
        StoredContext::Paillier(file) => {
            let dimensions = args.owner.public_of(file)?.parameters().embedding_length();
            Input::open(&args.vectors, dimensions, &args.format, args.id_source())?
        }
        StoredContext::Packed(file) => {
            args.owner.check_packed(file)?;
            packed::vectors::open(&args.vectors, file.parameters(), &args.format, args.id_source())?
        }
    };
    let ids = args.ids.read(destination.id_kind()?, input.rows())?;
    let mut input = input.with_ids(ids);
    let rows = args.rows(input.rows())?;
    if args.dry_run {
        let finished = destination.finished()?;
        return match &file {
            StoredContext::Paillier(file) => plan::report(args, file, &mut input, rows, finished),
            StoredContext::Packed(file) => packed_plan::report(args, file, &mut input, rows, finished),
        };
    }
    let encryptor = Encryptor::open(&file, &args.owner)?;
    let mut writer = destination.open(args, &encryptor)?;
    let finished = if args.append { 0 } else { writer.appended() };
    let skipped = destination.skip_finished(args, &encryptor, &mut input, &rows, finished)?;

    let started = Instant::now();
    let first = rows.start + skipped;
    let mut next = first..rows.end;
    let result = encrypt(args.append, &encryptor, &mut input, &mut writer, &mut next);
    let encrypted = next.start - first;
    let (total, path) = (writer.len(), destination.path().to_owned());
    let synced = destination.finish(args, writer, result.is_ok());
    let seconds = started.elapsed().as_secs_f64();
    if let Err(failure) = result {
        if synced.is_ok() && path.exists() {
            let all = input.rows().map(|_| rows.end - rows.start);
            let path = path.display();
            if args.append {
                warn!("{}", added(encrypted, all, total, &path));
            } else {
                warn!("{}", unfinished(skipped + encrypted, all, &path));
            }
        }
        return Err(failure);
    }
    synced?;
    let device = encryptor.device_report();
    output::require_gpu(&device)?;
    if args.json {
        return output::print_json(&Report {
            encrypted,
            skipped,
            total,
            cosine_error: encryptor.cosine_error(),
            seconds,
            device,
        });
    }
    #[expect(clippy::cast_precision_loss, reason = "rounded to a whole number")]
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
    if let Some(error) = encryptor.cosine_error() {
        info!("cosines will have a standard error of {error:.4}");
    }
    Ok(())
}

/// Describes an index after an interrupted run: `done` of `all` vectors, if their number is known.
fn unfinished(done: u64, all: Option<u64>, path: &Display<'_>) -> String {
    match all {
        Some(all) => format!("{done} of {} are in {path}; continue with --resume", output::count(all, "vector")),
        None => format!("{} are in {path}; continue with --resume and the same input", output::count(done, "vector")),
    }
}

/// Describes an index of `total` vectors after an interrupted `--append`.
fn added(added: u64, all: Option<u64>, total: u64, path: &Display<'_>) -> String {
    let total = output::count(total, "vector");
    if added == 0 {
        return format!("nothing was added to {path}, which still has {total}; run the same command again");
    }
    let of = all.map_or(String::new(), |all| format!(" of {all}"));
    format!(
        "{added}{of} new vectors were added to {path}, which has {total}; append only the rows from {added} on, \
         counted from 0, or the earlier rows are stored twice"
    )
}

/// Encrypts the rows `next` of the input, and advances `next` past the finished rows.
fn encrypt(
    append: bool,
    encryptor: &Encryptor,
    input: &mut Input,
    writer: &mut Writer,
    next: &mut Range<u64>,
) -> Result<(), Failure> {
    let known = input.rows().is_some();
    let bar = Bar::new("encrypting", known.then_some(next.end - next.start));
    let (size, rows) = (encryptor.block(), next.clone());
    std::thread::scope(|scope| {
        let (sender, blocks) = sync_channel(AHEAD);
        scope.spawn(move || read_ahead(input, size, rows, &sender));
        for block in blocks {
            bar.progress().check()?;
            let mut block = block?;
            let rows = block.vectors.len() as u64;
            let ids = match block.ids.take() {
                None if !append => Some(Ids::from(next.start..next.start + rows)),
                ids => ids,
            };
            let first = next.start;
            writer.append(encryptor, block, ids.as_ref()).map_err(|error| error.counted_from(first))?;
            next.start += rows;
            bar.progress().add(rows);
        }
        if known && !next.is_empty() {
            let left = output::count(next.end - next.start, "vector");
            return Err(Failure::Other(format!(
                "the input is shorter than its header says, or was truncated while it was read: {left} missing"
            )));
        }
        Ok(())
    })
}

/// Reads blocks until the end, an error, or the receiver is gone.
fn read_ahead(input: &mut Input, size: usize, rows: Range<u64>, sender: &SyncSender<Result<Block, Failure>>) {
    let mut left = rows.end - rows.start;
    while left > 0 {
        let block = input.read_block(size.min(usize::try_from(left).unwrap_or(usize::MAX)));
        match &block {
            Ok(block) if block.vectors.is_empty() => return,
            Ok(block) => left -= block.vectors.len() as u64,
            Err(_) => left = 0,
        }
        if sender.send(block).is_err() {
            return;
        }
    }
}
