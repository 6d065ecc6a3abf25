//! Flags that several commands share.

use crate::failure::Failure;
use crate::passphrase::{self, Which};
use crate::suggested;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use hushvec::{
    ContextFile, ContextInfo, Device, Devices, Error, ExecutionContext, Loader, PassphraseKeyProvider, PublicContext,
};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracing::{debug, warn};
use zeroize::Zeroizing;

/// Where to compute.
#[derive(Args, Clone, Debug)]
pub struct Compute {
    /// Where to compute: auto, cpu, gpu, gpu:N or gpu:NAME [default: the context's]
    #[arg(long, value_parser = suggested::devices(), hide_possible_values = true)]
    pub device: Option<Device>,
    /// How many threads to use; at most four a core, or 64 [default: one a core]
    #[arg(long, value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
}

/// A number of threads that this machine can be asked for.
pub fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse().map_err(|error| format!("{error}"))?;
    Devices::check_threads(Some(threads)).map_err(|error| error.to_string())?;
    Ok(threads)
}

/// The most neighbours that are listed for a query.
const MOST_NEIGHBOURS: u64 = 1_000_000;

/// How many neighbours to list for each query.
#[derive(Args, Clone, Copy, Debug)]
pub struct Neighbours {
    /// How many nearest vectors to list for each query
    #[arg(short, default_value_t = 10, value_parser = RangedU64ValueParser::<usize>::new().range(..=MOST_NEIGHBOURS))]
    pub k: usize,
}

impl Compute {
    /// The device asked for, or auto.
    pub fn device_or_auto(&self) -> Device {
        self.device.clone().unwrap_or_default()
    }
}

/// Whether to go on with a weak key.
#[derive(Args, Clone, Debug)]
pub struct Weak {
    /// Load keys that are known to be weak, to move data away from them
    #[arg(long)]
    pub allow_weak: bool,
}

impl Weak {
    /// Refuses a weak key unless that was allowed.
    pub fn check(&self, file: &ContextFile) -> Result<(), Failure> {
        let checked = file.public().parameters().check_strength(self.allow_weak);
        checked.map_err(|error| in_file(error, file.path()))
    }
}

/// Which context it must be.
#[derive(Args, Clone, Debug)]
pub struct Expected {
    /// Refuse the context unless this is its id or its public id, as `hushvec context new` printed them: a file in
    /// XTrace's format can be changed in ways that only its id shows
    #[arg(long, value_name = "ID")]
    pub expect_id: Option<String>,
}

impl Expected {
    /// Checks the public part of a context.
    pub fn check_public(&self, public: &PublicContext, path: &Path) -> Result<(), Failure> {
        let Some(expected) = &self.expect_id else { return Ok(()) };
        public.check_id(expected).map_err(|error| in_file(error, path))
    }

    /// Checks a context of either kind, unopened. An id in XTrace's format takes the passphrase.
    pub fn check(&self, file: &ContextFile) -> Result<(), Failure> {
        let path = file.path();
        let (Some(expected), Some(info)) = (&self.expect_id, file.owner()) else {
            return self.check_public(file.public(), path);
        };
        match info.check_id(expected) {
            Err(_) if info.id.is_none() => Err(Failure::Usage(format!(
                "{}: the public id is {}, not {expected}. If that is the id: in XTrace's format it can be told only by a \
                 command that opens the context with its passphrase, such as `hushvec context show --verify`; give the \
                 public id here",
                path.display(),
                info.public.public_id()
            ))),
            result => result.map_err(|error| in_file(error, path)),
        }
    }
}

/// Where the passphrase comes from.
#[derive(Args, Clone, Debug)]
pub struct Passphrase {
    /// Read the passphrase from the first line of this file instead of `HUSHVEC_PASSPHRASE` or a prompt
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    /// The passphrase of a context that exists.
    pub fn read(&self, context: &Path) -> Result<Zeroizing<String>, Failure> {
        passphrase::existing(Which::Current, self.passphrase_file.as_deref(), context)
    }
}

