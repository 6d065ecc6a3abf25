//! `hushvec index import`.

use crate::args::{self, Compute, Expected, Weak};
use crate::ciphertexts::Reader;
use crate::failure::Failure;
use crate::ids::IdFile;
use crate::output;
use crate::partial;
use crate::progress::Bar;
use crate::target;
use hushvec::{Evaluator, IndexWriter};
use std::path::PathBuf;
use tracing::info;

/// Options of `hushvec index import`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Public context, or the owner's context
    context: PathBuf,
    /// File of ciphertexts: .npy, (N, `key_len`/2) uint8; or Parquet with the column `ciphertext` and optionally `id`
    ciphertexts: PathBuf,
    /// Index file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    ids: IdFile,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    weak: Weak,
    #[command(flatten)]
    expected: Expected,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    target::check_new(&args.output, "")?;
    let public = args::read_public(&args.context, &args.weak, &args.expected)?;
    args::warn_if_weak(public.parameters());
    let evaluator = Evaluator::with_threads(&public, args.compute.device_or_auto(), args.compute.threads)?;
    let mut ciphertexts = Reader::open(&args.ciphertexts, &public)?;
    let ids = args.ids.read(None, Some(ciphertexts.len()))?;
    // Write to another name, so that an unfinished import does not look like a complete one.
    let partial = partial::of(&args.output);
    if partial.exists() {
        let path = partial.display();
        return Err(Failure::Usage(format!("{path} is left over from an unfinished import; remove it first")));
    }
    let mut writer = IndexWriter::create(&partial, public.key())?;
    let bar = Bar::new("importing", ciphertexts.len());
    let mut first = 0;
    let result = loop {
        let (block, own_ids) = match ciphertexts.read_block() {
            Ok((block, _)) if block.is_empty() => break Ok(()),
            Ok(block) => block,
            Err(failure) => break Err(failure),
        };
        let imported = bar.progress().check().and_then(|()| {
            let vectors =
                evaluator.import(&block).map_err(|error| at_record(error, first).in_file(&args.ciphertexts))?;
            let from = usize::try_from(first).unwrap_or(usize::MAX);
            let ids = ids.as_ref().map(|ids| ids.slice(from..from.saturating_add(vectors.len()))).or(own_ids);
            writer.append(&vectors, ids.as_ref())?;
            first += vectors.len() as u64;
            bar.progress().add(vectors.len() as u64);
            Ok(())
        });
        if let Err(error) = imported {
            break Err(error.into());
        }
    };
    drop(bar);
    if let Err(failure) = result {
        drop(writer);
        std::fs::remove_file(&partial).map_err(Failure::io("remove", &partial))?;
        return Err(failure);
    }
    writer.rename(&args.output)?;
    info!("wrote {} ({})", args.output.display(), output::count(first, "vector"));
    Ok(())
}

/// Adds `first` to the record number of an error, which is counted from the start of the block.
fn at_record(error: hushvec::Error, first: u64) -> hushvec::Error {
    match error {
        hushvec::Error::Ciphertext { record, problem } => {
            hushvec::Error::Ciphertext { record: first + record, problem }
        }
        other => other,
    }
}
