//! Loads sealed contexts from files, text and JSON values.

use super::Loader;
use crate::atomic_file;
use crate::context::ExecutionContext;
use crate::context::key_provider::KeyProvider;
use crate::context::open_devices::OpenDevices;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::stored::document::{Document, LARGEST_FILE};
use crate::stored::file::ContextFile;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, OnceLock};

impl ExecutionContext {
    /// Loads a context of either format from a file. `provider` supplies the credentials, the file supplies the salt.
    ///
    /// # Errors
    /// As [`Loader::load_from_disk`].
    pub fn load_from_disk(path: &Path, provider: &dyn KeyProvider) -> Result<Self, Error> {
        Self::loader().load_from_disk(path, provider)
    }

    /// Restores a context of either format from its JSON text.
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
}

impl Loader {
    /// Loads a context from a file.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`Loader::from_serialized`], naming the file.
    pub fn load_from_disk(self, path: &Path, provider: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        self.from_serialized(&text, provider).map_err(|error| error.in_file(path))
    }

    /// Opens a context file that was already read.
    ///
    /// # Errors
    /// [`Error::Missing`] for a public context, and as [`Loader::from_serialized`], naming the file.
    pub fn open_file(self, file: &ContextFile, provider: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        let document = file.document().ok_or(Error::Missing("a public context has no secret key to open"))?;
        self.open(document, provider).map_err(|error| error.in_file(file.path()))
    }

    /// Restores a context from its text.
    ///
    /// # Errors
    /// [`Error::Context`] or [`Error::Format`] if the text is not a context, or if fields contradict each other;
    /// [`Error::Unseal`] for a wrong passphrase or a changed file; [`Error::WeakKey`] for weak keys unless allowed;
    /// [`Error::KeyDerivation`]; [`Error::Device`]; [`Error::WrongContext`] if another id was expected.
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

    fn open(self, document: &Document, credentials: &dyn KeyProvider) -> Result<ExecutionContext, Error> {
        document.parameters()?.check_strength(self.allow_weak)?;
        let secrets_on_cpu = self.secrets_on_cpu || document.secrets_on_cpu();
        let open_devices = || Ok(OpenDevices::new(self.device.open(|| document.device())?, secrets_on_cpu));
        let (client, content_key, key_provider, devices) = match document {
            // Unseals first, so that a failure costs no threads and no GPU.
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
            secret_hash: OnceLock::new(),
        };
        if let Some(expected) = &self.expected_id {
            context.check_id(expected, stored_id.as_deref())?;
        }
        Ok(context)
    }
}
