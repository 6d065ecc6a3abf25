//! Reading stored contexts of either format.

use super::ExecutionContext;
use super::document::{Document, LARGEST_FILE};
use super::file::ContextFile;
use super::format::Format;
use super::key_provider::KeyProvider;
use super::open_devices::{DeviceChoice, OpenDevices};
use super::remote::RemoteStore;
use super::stringified::Stringified;
use crate::atomic_file;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use serde_json::Value;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Options for loading an [`ExecutionContext`].
#[derive(Debug, Default)]
#[must_use]
pub struct Loader {
    allow_weak: bool,
    device: DeviceChoice,
    secrets_on_cpu: bool,
    context_id: Option<String>,
    expected_id: Option<String>,
}

impl ExecutionContext {
    /// Starts the loading of a stored context with options.
    pub fn loader() -> Loader {
        Loader::new()
    }

    /// Loads a context of either format from a file. `provider` supplies the credentials; the salt comes from the file.
    ///
    /// # Errors
    /// As [`Loader::load_from_disk`].
    pub fn load_from_disk(path: &Path, provider: &dyn KeyProvider) -> Result<Self, Error> {
        Self::loader().load_from_disk(path, provider)
    }

    /// Restores a context of either format from its JSON.
    ///
    /// # Errors
    /// As [`Loader::from_serialized`].
    pub fn from_serialized(text: &str, provider: &dyn KeyProvider, context_id: Option<&str>) -> Result<Self, Error> {
        let mut loader = Self::loader();
        if let Some(id) = context_id {
            loader = loader.context_id(id);
        }
        loader.from_serialized(text, provider)
    }

    /// Fetches a context from a remote store and checks that it is the one of that id.
    ///
    /// # Errors
    /// As [`Loader::load_from_remote`].
    pub async fn load_from_remote(
        store: &impl RemoteStore,
        context_id: &str,
        provider: &dyn KeyProvider,
    ) -> Result<Self, Error> {
        Self::loader().load_from_remote(store, context_id, provider).await
    }
}

impl Loader {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Loads weak keys too, with a warning that says what an attacker can do.
    pub fn allow_weak(mut self, allow: bool) -> Self {
        self.allow_weak = allow;
        self
    }

    /// Computes on a device that is open already, whatever the context, [`Loader::device`] and [`Loader::threads`] say.
    pub fn open_device(mut self, device: OpenDevice) -> Self {
        self.device.open = Some(device);
        self
    }

    /// Computes on this device instead of the stored one.
    pub fn device(mut self, device: Device) -> Self {
        self.device.device = Some(device);
        self
    }

    /// Keeps everything that needs a secret on the processor, even if the context does not insist on it.
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

    /// An id instead of the derived one. [`Loader::load_from_remote`] has no use for it: what it is asked for is the id.
    pub fn context_id(mut self, id: impl Into<String>) -> Self {
        self.context_id = Some(id.into());
        self
    }

    /// Refuses any context but the one of this id: its public id, or its [`ExecutionContext::id`] as it was when the
    /// context was made.
    ///
    /// # Security
    /// XTrace's format authenticates the secret key only. Whoever can write the file can put another embedding length, or
    /// for `paillier_lookup` another generator, into it that goes with the same secret key. Ids cover both.
    pub fn expect_id(mut self, id: impl Into<String>) -> Self {
        self.expected_id = Some(id.into());
        self
    }

    /// Loads a context from a file.
    ///
    /// # Errors
    /// [`Error::Io`], and what [`Loader::from_serialized`] fails with, naming the file.
    pub fn load_from_disk(self, path: &Path, provider: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        self.from_serialized(&text, provider).map_err(|error| error.in_file(path))
    }

    /// Opens a context that was read before.
    ///
    /// # Errors
    /// [`Error::Missing`] for a public context, and what [`Loader::from_serialized`] fails with, naming the file.
    pub fn open_file(self, file: &ContextFile, provider: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        let document = file.document().ok_or(Error::Missing("a public context has no secret key to open"))?;
        self.open(document, provider).map_err(|error| error.in_file(file.path()))
    }

    /// Restores a context from its text.
    ///
    /// # Errors
    /// [`Error::Context`] if it is not one, or fields contradict each other; [`Error::Unseal`] for a wrong passphrase
    /// or a changed file; [`Error::WeakKey`] for weak keys unless allowed; [`Error::KeyDerivation`]; [`Error::Device`];
    /// [`Error::WrongContext`] if another id was expected.
    pub fn from_serialized(self, text: &str, provider: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        self.open(&Document::parse(text)?, provider)
    }

    /// Restores a context from the JSON value that [`ExecutionContext::to_dict_enc`] returned.
    ///
    /// # Errors
    /// As [`Loader::from_serialized`].
    pub fn from_dict(self, value: Value, provider: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        self.open(&Document::from_value(value)?, provider)
    }

    /// Fetches a context from a remote store, which is not trusted to send the one that was asked for: the keys must have the
    /// id `context_id`, as [`ExecutionContext::id`] has it.
    ///
    /// # Security
    /// The native format has an id given by hand inside of what is authenticated. XTrace's has not: there `context_id` must
    /// be the hash of the keys if it looks like one (64 hexadecimal digits); any other is taken as given by hand, and then
    /// the store could send other keys under the same passphrase.
    ///
    /// # Errors
    /// [`Error::Remote`]; [`Error::Context`] of the field `context_id` if it is another context; and as
    /// [`Loader::from_serialized`].
    pub async fn load_from_remote(
        self,
        store: &impl RemoteStore,
        context_id: &str,
        provider: &dyn KeyProvider,
    ) -> Result<ExecutionContext, Error> {
        let value = store.get_serialized_exec_context(context_id).await?;
        let context = Self { context_id: None, ..self }.from_dict(value, provider)?;
        let id = context.id()?;
        if id == context_id {
            return Ok(context);
        }
        if context.format == Format::XTrace && !looks_like_hash(context_id) {
            return Ok(ExecutionContext { context_id: Some(context_id.to_owned()), ..context });
        }
        Err(Error::context(
            "context_id",
            format!("is {id:?}, though {context_id:?} was asked for: the store sent another one"),
        ))
    }

