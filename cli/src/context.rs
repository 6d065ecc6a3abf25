//! `hushvec context …`.

use crate::args::{Compute, Owner, Passphrase, Weak, warn_if_weak};
use crate::failure::Failure;
use crate::{output, passphrase};
use clap::{Subcommand, ValueEnum};
use hushvec::{
    ContextInfo, Devices, ExecutionContext, Format, Parameters, PassphraseKeyProvider, PublicContext, Scheme,
};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::info;

/// What to do with a context.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a new context: fresh keys, sealed with a passphrase.
    New(New),
    /// Show what a context is, without secrets and without the passphrase.
    Show(Show),
    /// Write the public context: what an evaluator needs, and nothing else.
    Public(Public),
    /// Write the same keys in another format.
    Export(Export),
}

/// The formats by name.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum FormatArg {
    /// This program's own: authenticated as a whole, argon2id.
    Native,
    /// That of XTrace's SDK.
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

#[derive(clap::Args, Debug)]
pub struct New {
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// paillier, paillier_subgroup or paillier_lookup
    #[arg(long, default_value = "paillier")]
    scheme: Scheme,
    /// Dimensions of a vector; below key-len
    #[arg(long, default_value_t = 512, value_name = "N")]
    embedding_length: usize,
    /// Length of each prime in bits: 1024, 1536, 2048, 3072 or 4096
    #[arg(long, default_value_t = Parameters::DEFAULT_KEY_LEN, value_name = "BITS")]
    key_len: usize,
    /// Length of the noise exponent in bits, for paillier_subgroup and paillier_lookup; at least 448 [default: 512]
    #[arg(long, value_name = "BITS")]
    alpha_len: Option<usize>,
    #[arg(long, value_enum, default_value = "native")]
    format: FormatArg,
    /// Replace the output file if it exists: the keys in it are then lost
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Keep everything that needs a secret on the processor, whatever the device
    #[arg(long)]
    secrets_on_cpu: bool,
    #[command(flatten)]
    compute: Compute,
    #[command(flatten)]
    passphrase: Passphrase,
}

#[derive(clap::Args, Debug)]
pub struct Show {
    /// A context of either format, or a public context
    context: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Open the context with its passphrase and check every field against every other
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    owner: Owner,
}

#[derive(clap::Args, Debug)]
pub struct Public {
    /// The owner's context
    context: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Open the context with its passphrase first, so that a changed file cannot publish a wrong key
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    owner: Owner,
}

#[derive(clap::Args, Debug)]
pub struct Export {
    /// The owner's context
    context: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_enum)]
    format: FormatArg,
    /// Replace the output file if it exists: the keys in it are then lost
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    owner: Owner,
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::New(args) => new(&args),
        Command::Show(args) => show(&args),
        Command::Public(args) => public(&args),
        Command::Export(args) => export(&args),
    }
}

/// What JSON says about a context.
#[derive(Serialize)]
struct Description {
    id: Option<String>,
    public_id: String,
    format: &'static str,
    scheme: &'static str,
    embedding_length: usize,
    key_len: usize,
    alpha_len: Option<usize>,
    strength_bits: usize,
    device: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secrets_on_cpu: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<bool>,
}

impl Description {
    fn new(parameters: &Parameters, public: &PublicContext, format: &'static str) -> Self {
        Self {
            id: None,
            public_id: public.public_id().to_string(),
            format,
            scheme: parameters.scheme().name(),
            embedding_length: parameters.embedding_length(),
            key_len: parameters.key_len(),
            alpha_len: parameters.alpha_len(),
            strength_bits: parameters.strength_bits(),
            device: None,
            secrets_on_cpu: false,
            verified: None,
        }
    }

    fn of(context: &ExecutionContext) -> Result<Self, Failure> {
        let mut description = Self::new(context.parameters(), &context.public_context(), context.format().name());
        description.id = Some(context.id()?);
        description.device = Some(context.device().to_string());
        description.secrets_on_cpu = context.secrets_on_cpu();
        Ok(description)
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return output::print_json(self);
        }
        let mut fields = vec![
            ("id", self.id.clone().unwrap_or_else(|| "takes the passphrase to compute (--verify)".to_owned())),
            ("public id", self.public_id.clone()),
            ("format", self.format.to_owned()),
            ("scheme", self.scheme.to_owned()),
            ("embedding length", self.embedding_length.to_string()),
            ("key length", format!("{} bits a prime, {} bits n", self.key_len, 2 * self.key_len)),
        ];
        if let Some(alpha_len) = self.alpha_len {
            fields.push(("alpha length", format!("{alpha_len} bits")));
        }
        fields.push(("strength", format!("about {} bits", self.strength_bits)));
        if let Some(device) = &self.device {
            let secrets = if self.secrets_on_cpu { "; secrets stay on the cpu" } else { "" };
            fields.push(("device", format!("{device}{secrets}")));
        }
        if self.verified == Some(true) {
            fields.push(("verified", "every field, with the secret key".to_owned()));
        }
        output::print(&output::fields(&fields))
    }
}

