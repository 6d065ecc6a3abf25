//! Flags that several commands share.

use crate::failure::Failure;
use crate::passphrase::{self, Which};
use clap::Args;
use hushvec::{ContextInfo, Device, Devices, Error, ExecutionContext, Loader, PassphraseKeyProvider, PublicContext};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tracing::{debug, warn};
use zeroize::Zeroizing;

/// Where to compute.
#[derive(Args, Clone, Debug)]
pub struct Compute {
    /// Where to compute: auto, cpu, gpu, gpu:N or gpu:NAME [default: the context's]
    #[arg(long)]
    pub device: Option<Device>,
    /// How many threads to use [default: one a core]
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
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
    pub passphrase: Passphrase,
}

impl Owner {
    /// Loads a context, with a warning if its key is weak.
    pub fn load(&self, path: &Path) -> Result<ExecutionContext, Failure> {
        let info = self.check(path)?;
        warn_if_weak(&info.parameters);
        load(path, &self.compute, self.weak.allow_weak, &self.passphrase.read(path)?)
    }

    /// Before the passphrase is asked for: is there a context, and one that may be used?
    pub fn check(&self, path: &Path) -> Result<ContextInfo, Failure> {
        let info = owner_context(path)?;
        info.parameters.check_strength(self.weak.allow_weak).map_err(|error| in_file(error, path))?;
        Devices::check(self.compute.device.as_ref().unwrap_or(&info.device))?;
        Ok(info)
    }
}

/// Opens an owner's context with its passphrase.
pub fn load(path: &Path, compute: &Compute, allow_weak: bool, passphrase: &str) -> Result<ExecutionContext, Failure> {
    let mut loader: Loader = ExecutionContext::loader().allow_weak(allow_weak).threads(compute.threads);
    if let Some(device) = &compute.device {
        loader = loader.device(device.clone());
    }
    let started = Instant::now();
    let context = loader.load_from_disk(path, &PassphraseKeyProvider::new(passphrase)?)?;
    let seconds = started.elapsed().as_secs_f64();
    debug!(seconds, "opened {} in {seconds:.2} s", path.display());
    Ok(context)
}

/// What an owner's context says about itself.
pub fn owner_context(path: &Path) -> Result<ContextInfo, Failure> {
    ContextInfo::read(path).map_err(|error| not_a_context(path, error))
}

/// Says on standard error what is weak about a key.
pub fn warn_if_weak(parameters: &hushvec::Parameters) {
    if let Some(weakness) = parameters.weakness() {
        warn!("weak key: {weakness}");
    }
}

/// The public part of a public context or of an owner's context; the latter unverified.
pub fn load_public(path: &Path, allow_weak: bool) -> Result<PublicContext, Failure> {
    let public = match PublicContext::load(path, allow_weak) {
        Ok(public) => public,
        Err(error) if matches!(error.root(), Error::Io { .. } | Error::WeakKey { .. }) => return Err(error.into()),
        Err(error) => match ContextInfo::read(path) {
            Ok(info) => {
                info.parameters.check_strength(allow_weak).map_err(|error| in_file(error, path))?;
                info.public
            }
            Err(_) => return Err(error.into()),
        },
    };
    Ok(public)
}

/// Whether a file is an owner's context.
pub fn is_owner_context(path: &Path) -> bool {
    ContextInfo::read(path).is_ok()
}

fn not_a_context(path: &Path, error: Error) -> Failure {
    if PublicContext::load(path, true).is_ok() {
        return Failure::Usage(format!(
            "{} is a public context; this command needs the owner's context, which has the secret key",
            path.display()
        ));
    }
    error.into()
}

fn in_file(error: Error, path: &Path) -> Failure {
    error.in_file(path).into()
}
