//! Makes contexts from keys in plain text or from an open context, under a key provider.

use super::Loader;
use crate::compat::xtrace::stringified::{Stringified, text};
use crate::context::ExecutionContext;
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::context::open_devices::OpenDevices;
use crate::device::Device;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::client::Client;
use serde_json::Value;
use std::sync::{Arc, OnceLock};

impl Loader {
    /// Restores a context from the value that [`ExecutionContext::to_dict_plain`], or the SDK's method of that name,
    /// returned. The result is in the native format, under the given key provider. [`ExecutionContext::export`]
    /// converts it to XTrace's format.
    ///
    /// # Errors
    /// [`Error::Context`] if a field is missing or contradicts another; [`Error::WeakKey`] for weak keys unless
    /// allowed; [`Error::Device`], [`Error::Random`].
    pub fn from_dict_plain(self, value: &Value, provider: Arc<dyn KeyProvider>) -> Result<ExecutionContext, Error> {
        let keys = Stringified::of(value)?;
        self.restore(&keys, text(value, "sk")?, provider)
    }

    /// Restores a context as [`Loader::from_dict_plain`] does, from separate fields: `type`, `pk` and `config`, and
    /// the secret key. Leaves no copy of the secret key in memory.
    ///
    /// # Errors
    /// As [`Loader::from_dict_plain`].
    pub fn from_stringified(
        self,
        [client_type, pk, config]: [&str; 3],
        sk: &str,
        provider: Arc<dyn KeyProvider>,
    ) -> Result<ExecutionContext, Error> {
        self.restore(&Stringified { client_type, pk, config }, sk, provider)
    }

    fn restore(
        self,
        keys: &Stringified<'_>,
        sk: &str,
        provider: Arc<dyn KeyProvider>,
    ) -> Result<ExecutionContext, Error> {
        keys.parameters()?.check_strength(self.allow_weak)?;
        let client = Arc::new(keys.client(sk)?);
        let devices = OpenDevices::new(self.device.open(|| Ok(Device::Auto))?, self.secrets_on_cpu);
        let context = native(client, devices, provider, self.context_id)?;
        if let Some(expected) = &self.expected_id {
            context.check_id(expected, None)?;
        }
        Ok(context)
    }

    /// Makes a context with the keys of an open context, in the native format, under another key provider and with a
    /// new key for document content.
    ///
    /// The keys are shared, not copied. The device is that of the open context unless the loader sets one. Secrets
    /// stay on the CPU if the loader or the open context asks for it. An explicit id is not copied.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if another id was expected; [`Error::Device`]; [`Error::Random`].
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
        native(Arc::clone(&context.client), OpenDevices::new(device, secrets_on_cpu), provider, self.context_id)
    }
}

/// Makes a context in the native format, with a new key for document content.
fn native(
    client: Arc<Client>,
    devices: OpenDevices,
    key_provider: Arc<dyn KeyProvider>,
    context_id: Option<String>,
) -> Result<ExecutionContext, Error> {
    Ok(ExecutionContext {
        client,
        devices,
        format: Format::Native,
        key_provider,
        content_key: EnvelopeKey::random()?,
        context_id,
        secret_hash: OnceLock::new(),
    })
}
