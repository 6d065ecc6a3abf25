//! Making new contexts.

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

/// Options for a new [`ExecutionContext`], with the defaults: `paillier`, 512 dimensions, key_len 1024, alpha_len 512,
/// device auto, native format.
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

/// Wiped when dropped, and not shown.
#[derive(Default)]
struct Passphrase(Option<Zeroizing<String>>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "given" } else { "none" })
    }
}

impl ExecutionContext {
    /// Starts the making of a new context.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The scheme.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Dimensions of a vector, below the key_len.
    pub fn embedding_length(mut self, dimensions: usize) -> Self {
        self.embedding_length = Some(dimensions);
        self
    }

    /// Length of each prime in bits: 1024, 1536, 2048, 3072 or 4096.
    pub fn key_len(mut self, bits: usize) -> Self {
        self.key_len = Some(bits);
        self
    }

    /// Length of the noise exponent in bits, for the schemes that have one; at least 448.
    pub fn alpha_len(mut self, bits: usize) -> Self {
        self.alpha_len = Some(bits);
        self
    }

    /// Where batches are computed.
    pub fn device(mut self, device: Device) -> Self {
        self.device.device = Some(device);
        self
    }

    /// Computes on a device that is open already, whatever [`Builder::device`] and [`Builder::threads`] say.
    pub fn open_device(mut self, device: OpenDevice) -> Self {
        self.device.open = Some(device);
        self
    }

    /// Keeps everything that needs a secret on the processor, whatever the device: for GPUs that others use too.
    pub fn secrets_on_cpu(mut self, keep: bool) -> Self {
        self.secrets_on_cpu = keep;
        self
    }

    /// Threads to compute with; one a core if not given. At most four a core, or 64:
    /// [`Devices::check_threads`](crate::Devices::check_threads).
    pub fn threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.device.threads = threads;
        self
    }

    /// The format that it is stored in.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// An id instead of the derived one.
    pub fn context_id(mut self, id: impl Into<String>) -> Self {
        self.context_id = Some(id.into());
        self
    }

    /// A file to save the new context to. There must be none of that name yet, or an empty one: what it holds could
    /// be the only copy of keys.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Who supplies the key. Wins over a passphrase.
    pub fn key_provider(mut self, provider: Arc<dyn KeyProvider>) -> Self {
        self.key_provider = Some(provider);
        self
    }

    /// A passphrase to derive the key from, as the format does it.
    pub fn passphrase(mut self, passphrase: impl Into<String>) -> Self {
        self.passphrase = Passphrase(Some(Zeroizing::new(passphrase.into())));
        self
    }

    /// A salt for the passphrase, instead of a random one.
    pub fn salt(mut self, salt: impl Into<Vec<u8>>) -> Self {
        self.salt = Some(salt.into());
        self
    }

    /// [`Builder::key_provider`] and [`Builder::build`] in one.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn create(self, provider: impl KeyProvider + 'static) -> Result<ExecutionContext, Error> {
        self.key_provider(Arc::new(provider)).build()
    }

    /// Makes the keys, and saves the context if there is a path.
    ///
    /// # Errors
    /// [`Error::Missing`] without provider or passphrase; [`Error::Parameter`] or [`Error::WeakKey`] for sizes that
    /// cannot or must not be used; [`Error::Unsupported`] if the format does not go with the scheme or the provider;
    /// [`Error::Random`]; [`Error::Occupied`], before any keys are made, if there is a file already; [`Error::Io`].
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
            // A provider that does not go with the format is an error now, not when it is too late.
            None => drop(context.to_dict_enc()?),
        }
        Ok(context)
    }
}