fn check_free(path: &Path, force: bool) -> Result<(), Failure> {
    if force || !path.exists() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} exists. Overwriting a context loses its keys and everything encrypted with them; choose another name or give \
         --force",
        path.display()
    )))
}

fn new(args: &New) -> Result<(), Failure> {
    check_free(&args.output, args.force)?;
    let format = Format::from(args.format);
    // What cannot be made is said before a passphrase is asked for.
    Parameters::new(args.scheme, args.embedding_length, args.key_len, args.alpha_len)?.check_strength(false)?;
    Devices::check(&args.compute.device_or_auto())?;
    if format == Format::XTrace && args.scheme == Scheme::PaillierSubgroup {
        return Err(Failure::Usage("XTrace's SDK does not know paillier_subgroup; use --format native".to_owned()));
    }
    let passphrase = passphrase::new(args.passphrase.passphrase_file.as_deref())?;
    let mut builder = ExecutionContext::builder()
        .scheme(args.scheme)
        .embedding_length(args.embedding_length)
        .key_len(args.key_len)
        .device(args.compute.device_or_auto())
        .secrets_on_cpu(args.secrets_on_cpu)
        .threads(args.compute.threads)
        .format(format)
        .passphrase(passphrase.as_str())
        .path(&args.output);
    if let Some(alpha_len) = args.alpha_len {
        builder = builder.alpha_len(alpha_len);
    }
    if args.key_len > 2048 {
        info!("looking for two primes of {} bits, which can take a minute or two", args.key_len);
    }
    let context = builder.build()?;
    Description::of(&context)?.print(args.json)?;
    if !args.json {
        info!("wrote {}; without it and its passphrase nothing can be decrypted", args.output.display());
    }
    Ok(())
}

fn show(args: &Show) -> Result<(), Failure> {
    if args.verify {
        let context = args.owner.load(&args.context)?;
        let mut description = Description::of(&context)?;
        description.verified = Some(true);
        return description.print(args.json);
    }
    let description = match ContextInfo::read(&args.context) {
        Ok(info) => {
            let mut description = Description::new(&info.parameters, &info.public, info.format.name());
            description.id = info.id;
            description.device = Some(info.device.to_string());
            description.secrets_on_cpu = info.secrets_on_cpu;
            warn_if_weak(&info.parameters);
            description
        }
        Err(error) => match PublicContext::load(&args.context, true) {
            Ok(public) => {
                warn_if_weak(public.parameters());
                Description::new(public.parameters(), &public, "public")
            }
            Err(_) => return Err(error.into()),
        },
    };
    description.print(args.json)
}

fn public(args: &Public) -> Result<(), Failure> {
    let public = if args.verify {
        args.owner.load(&args.context)?.public_context()
    } else {
        let Weak { allow_weak } = args.owner.weak;
        crate::args::load_public(&args.context, allow_weak)?
    };
    public.save(&args.output)?;
    info!(public_id = %public.public_id(), "wrote {} (public id {})", args.output.display(), public.public_id());
    Ok(())
}

fn export(args: &Export) -> Result<(), Failure> {
    check_free(&args.output, args.force)?;
    let context = args.owner.load(&args.context)?;
    let passphrase = passphrase::existing(args.owner.passphrase.passphrase_file.as_deref())?;
    let provider = match args.format {
        FormatArg::Native => PassphraseKeyProvider::new(passphrase.as_str())?,
        FormatArg::Xtrace => PassphraseKeyProvider::xtrace(passphrase.as_str(), None)?,
    };
    let exported = context.export(Format::from(args.format), Arc::new(provider))?;
    exported.save_to_disk(&args.output)?;
    info!("wrote {} (id {})", args.output.display(), exported.id()?);
    Ok(())
}