    /// Restores a context from what [`ExecutionContext::to_dict_plain`] returned, or the SDK's method of that name, and puts it
    /// under a key provider, in the native format. [`ExecutionContext::export`] takes it to XTrace's.
    ///
    /// # Errors
    /// [`Error::Context`] if a field is missing or contradicts another; [`Error::WeakKey`] for weak keys unless allowed;
    /// [`Error::Device`], [`Error::Random`].
    pub fn from_dict_plain(self, value: &Value, provider: Arc<dyn KeyProvider>) -> Result<ExecutionContext, Error> {
        let text = |field| {
            let text = value.get(field).and_then(Value::as_str);
            text.ok_or_else(|| Error::context(field, "is missing, or is no text"))
        };
        let keys = [text("type")?, text("pk")?, text("config")?];
        self.from_stringified(keys, text("sk")?, provider)
    }

    /// [`Loader::from_dict_plain`] of the fields by themselves: `type`, `pk` and `config`, then the secret key, of which no
    /// copy is left behind.
    ///
    /// # Errors
    /// As [`Loader::from_dict_plain`].
    pub fn from_stringified(
        self,
        [client_type, pk, config]: [&str; 3],
        sk: &str,
        provider: Arc<dyn KeyProvider>,
    ) -> Result<ExecutionContext, Error> {
        let keys = Stringified { client_type, pk, config };
        keys.parameters()?.check_strength(self.allow_weak)?;
        let context = ExecutionContext {
            client: Arc::new(keys.client(sk)?),
            devices: OpenDevices::new(self.device.open(|| Ok(Device::Auto))?, self.secrets_on_cpu),
            format: Format::Native,
            key_provider: provider,
            content_key: EnvelopeKey::random()?,
            context_id: self.context_id,
            xtrace_hash: OnceLock::new(),
        };
        if let Some(expected) = &self.expected_id {
            context.check_id(expected, None)?;
        }
        Ok(context)
    }

    /// Puts the keys of an open context under another key provider, in the native format, with a new key for document
    /// content. The keys are shared, not copied. The device is the context's unless another was given, and secrets stay on
    /// the CPU if either side says so. The id is not taken over.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if another id was expected; [`Error::Device`], [`Error::Random`].
    pub fn from_context(
        self,
        context: &ExecutionContext,
        provider: Arc<dyn KeyProvider>,
    ) -> Result<ExecutionContext, Error> {
        let device = self.device.open(|| Ok(context.device().clone()))?;
        let secrets_on_cpu = self.secrets_on_cpu || context.secrets_on_cpu();
        if let Some(expected) = &self.expected_id {
            context.check_id(expected, None)?;
        }
        Ok(ExecutionContext {
            client: Arc::clone(&context.client),
            devices: OpenDevices::new(device, secrets_on_cpu),
            format: Format::Native,
            key_provider: provider,
            content_key: EnvelopeKey::random()?,
            context_id: self.context_id,
            xtrace_hash: OnceLock::new(),
        })
    }

    fn open(self, document: &Document, credentials: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        document.parameters()?.check_strength(self.allow_weak)?;
        let secrets_on_cpu = self.secrets_on_cpu || document.secrets_on_cpu();
        let open_devices = || Ok(OpenDevices::new(self.device.open(|| document.device())?, secrets_on_cpu));
        let (client, content_key, key_provider, devices) = match document {
            // What cannot be unsealed costs no threads and no GPU.
            Document::Native(document) => {
                let provider = document.provider(credentials)?;
                let (client, content_key) = document.open(&*provider)?;
                (client, content_key, provider, open_devices()?)
            }
            Document::XTrace(document) => {
                let provider = document.provider(credentials)?;
                let key = EnvelopeKey::new(provider.get_key()?);
                let devices = open_devices()?;
                (document.client(&key, &devices.secret)?, EnvelopeKey::random()?, provider, devices)
            }
        };
        let stored_id = match document {
            Document::Native(document) => document.context_id().map(str::to_owned),
            Document::XTrace(_) => None,
        };
        let context = ExecutionContext {
            client: Arc::new(client),
            devices,
            format: document.format(),
            key_provider,
            content_key,
            context_id: self.context_id.or_else(|| stored_id.clone()),
            xtrace_hash: OnceLock::new(),
        };
        if let Some(expected) = &self.expected_id {
            context.check_id(expected, stored_id.as_deref())?;
        }
        Ok(context)
    }
}

impl ExecutionContext {
    /// Checks that a context is the one that was expected. `stored_id` is an id given by hand that was authenticated with
    /// the keys.
    fn check_id(&self, expected: &str, stored_id: Option<&str>) -> Result<(), Error> {
        if stored_id == Some(expected) || self.public_id().to_string() == expected {
            return Ok(());
        }
        let actual = stored_id.map_or_else(|| self.hash(), |id| Ok(id.to_owned()))?;
        if actual == expected {
            return Ok(());
        }
        Err(Error::WrongContext { expected: expected.to_owned(), actual })
    }
}

fn looks_like_hash(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}
