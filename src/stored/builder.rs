//! Makes new contexts.

use super::passphrase::PassphraseKeyProvider;
use crate::compat::xtrace;
use crate::context::ExecutionContext;
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::context::open_devices::{DeviceChoice, OpenDevices};
use crate::destination;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::client::Client;
use crate::paillier::parameters::{Parameters, Scheme};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// Options for a new [`ExecutionContext`].
///
/// The defaults are the scheme `paillier`, 512 dimensions, key_len 1024, alpha_len 512, the device `auto` and the
/// native format.
#[derive(Debug, Default)]
#[must_use]
pub struct Builder {
    scheme: Scheme,
    embedding_length: Option<usize>,
    key_len: Option<usize>,
    alpha_len: Option<usize>,
    device: DeviceChoice,
    secrets_on_cpu: bool,
    format: Format,
    context_id: Option<String>,
    path: Option<PathBuf>,
    key_provider: Option<Arc<dyn KeyProvider>>,
    passphrase: Passphrase,
    salt: Option<Vec<u8>>,
}

/// A passphrase, wiped when dropped. Debug does not show it.
#[derive(Default)]
struct Passphrase(Option<Zeroizing<String>>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "given" } else { "none" })
    }
}

impl ExecutionContext {
    /// Returns a builder for a new context.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Sets the scheme.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets the number of dimensions of a vector, which must be smaller than key_len.
    pub fn embedding_length(mut self, dimensions: usize) -> Self {
        self.embedding_length = Some(dimensions);
        self
    }

    /// Sets the length of each prime in bits: 1024, 1536, 2048, 3072 or 4096.
    pub fn key_len(mut self, bits: usize) -> Self {
        self.key_len = Some(bits);
        self
    }

    /// Sets the length of the noise exponent in bits, at least 448, for the schemes that have one.
    pub fn alpha_len(mut self, bits: usize) -> Self {
        self.alpha_len = Some(bits);
        self
    }

    /// Sets the device that computes batches.
    pub fn device(mut self, device: Device) -> Self {
        self.device.device = Some(device);
        self
    }

    /// Computes on a device that is already open. This overrides [`Builder::device`] and [`Builder::threads`].
    pub fn open_device(mut self, device: OpenDevice) -> Self {
        self.device.open = Some(device);
        self
    }

    /// Runs all work that needs a secret on the CPU, whatever the device. Use it on GPUs that others use too.
    pub fn secrets_on_cpu(mut self, keep: bool) -> Self {
        self.secrets_on_cpu = keep;
        self
    }

    /// Sets the number of threads; the default is one per core. The limit is four per core, or 64: see
    /// [`Devices::check_threads`](crate::Devices::check_threads).
    pub fn threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.device.threads = threads;
        self
    }

    /// Sets the format that the context is stored in.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets an explicit id instead of the derived one.
    pub fn context_id(mut self, id: impl Into<String>) -> Self {
        self.context_id = Some(id.into());
        self
    }

    /// Sets the file to save the new context to. The file must not exist or must be empty, because an existing file
    /// could hold the only copy of other keys.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets the provider of the key. This overrides a passphrase.
    pub fn key_provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.key_provider = Some(provider);
        self
    }

    /// Sets a passphrase, from which the key is derived in the format's way.
    pub fn passphrase(mut self, passphrase: impl Into<String>) -> Self {
        self.passphrase = Passphrase(Some(Zeroizing::new(passphrase.into())));
        self
    }

    /// Sets the salt for the passphrase instead of a random one.
    pub fn salt(mut self, salt: impl Into<Vec<u8>>) -> Self {
        self.salt = Some(salt.into());
        self
    }

    /// Sets the key provider and builds: [`Builder::key_provider`] and [`Builder::build`] in one call.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn create(self, provider: impl KeyProvider + 'static) -> Result<ExecutionContext, Error> {
        self.key_provider(Arc::new(provider)).build()
    }

    /// Makes the keys, and saves the context if a path is set.
    ///
    /// # Errors
    /// [`Error::Missing`] without a key provider or passphrase; [`Error::Parameter`] for sizes outside the limits;
    /// [`Error::WeakKey`] for sizes that are too weak; [`Error::Unsupported`] if the format does not support the
    /// scheme or the key provider; [`Error::Random`]; [`Error::Occupied`], before any keys are made, if the file
    /// already exists; [`Error::Io`].
    pub fn build(self) -> Result<ExecutionContext, Error> {
        if let Some(path) = &self.path {
            destination::check_nothing_lost(path)?;
        }
        let key_provider: Arc<dyn KeyProvider> = match (self.key_provider, self.passphrase.0) {
            (Some(provider), _) => provider,
            (None, Some(passphrase)) => {
                let passphrase = passphrase.as_str();
                Arc::new(match (self.format, &self.salt) {
                    (Format::Native, None) => PassphraseKeyProvider::new(passphrase)?,
                    (Format::Native, Some(salt)) => PassphraseKeyProvider::with_salt(passphrase, salt)?,
                    (Format::XTrace, salt) => PassphraseKeyProvider::xtrace(passphrase, salt.as_deref())?,
                })
            }
            (None, None) => return Err(Error::Missing("either a key provider or a passphrase must be given")),
        };
        let parameters = Parameters::new(
            self.scheme,
            self.embedding_length.unwrap_or(512),
            self.key_len.unwrap_or(Parameters::DEFAULT_KEY_LEN),
            self.alpha_len,
        )?;
        if self.format == Format::XTrace {
            xtrace::document::check_scheme(self.scheme)?;
        }
        let devices = OpenDevices::new(self.device.open(|| Ok(Device::Auto))?, self.secrets_on_cpu);
        let context = ExecutionContext {
            client: Arc::new(Client::generate(parameters, &devices.secret)?),
            devices,
            format: self.format,
            key_provider,
            content_key: EnvelopeKey::random()?,
            context_id: self.context_id,
            secret_hash: OnceLock::new(),
        };
        match self.path {
            Some(path) => context.save_to_disk(&path)?,
            // Reports a key provider that the format does not support here, not when the context is saved later.
            None => drop(context.to_dict_enc()?),
        }
        Ok(context)
    }
}
