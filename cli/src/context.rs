//! `hushvec context …`.

mod audit;
mod compare;
mod findings;
mod packed;
mod packed_audit;
mod passphrase;
mod proof;
mod show;

use crate::args::{Compute, Owner, Passphrase, public_of};
use crate::failure::Failure;
use crate::passphrase::{self as passphrases, Which};
use crate::suggested::{self, SchemeName};
use crate::target::Target;
use clap::{Subcommand, ValueEnum};
use hushvec::{Devices, ExecutionContext, Format, Parameters, PassphraseKeyProvider, Scheme, StoredContext};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tracing::info;

/// The commands for contexts.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Create a context: new keys, sealed with a passphrase.
    New(New),
    /// Show the parameters and ids of a context, but no secrets. Needs no passphrase.
    Show(show::Args),
    /// Explain how strong a context is and what an attacker could do. Needs no passphrase.
    Audit(audit::Args),
    /// Write the public context, which is all that an evaluator needs.
    Public(Public),
    /// Write the same keys in another format.
    Export(Export),
    /// Change the passphrase. The keys, the id and all encrypted data stay valid.
    Passphrase(passphrase::Args),
    /// Compare two contexts: exit code 0 if they have the same key, 1 if not, 2 if they cannot be compared.
    Compare(compare::Args),
}

/// The formats of context files.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum FormatArg {
    /// hushvec's own format: the whole file is authenticated, and argon2id derives the key from the passphrase.
    Native,
    /// The format of XTrace's SDK.
    Xtrace,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Native => Self::Native,
            FormatArg::Xtrace => Self::XTrace,
        }
    }
}

/// The metrics of packed search.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
#[value(rename_all = "snake_case")]
pub enum MetricArg {
    /// Hamming distances of binary vectors, exact.
    Hamming,
    /// Inner products of real vectors: cosines with a small error.
    InnerProduct,
}

#[derive(clap::Args, Debug)]
pub struct New {
    #[command(flatten)]
    pub target: Target,
    /// Encryption scheme: paillier, paillier_subgroup, paillier_lookup, or packed (lattices: millions of vectors)
    #[arg(long, default_value = "paillier", value_parser = suggested::schemes(), hide_possible_values = true)]
    scheme: SchemeName,
    /// Number of dimensions of a vector: smaller than --key-len, or from 64 to 2048 for packed
    #[arg(long, default_value_t = 512, value_name = "N")]
    pub embedding_length: usize,
    /// Metric of packed search: distances of binary vectors, or cosines of real ones [default: inner_product]
    #[arg(long, value_enum)]
    pub metric: Option<MetricArg>,
    /// Bits per component for inner_product: 4, 5 or 8. More bits make cosines more exact and indexes larger
    /// [default: 4]
    #[arg(long, value_name = "BITS")]
    pub bits: Option<u32>,
    /// Length of each prime in bits, for Paillier: 1024, 1536, 2048, 3072 or 4096 [default: 1024]
    #[arg(long, value_name = "BITS")]
    pub key_len: Option<usize>,
    /// Length of the noise exponent in bits, for paillier_subgroup and paillier_lookup; at least 448 [default: 512]
    #[arg(long, value_name = "BITS")]
    pub alpha_len: Option<usize>,
    /// Format of the file
    #[arg(long, value_enum, default_value = "native")]
    pub format: FormatArg,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// For Paillier: compute everything that needs the secret key on the CPU, whatever the device. Packed search always
    /// does
    #[arg(long)]
    pub secrets_on_cpu: bool,
    #[command(flatten)]
    pub compute: Compute,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

#[derive(clap::Args, Debug)]
pub struct Public {
    /// Owner's context. For packed search, the public context is computed from the secret key: needs the passphrase
    pub context: PathBuf,
    #[command(flatten)]
    pub target: Target,
    /// Open the context with its passphrase first, so that a tampered file cannot publish a wrong key
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    pub owner: Owner,
}

#[derive(clap::Args, Debug)]
pub struct Export {
    /// Owner's context
    context: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Format of the output
    #[arg(long, value_enum)]
    format: FormatArg,
    #[command(flatten)]
    owner: Owner,
}

pub fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::New(args) => new(&args)?,
        Command::Show(args) => show::run(&args)?,
        Command::Audit(args) => audit::run(&args)?,
        Command::Public(args) => public(&args)?,
        Command::Export(args) => export(&args)?,
        Command::Passphrase(args) => passphrase::run(&args)?,
        Command::Compare(args) => return compare::run(&args),
    }
    Ok(ExitCode::SUCCESS)
}