/// Where the passphrase of the context that takes another's place comes from.
#[derive(Args, Clone, Debug)]
pub struct NewPassphrase {
    /// Read the new passphrase from the first line of this file instead of `HUSHVEC_NEW_PASSPHRASE` or a prompt
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
}

/// Everything that loading an owner's context takes.
#[derive(Args, Clone, Debug)]
pub struct Owner {
    #[command(flatten)]
    pub compute: Compute,
    #[command(flatten)]
    pub weak: Weak,
    #[command(flatten)]
    pub expected: Expected,
    #[command(flatten)]
    pub passphrase: Passphrase,
}

impl Owner {
    /// Opens a context, with a warning if its key is weak.
    pub fn open(&self, file: &ContextFile) -> Result<ExecutionContext, Failure> {
        self.open_keeping_passphrase(file).map(|(context, _)| context)
    }

    /// [`Owner::open`], with the passphrase that opened it.
    pub fn open_keeping_passphrase(
        &self,
        file: &ContextFile,
    ) -> Result<(ExecutionContext, Zeroizing<String>), Failure> {
        let info = self.check(file)?;
        warn_if_weak(&info.parameters);
        let passphrase = self.passphrase.read(file.path())?;
        let context = open(file, &self.compute, self.weak.allow_weak, &self.expected, &passphrase)?;
        Ok((context, passphrase))
    }

    /// Before the passphrase is asked for: is this a context with a secret key, and one that may be used?
    pub fn check<'a>(&self, file: &'a ContextFile) -> Result<&'a ContextInfo, Failure> {
        let info = owner_of(file)?;
        self.weak.check(file)?;
        // Where the id takes the passphrase, opening the context compares it.
        if info.id.is_some() {
            self.expected.check(file)?;
        }
        Devices::check(self.compute.device.as_ref().unwrap_or(&info.device))?;
        Ok(info)
    }

    /// The public part of a context of either kind, unverified. Opening an owner's context compares the id.
    pub fn public_of<'a>(&self, file: &'a ContextFile) -> Result<&'a PublicContext, Failure> {
        self.weak.check(file)?;
        if file.owner().is_none() {
            self.expected.check(file)?;
        }
        Ok(file.public())
    }
}

/// Opens an owner's context with its passphrase.
pub fn open(
    file: &ContextFile,
    compute: &Compute,
    allow_weak: bool,
    expected: &Expected,
    passphrase: &str,
) -> Result<ExecutionContext, Failure> {
    let mut loader: Loader = ExecutionContext::loader().allow_weak(allow_weak).threads(compute.threads);
    if let Some(device) = &compute.device {
        loader = loader.device(device.clone());
    }
    if let Some(id) = &expected.expect_id {
        loader = loader.expect_id(id);
    }
    let started = Instant::now();
    let context = loader.open_file(file, &PassphraseKeyProvider::new(passphrase)?)?;
    let seconds = started.elapsed().as_secs_f64();
    debug!(seconds, "opened {} in {seconds:.2} s", file.path().display());
    Ok(context)
}

/// What an owner's context says about itself.
pub fn owner_of(file: &ContextFile) -> Result<&ContextInfo, Failure> {
    file.owner().ok_or_else(|| {
        Failure::Usage(format!(
            "{} is a public context; this command needs the owner's context, which has the secret key",
            file.path().display()
        ))
    })
}

/// Says on standard error what is weak about a key.
pub fn warn_if_weak(parameters: &hushvec::Parameters) {
    if let Some(weakness) = parameters.weakness() {
        warn!("weak key: {weakness}");
    }
}

/// The public part of a public context or of an owner's context, which is unverified but for the id that it must have.
pub fn read_public(path: &Path, weak: &Weak, expected: &Expected) -> Result<PublicContext, Failure> {
    let file = ContextFile::read(path)?;
    weak.check(&file)?;
    expected.check(&file)?;
    Ok(file.public().clone())
}

fn in_file(error: Error, path: &Path) -> Failure {
    error.in_file(path).into()
}
