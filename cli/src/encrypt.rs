//! `hushvec encrypt`.

use crate::args::{self, Owner};
use crate::failure::Failure;
use crate::npy::{self, Packing, Vectors};
use crate::output;
use crate::progress::Bar;
use hushvec::{
    BitMatrix, Ciphertexts, DeviceReport, Error, Evaluator, ExecutionContext, HomomorphicClient, Index, IndexWriter,
    PublicContext, PublicKey, Scheme,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
    /// Go on with an index that was left unfinished: rows that it has are not encrypted again
    #[arg(long, conflicts_with = "append")]
    resume: bool,
    /// Add the vectors to an index that exists
    #[arg(long)]
    append: bool,
    /// Ids of the vectors in a .npy file of integers [default: their row numbers]
    #[arg(long, value_name = "FILE")]
    ids: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    packing: Packing,
    #[command(flatten)]
    owner: Owner,
}

/// Who encrypts.
enum Encryptor {
    Owner(Box<ExecutionContext>),
    Public(Box<Evaluator>),
}

impl Encryptor {
    fn open(args: &Args, public: &PublicContext) -> Result<Self, Failure> {
        let path = &args.context;
        if args::is_owner_context(path) {
            return Ok(Self::Owner(Box::new(args.owner.load(path)?)));
        }
        args::warn_if_weak(public.parameters());
        let compute = &args.owner.compute;
        let evaluator = Evaluator::with_threads(public, compute.device_or_auto(), compute.threads)?;
        Ok(Self::Public(Box::new(evaluator)))
    }

    fn key(&self) -> &Arc<PublicKey> {
        match self {
            Self::Owner(context) => context.public_key(),
            Self::Public(evaluator) => evaluator.public_key(),
        }
    }

    fn encrypt(&self, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
        match self {
            Self::Owner(context) => context.encrypt_vec_batch(vectors),
            Self::Public(evaluator) => evaluator.encrypt_vec_batch(vectors),
        }
    }

    fn device_report(&self) -> DeviceReport {
        match self {
            Self::Owner(context) => context.device_report(),
            Self::Public(evaluator) => evaluator.device_report(),
        }
    }

    /// Vectors a block: enough for every thread to share the tables, few enough for a block to take seconds at most.
    fn block(&self) -> usize {
        match self.key().parameters().scheme() {
            Scheme::Paillier => 256,
            _ => 2048,
        }
    }
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
    let exists = args.output.exists();
    if exists && !args.resume && !args.append {
        return Err(Failure::Usage(format!(
            "{} exists; give --resume to go on with it, --append to add to it, or another name",
            args.output.display()
        )));
    }
    // What is wrong with the input is said before a passphrase is asked for.
    let public = args::load_public(&args.context, args.owner.weak.allow_weak)?;
    let mut vectors = Vectors::open(&args.vectors, public.parameters().embedding_length(), &args.packing)?;
    let ids = args.ids.as_deref().map(npy::read_ids).transpose()?;
    if let Some(ids) = &ids
        && ids.len() as u64 != vectors.len()
    {
        let (ids, rows) = (ids.len(), vectors.len());
        return Err(Failure::Usage(format!("{ids} ids were given for {}", output::count(rows, "vector"))));
    }
    let encryptor = Encryptor::open(args, &public)?;
    let mut writer = if exists {
        let (writer, recovery) = IndexWriter::append_to(&args.output, Arc::clone(encryptor.key()))?;
        if let Some(recovery) = recovery {
            warn!(
                "cut {} of an unfinished block off {}; {} kept",
                output::bytes(recovery.torn_bytes),
                args.output.display(),
                output::count(recovery.kept, "vector"),
            );
        }
        writer
    } else {
        IndexWriter::create(&args.output, Arc::clone(encryptor.key()))?
    };
    let skipped = if args.resume { skip_finished(args, &encryptor, &mut vectors, writer.len())? } else { 0 };

    let started = Instant::now();
    let bar = Bar::new("encrypting", vectors.len() - skipped);
    let mut done = skipped;
    let result = loop {
        if bar.progress().is_cancelled() {
            break Err(Failure::Engine(Error::Cancelled));
        }
        let block = match vectors.read_block(encryptor.block()) {
            Ok(block) if block.is_empty() => break Ok(()),
            Ok(block) => block,
            Err(failure) => break Err(failure),
        };
        let rows = block.len();
        let first = usize::try_from(done).unwrap_or(usize::MAX);
        let ids = ids.as_deref().and_then(|ids| ids.get(first..first + rows));
        if let Err(error) = encryptor.encrypt(&block).and_then(|block| writer.append(&block, ids)) {
            break Err(error.into());
        }
        done += rows as u64;
        bar.progress().add(rows as u64);
    };
    drop(bar);
    writer.sync()?;
    let seconds = started.elapsed().as_secs_f64();
    if let Err(failure) = result {
        if writer.is_empty() && !exists {
            drop(writer);
            std::fs::remove_file(&args.output).map_err(Failure::io("remove", &args.output))?;
            return Err(failure);
        }
        warn!(
            "{} of {} are in {}; go on with --resume",
            done,
            output::count(vectors.len(), "vector"),
            args.output.display()
        );
        return Err(failure);
    }
    let (encrypted, total, device) = (done - skipped, writer.len(), encryptor.device_report());
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

/// Passes over the rows that an index has already, having looked whether it is really these.
fn skip_finished(args: &Args, encryptor: &Encryptor, vectors: &mut Vectors, finished: u64) -> Result<u64, Failure> {
    if finished > vectors.len() {
        return Err(Failure::Usage(format!(
            "{} has {}, but {} only {}: it is not the index of this file",
            args.output.display(),
            output::count(finished, "vector"),
            args.vectors.display(),
            vectors.len()
        )));
    }
    match encryptor {
        Encryptor::Owner(context) if finished > 0 => {
            vectors.skip(finished - 1)?;
            let last = vectors.read_block(1)?;
            check_same(context, &args.output, finished - 1, &last)?;
        }
        _ => vectors.skip(finished)?,
    }
    Ok(finished)
}

/// Compares the last vector of the index with the row of the input that it should be: their distance must be 0.
fn check_same(context: &ExecutionContext, path: &Path, row: u64, vector: &BitMatrix) -> Result<(), Failure> {
    let index = Index::open(path)?;
    let Some((_, stored)) = index.get(context.public_key(), row)? else { return Ok(()) };
    let own = context.encrypt_vec_batch(vector)?.get(0).ok_or(Error::Missing("no vector was read"))?;
    if context.decode_hamming_client_one(&context.add(&stored, &own)?)? == 0 {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "row {row} of the input is not vector {row} of {}: it is not the index of this file (--append adds to it)",
        path.display()
    )))
}
