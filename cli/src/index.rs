//! `hushvec index …`.

use crate::args::{self, Compute, Weak};
use crate::failure::Failure;
use crate::npy::{self, RawReader, Writer};
use crate::output;
use crate::progress::Bar;
use clap::Subcommand;
use hushvec::{Evaluator, Index, IndexWriter};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use tracing::info;

/// Ciphertexts imported at a time.
const BLOCK: usize = 4096;

/// What to do with an index.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show what an index holds; with --verify, whether every checksum fits.
    Info(Info),
    /// Write the ciphertexts as a NumPy array: (N, key_len/2) uint8, one little-endian integer a row.
    Export(Export),
    /// Make an index of ciphertexts in a NumPy array, each of them checked.
    Import(Import),
}

#[derive(clap::Args, Debug)]
pub struct Info {
    /// The index
    index: PathBuf,
    /// Read all of it and verify every checksum
    #[arg(long)]
    verify: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
pub struct Export {
    /// The public context, or the owner's
    context: PathBuf,
    /// The index
    index: PathBuf,
    /// The .npy file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write the ids too, to this .npy file
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    weak: Weak,
}

#[derive(clap::Args, Debug)]
pub struct Import {
    /// The public context, or the owner's
    context: PathBuf,
    /// The .npy file of ciphertexts
    ciphertexts: PathBuf,
    /// The index to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Ids of the ciphertexts in a .npy file of integers [default: their row numbers]
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    weak: Weak,
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Info(args) => info(&args),
        Command::Export(args) => export(&args),
        Command::Import(args) => import(&args),
    }
}

#[derive(Serialize)]
struct Report {
    vectors: u64,
    embedding_length: usize,
    key_len: usize,
    public_id: String,
    blocks: usize,
    bytes: u64,
    torn_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

fn info(args: &Info) -> Result<(), Failure> {
    let index = Index::open(&args.index)?;
    if args.verify {
        index.verify()?;
    }
    let report = Report {
        vectors: index.len(),
        embedding_length: index.embedding_length(),
        key_len: index.key_len(),
        public_id: index.public_id().to_string(),
        blocks: index.blocks(),
        bytes: index.bytes(),
        torn_bytes: index.recovery().map_or(0, |recovery| recovery.torn_bytes),
        verified: args.verify.then_some(true),
    };
    if args.json {
        return output::print_json(&report);
    }
    let mut fields = vec![
        ("vectors", report.vectors.to_string()),
        ("embedding length", report.embedding_length.to_string()),
        ("key length", format!("{} bits a prime, {} bits n", report.key_len, 2 * report.key_len)),
        ("public id", report.public_id),
        ("size", format!("{} in {}", output::bytes(report.bytes), output::count(report.blocks as u64, "block"))),
    ];
    if report.torn_bytes > 0 {
        fields.push(("unfinished", format!("{} after the last whole block", output::bytes(report.torn_bytes))));
    }
    if args.verify {
        fields.push(("verified", "every checksum fits".to_owned()));
    }
    output::print(&output::fields(&fields))
}

fn export(args: &Export) -> Result<(), Failure> {
    let public = args::load_public(&args.context, args.weak.allow_weak)?;
    args::warn_if_weak(public.parameters());
    let evaluator = Evaluator::with_threads(&public, args.compute.device_or_auto(), args.compute.threads)?;
    let index = Index::open(&args.index)?;
    crate::aggregate::warn_if_torn(&index);
    let width = public.parameters().ciphertext_bytes() as u64;
    let mut ciphertexts = Writer::<u8>::create(&args.output, &[index.len(), width])?;
    let mut ids = args.ids.as_deref().map(|path| Writer::<u64>::create(path, &[index.len()])).transpose()?;
    let bar = Bar::new("exporting", index.len());
    let mut failure = None;
    let exported = index.export(public.key(), &evaluator, |block_ids, bytes| {
        bar.progress().check()?;
        bar.progress().add(block_ids.len() as u64);
        let written = ciphertexts.write(bytes.iter().copied()).and_then(|()| match &mut ids {
            Some(ids) => ids.write(block_ids.iter().copied()),
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
    info!("wrote {} ({})", args.output.display(), output::count(index.len(), "ciphertext"));
    Ok(())
}

fn import(args: &Import) -> Result<(), Failure> {
    let public = args::load_public(&args.context, args.weak.allow_weak)?;
    args::warn_if_weak(public.parameters());
    let evaluator = Evaluator::with_threads(&public, args.compute.device_or_auto(), args.compute.threads)?;
    let mut ciphertexts = RawReader::open(&args.ciphertexts, public.parameters().ciphertext_bytes())?;
    let ids = args.ids.as_deref().map(npy::read_ids).transpose()?;
    if let Some(ids) = &ids
        && ids.len() as u64 != ciphertexts.len()
    {
        return Err(Failure::Usage(format!("{} ids were given for {} ciphertexts", ids.len(), ciphertexts.len())));
    }
    let mut writer = IndexWriter::create(&args.output, Arc::clone(public.key()))?;
    let bar = Bar::new("importing", ciphertexts.len());
    let mut first = 0;
    let result = loop {
        let block = match ciphertexts.read_block(BLOCK) {
            Ok(block) if block.is_empty() => break Ok(()),
            Ok(block) => block,
            Err(failure) => break Err(failure),
        };
        let imported = bar.progress().check().and_then(|()| {
            let vectors =
                evaluator.import(&block).map_err(|error| at_record(error, first).in_file(&args.ciphertexts))?;
            let from = usize::try_from(first).unwrap_or(usize::MAX);
            writer.append(&vectors, ids.as_deref().and_then(|ids| ids.get(from..from + vectors.len())))?;
            first += vectors.len() as u64;
            bar.progress().add(vectors.len() as u64);
            Ok(())
        });
        if let Err(error) = imported {
            break Err(error.into());
        }
    };
    drop(bar);
    writer.sync()?;
    if let Err(failure) = result {
        // A half-imported index would look like a whole one.
        drop(writer);
        std::fs::remove_file(&args.output).map_err(Failure::io("remove", &args.output))?;
        return Err(failure);
    }
    info!("wrote {} ({})", args.output.display(), output::count(first, "vector"));
    Ok(())
}

/// Errors count records from the start of a block, people from the start of the file.
fn at_record(error: hushvec::Error, first: u64) -> hushvec::Error {
    match error {
        hushvec::Error::Ciphertext { record, problem } => {
            hushvec::Error::Ciphertext { record: first + record, problem }
        }
        other => other,
    }
}