fn new(args: &New) -> Result<(), Failure> {
    args.target.check_for_keys(&[])?;
    let scheme = match args.scheme {
        SchemeName::Packed => return packed::new(args),
        SchemeName::Paillier(scheme) => scheme,
    };
    if args.metric.is_some() || args.bits.is_some() {
        return Err(Failure::Usage("--metric and --bits are for --scheme packed; leave them out".to_owned()));
    }
    let key_len = args.key_len.unwrap_or(Parameters::DEFAULT_KEY_LEN);
    let format = Format::from(args.format);
    // Find wrong parameters before the passphrase is asked for.
    Parameters::new(scheme, args.embedding_length, key_len, args.alpha_len)?.check_strength(false)?;
    Devices::check(&args.compute.device_or_auto())?;
    if format == Format::XTrace && scheme == Scheme::PaillierSubgroup {
        return Err(Failure::Usage("XTrace's SDK does not support paillier_subgroup; use --format native".to_owned()));
    }
    let passphrase = passphrases::chosen(Which::Current, args.passphrase.passphrase_file.as_deref())?;
    let mut builder = ExecutionContext::builder()
        .scheme(scheme)
        .embedding_length(args.embedding_length)
        .key_len(key_len)
        .device(args.compute.device_or_auto())
        .secrets_on_cpu(args.secrets_on_cpu)
        .threads(args.compute.threads)
        .format(format)
        .passphrase(passphrase.as_str());
    if let Some(alpha_len) = args.alpha_len {
        builder = builder.alpha_len(alpha_len);
    }
    if key_len > 2048 {
        info!("generating two primes of {key_len} bits, which can take a minute or two");
    }
    let context = builder.build()?;
    context.save_to_disk(&args.target.output)?;
    show::Description::of(&context)?.print(args.json)?;
    if !args.json {
        info!("wrote {}; keep it and its passphrase: nothing can be decrypted without both", args.target.name());
    }
    Ok(())
}

fn public(args: &Public) -> Result<(), Failure> {
    args.target.check_text(&[&args.context])?;
    let file = match StoredContext::read(&args.context)? {
        StoredContext::Packed(file) => return packed::publish(args, &file),
        StoredContext::Paillier(file) => file,
    };
    let public = if args.verify {
        args.owner.open(&file)?.public_context()
    } else {
        public_of(&file, &args.owner.weak, &args.owner.expected)?
    };
    let staged = args.target.stage()?;
    public.save(staged.path())?;
    staged.finish()?;
    info!(public_id = %public.public_id(), "wrote {} (public id {})", args.target.name(), public.public_id());
    Ok(())
}

fn export(args: &Export) -> Result<(), Failure> {
    args.target.check_for_keys(&[&args.context])?;
    let file = match StoredContext::read(&args.context)? {
        StoredContext::Paillier(file) => file,
        StoredContext::Packed(file) => {
            let file = file.path().display();
            let reason = format!("{file} is a context of packed search, which has the native format only");
            return Err(Failure::Usage(reason));
        }
    };
    let (context, passphrase) = args.owner.open_keeping_passphrase(&file)?;
    let provider = match args.format {
        FormatArg::Native => PassphraseKeyProvider::new(passphrase.as_str())?,
        FormatArg::Xtrace => PassphraseKeyProvider::xtrace(passphrase.as_str(), None)?,
    };
    let exported = context.export(Format::from(args.format), Arc::new(provider))?;
    exported.save_to_disk(&args.target.output)?;
    info!("wrote {} (id {})", args.target.name(), exported.id()?);
    Ok(())
}
