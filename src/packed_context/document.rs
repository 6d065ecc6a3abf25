//! The native format of the owner's contexts of packed search: one JSON object, authenticated as a whole.

use super::owner::PackedContext;
use super::public::Config;
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::context::native::{check_derivation, sealing_key};
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::public_context::{CONTEXT_FORMAT, CONTEXT_VERSION, check_version};
use crate::paillier::public_key::PublicId;
use crate::rlwe::packed::{Parameters, SecretKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The content of a context file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    format: String,
    version: u32,
    config: Config,
    device: String,
    context_id: Option<String>,
    public_id: String,
    key_provider: String,
    wrapped_key: String,
    sealed: String,
}

/// Bytes of the sealed part: the seed of the secret key, and the key for document content.
const SECRET_BYTES: usize = 64;

impl Document {
    /// Seals a context's secrets.
    pub(super) fn seal(context: &PackedContext) -> Result<Self, Error> {
        let provider = &*context.key_provider;
        check_derivation(provider)?;
        let mut document = Self {
            format: CONTEXT_FORMAT.to_owned(),
            version: CONTEXT_VERSION,
            config: Config::of(context.parameters()),
            device: context.device().to_string(),
            context_id: context.context_id.clone(),
            public_id: context.public_id.to_string(),
            key_provider: provider.provider_id().to_owned(),
            wrapped_key: STANDARD.encode(provider.wrap_key()),
            sealed: String::new(),
        };
        let mut secret = Zeroizing::new(Vec::with_capacity(SECRET_BYTES));
        secret.extend_from_slice(context.key.seed());
        secret.extend_from_slice(context.content_key.bytes());
        let sealed = sealing_key(provider)?.seal(&secret, document.text()?.as_bytes())?;
        document.sealed = STANDARD.encode(sealed);
        Ok(document)
    }

    /// Returns the text of the file.
    pub(super) fn text(&self) -> Result<String, Error> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| Error::format(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        check_version(&mut serde_json::Deserializer::from_str(text), CONTEXT_FORMAT, CONTEXT_VERSION)?;
        let document: Self = serde_json::from_str(text)
            .map_err(|error| Error::context("the context", format!("is not a context of packed search: {error}")))?;
        if document.text()? != text {
            return Err(Error::context("the context", "was reformatted or changed; restore the original file"));
        }
        Ok(document)
    }

    pub(crate) fn parameters(&self) -> Result<Parameters, Error> {
        self.config.parameters()
    }

    pub(crate) fn device(&self) -> Result<Device, Error> {
        self.device.parse()
    }

    pub(crate) fn public_id(&self) -> &str {
        &self.public_id
    }

    pub(crate) fn context_id(&self) -> Option<&str> {
        self.context_id.as_deref()
    }

    pub(crate) fn key_provider(&self) -> &str {
        &self.key_provider
    }

    pub(crate) fn wrapped_key(&self) -> Result<Vec<u8>, Error> {
        STANDARD.decode(&self.wrapped_key).map_err(|_| Error::context("wrapped_key", "is not base64"))
    }

    /// Opens the sealed part and returns the context, on an open device or else on the stored one.
    pub(crate) fn open(
        &self,
        credentials: &dyn KeyProvider,
        device: Option<OpenDevice>,
    ) -> Result<PackedContext, Error> {
        let (expected, given) = (&self.key_provider, credentials.provider_id());
        if expected != given {
            let reason = format!("is {expected:?}, but the given key provider is {given:?}");
            return Err(Error::context("key_provider", reason));
        }
        let key_provider: Arc<dyn KeyProvider> = credentials.from_wrapped(Format::Native, &self.wrapped_key()?)?;
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| Error::Unseal)?;
        let header = Self { sealed: String::new(), ..self.clone() };
        let secret = sealing_key(&*key_provider)?.open(&sealed, header.text()?.as_bytes())?;
        let (Some(seed), Some(content_key), SECRET_BYTES) =
            (secret.first_chunk::<32>(), secret.last_chunk::<32>(), secret.len())
        else {
            return Err(Error::context("the secret key", "has the wrong length"));
        };
        let public_id = PublicId::parse(&self.public_id)
            .ok_or_else(|| Error::context("public_id", "is not 64 hexadecimal digits"))?;
        let device = device.map_or_else(|| OpenDevice::open(self.device()?, None), Ok)?;
        Ok(PackedContext {
            key: Arc::new(SecretKey::from_seed(self.parameters()?, Zeroizing::new(*seed))?),
            device,
            key_provider,
            content_key: EnvelopeKey::new(Zeroizing::new(*content_key)),
            context_id: self.context_id.clone(),
            // Sealed with the secret key, so it belongs to it.
            public_id,
        })
    }
}
