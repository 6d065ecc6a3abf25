//! Keys in the clear, put under a key provider.

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
    /// Restores a context from what [`ExecutionContext::to_dict_plain`] returned, or the SDK's method of that name, and puts it
    /// under a key provider, in the native format. [`ExecutionContext::export`] takes it to XTrace's.
    ///
    /// # Errors
    /// [`Error::Context`] if a field is missing or contradicts another; [`Error::WeakKey`] for weak keys unless allowed;
    /// [`Error::Device`], [`Error::Random`].
    pub fn from_dict_plain(self, value: &Value, provider: Arc<dyn KeyProvider>) -> Result<ExecutionContext, Error> {
        let keys = Stringified::of(value)?;
        self.restore(&keys, text(value, "sk")?, provider)
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
        native(Arc::clone(&context.client), OpenDevices::new(device, secrets_on_cpu), provider, self.context_id)
    }
}

/// A context in the native format, with a new key for document content.
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
