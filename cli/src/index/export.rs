//! `hushvec index export`.

use crate::args::{self, Compute, Expected, Weak};
use crate::ciphertexts::{Format, Writer};
use crate::failure::Failure;
use crate::ids::npy::IdWriter;
use crate::output;
use crate::progress::Bar;
use crate::target;
use hushvec::{Evaluator, Index};
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec index export`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Public context, or the owner's context
    context: PathBuf,
    /// Index file
    index: PathBuf,
    /// File to write: a table of ids and ciphertexts if its name ends in .parquet, else a NumPy array of ciphertexts
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace output files if they exist. Inputs and files that hold a secret key are never replaced
    #[arg(long)]
    force: bool,
    /// Format to write [default: by the name of the output]
    #[arg(long)]
    format: Option<Format>,
    /// Also write the ids to this file: as a NumPy array if its name ends in .npy, else as text with one id per line
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    weak: Weak,
    #[command(flatten)]
    expected: Expected,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    check_targets(args)?;
    let public = args::read_public(&args.context, &args.weak, &args.expected)?;
    args::warn_if_weak(public.parameters());
    let evaluator = Evaluator::with_threads(&public, args.compute.device_or_auto(), args.compute.threads)?;
    let index = Index::open(&args.index)?;
    crate::aggregate::warn_if_torn(&index);
    let format = args.format.unwrap_or_else(|| Format::of(&args.output));
    let mut ciphertexts = Writer::create(&args.output, format, &index, &public)?;
    let mut ids = args.ids.as_deref().map(|path| IdWriter::create(path, &index)).transpose()?;
    let bar = Bar::new("exporting", index.len());
    let mut failure = None;
    let exported = index.export(public.key(), &evaluator, |block_ids, bytes| {
        bar.progress().check()?;
        bar.progress().add(block_ids.len() as u64);
        let written = ciphertexts.write(block_ids, bytes).and_then(|()| match &mut ids {
            Some(ids) => ids.write(block_ids),
            None => Ok(()),
        });
        written.map_err(|error| {
            failure = Some(error);
            hushvec::Error::Cancelled
        })
    });
    drop(bar);
    if let Some(failure) = failure {
        return Err(failure);
    }
    exported?;
    ciphertexts.finish()?;
    if let Some(ids) = ids {
        ids.finish()?;
    }
    info!("wrote {} ({})", target::name(&args.output), output::count(index.len(), "ciphertext"));
    Ok(())
}

fn check_targets(args: &Args) -> Result<(), Failure> {
    let inputs = [args.context.as_path(), &args.index];
    target::check_binary(&args.output, args.force, &inputs)?;
    let Some(ids) = &args.ids else { return Ok(()) };
    if *ids == args.output {
        return Err(Failure::Usage(format!(
            "{} cannot hold both ciphertexts and ids; change --ids",
            target::name(ids)
        )));
    }
    target::check_stream(ids, args.force, &inputs)
}
