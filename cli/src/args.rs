//! Flags that several commands share.

use crate::failure::Failure;
use crate::passphrase::{self, Which};
use crate::suggested;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use hushvec::{
    ContextFile, ContextInfo, Device, Devices, Error, ExecutionContext, Loader, OpenDevice, PassphraseKeyProvider,
    PublicContext,
};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracing::{debug, warn};
use zeroize::Zeroizing;

/// Where to compute.
#[derive(Args, Clone, Debug)]
pub struct Compute {
    /// Device to compute on: auto, cpu, gpu, gpu:N or gpu:NAME [default: the device of the context, or auto]
    #[arg(long, value_parser = suggested::devices(), hide_possible_values = true)]
    pub device: Option<Device>,
    /// Number of threads, at most 4 per core or 64, whichever is more [default: one per core]
    #[arg(long, value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
}

/// Parses a number of threads and checks it against the limit of this machine.
pub fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let threads = text.parse().map_err(|error| format!("{error}"))?;
    Devices::check_threads(Some(threads)).map_err(|error| error.to_string())?;
    Ok(threads)
}

/// The maximum number of neighbours listed for a query.
const MOST_NEIGHBOURS: u64 = 1_000_000;

/// How many neighbours to list for each query.
#[derive(Args, Clone, Copy, Debug)]
pub struct Neighbours {
    /// Number of nearest vectors to list for each query
    #[arg(short, default_value_t = 10, value_parser = RangedU64ValueParser::<usize>::new().range(..=MOST_NEIGHBOURS))]
    pub k: usize,
}

impl Compute {
    /// Returns the requested device, or auto.
    pub fn device_or_auto(&self) -> Device {
        self.device.clone().unwrap_or_default()
    }
}

/// Whether weak keys are accepted.
#[derive(Args, Clone, Debug)]
pub struct Weak {
    /// Accept keys that are known to be weak, to move data away from them
    #[arg(long)]
    pub allow_weak: bool,
}

impl Weak {
    /// Refuses a weak key unless `--allow-weak` was given.
    pub fn check(&self, file: &ContextFile) -> Result<(), Failure> {
        let checked = file.public().parameters().check_strength(self.allow_weak);
        checked.map_err(|error| in_file(error, file.path()))
    }
}

/// The expected id of the context.
#[derive(Args, Clone, Debug)]
pub struct Expected {
    /// Refuse the context unless this is its id or its public id, as printed by `hushvec context new`. Some
    /// changes to a file in XTrace's format are detected only with this option
    #[arg(long, value_name = "ID")]
    pub expect_id: Option<String>,
}

impl Expected {
    /// Checks the public id of a context.
    pub fn check_public(&self, public: &PublicContext, path: &Path) -> Result<(), Failure> {
        let Some(expected) = &self.expect_id else { return Ok(()) };
        public.check_id(expected).map_err(|error| in_file(error, path))
    }

    /// Checks the id of an owner's or a public context without opening it. In XTrace's format, computing the id needs
    /// the passphrase.
    pub fn check(&self, file: &ContextFile) -> Result<(), Failure> {
        let path = file.path();
        let (Some(expected), Some(info)) = (&self.expect_id, file.owner()) else {
            return self.check_public(file.public(), path);
        };
        match info.check_id(expected) {
            Err(_) if info.id.is_none() => Err(Failure::Usage(format!(
                "{}: the public id is {}, not {expected}. If that is the id rather than the public id: in XTrace's \
                 format only commands that open the context with its passphrase can check it, such as `hushvec context \
                 show --verify`; give the public id instead",
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
    /// Read the passphrase from the first line of this file [default: `HUSHVEC_PASSPHRASE`, or a prompt]
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    /// Reads the passphrase of an existing context.
    pub fn read(&self, context: &Path) -> Result<Zeroizing<String>, Failure> {
        passphrase::existing(Which::Current, self.passphrase_file.as_deref(), context)
    }
}

/// Where the new passphrase comes from.
#[derive(Args, Clone, Debug)]
pub struct NewPassphrase {
    /// Read the new passphrase from the first line of this file [default: `HUSHVEC_NEW_PASSPHRASE`, or a prompt]
    #[arg(long, value_name = "FILE")]
    pub new_passphrase_file: Option<PathBuf>,
}

/// The flags for loading an owner's context.
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
    /// Opens a context, and warns if its key is weak.
    pub fn open(&self, file: &ContextFile) -> Result<ExecutionContext, Failure> {
        self.open_keeping_passphrase(file).map(|(context, _)| context)
    }

    /// Like [`Owner::open`], and also returns the passphrase.
    pub fn open_keeping_passphrase(
        &self,
        file: &ContextFile,
    ) -> Result<(ExecutionContext, Zeroizing<String>), Failure> {
        let info = self.check(file)?;
        warn_if_weak(&info.parameters);
        let passphrase = self.passphrase.read(file.path())?;
        let context = open(file, &self.compute, None, self.weak.allow_weak, &self.expected, &passphrase)?;
        Ok((context, passphrase))
    }

    /// Checks, before the passphrase is asked for, that a context has a secret key and may be used.
    pub fn check<'a>(&self, file: &'a ContextFile) -> Result<&'a ContextInfo, Failure> {
        let info = owner_of(file)?;
        self.weak.check(file)?;
        // If computing the id needs the passphrase, it is checked when the context is opened.
        if info.id.is_some() {
            self.expected.check(file)?;
        }
        Devices::check(self.compute.device.as_ref().unwrap_or(&info.device))?;
        Ok(info)
    }

    /// Returns the public part of an owner's or a public context, unverified. The id of an owner's context is checked
    /// when it is opened.
    pub fn public_of<'a>(&self, file: &'a ContextFile) -> Result<&'a PublicContext, Failure> {
        self.weak.check(file)?;
        if file.owner().is_none() {
            self.expected.check(file)?;
        }
        Ok(file.public())
    }
}

/// Opens an owner's context with its passphrase, on a device that is already open or else on its own.
pub fn open(
    file: &ContextFile,
    compute: &Compute,
    device: Option<&OpenDevice>,
    allow_weak: bool,
    expected: &Expected,
    passphrase: &str,
) -> Result<ExecutionContext, Failure> {
    let mut loader: Loader = ExecutionContext::loader().allow_weak(allow_weak).threads(compute.threads);
    if let Some(device) = &compute.device {
        loader = loader.device(device.clone());
    }
    if let Some(device) = device {
        loader = loader.open_device(device.clone());
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

/// Returns the information in an owner's context; an error for a public context.
pub fn owner_of(file: &ContextFile) -> Result<&ContextInfo, Failure> {
    file.owner().ok_or_else(|| public_given(file.path()))
}

/// Returns the error for a public context where an owner's is needed.
pub fn public_given(path: &Path) -> Failure {
    Failure::Usage(format!(
        "{} is a public context; this command needs the owner's context, which has the secret key",
        path.display()
    ))
}

/// Warns on standard error about a weak key.
pub fn warn_if_weak(parameters: &hushvec::Parameters) {
    if let Some(weakness) = parameters.weakness() {
        warn!("weak key: {weakness}");
    }
}

/// Reads the public part of a public or an owner's context. Only the expected id, if given, is verified.
pub fn read_public(path: &Path, weak: &Weak, expected: &Expected) -> Result<PublicContext, Failure> {
    public_of(&ContextFile::read(path)?, weak, expected)
}

/// Returns the public part of a context file. Only the expected id, if given, is verified.
pub fn public_of(file: &ContextFile, weak: &Weak, expected: &Expected) -> Result<PublicContext, Failure> {
    weak.check(file)?;
    expected.check(file)?;
    Ok(file.public().clone())
}

fn in_file(error: Error, path: &Path) -> Failure {
    error.in_file(path).into()
}
