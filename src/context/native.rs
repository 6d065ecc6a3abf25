//! The native context format: one JSON object, authenticated as a whole.
//!
//! The text is exactly the bytes that [`Document::text`] writes. Everything outside the sealed part is its associated
//! data, so any changed bit is detected.

use super::ExecutionContext;
use super::format::Format;
use super::key_provider::KeyProvider;
use crate::bignum::uint;
use crate::device::Device;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::classic::Paillier;
use crate::paillier::client::Client;
use crate::paillier::keys::Primes;
use crate::paillier::lookup::{self, PaillierLookup};
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_context::{
    CONTEXT_FORMAT as FORMAT, CONTEXT_VERSION as VERSION, Config, Numbers, check_version,
};
use crate::paillier::public_key::{Elements, PublicKey};
use crate::paillier::subgroup::{self, PaillierSubgroup};
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    secrets_on_cpu: bool,
    context_id: Option<String>,
    public_key: Numbers,
    public_id: String,
    key_provider: String,
    wrapped_key: String,
    sealed: String,
}

/// The purpose that the content key is derived for if none is stored.
const OLD_CONTENT: &str = "hushvec context 1: content";

/// Derives the key that seals secret keys.
pub(crate) fn sealing_key(provider: &dyn KeyProvider) -> Result<EnvelopeKey, Error> {
    Ok(EnvelopeKey::derive(&*provider.get_key()?, "hushvec context 1: secret key"))
}

/// Checks that a passphrase is derived with argon2id.
///
/// # Errors
/// [`Error::Unsupported`] if it is derived in another way.
pub(crate) fn check_derivation(provider: &dyn KeyProvider) -> Result<(), Error> {
    if provider.provider_id() != "passphrase" || provider.wrap_key().starts_with(b"$argon2id$") {
        return Ok(());
    }
    Err(Error::Unsupported {
        operation: "a context in the native format",
        reason: "it needs a key derived with argon2id; use PassphraseKeyProvider::new".to_owned(),
    })
}

impl Document {
    /// Seals a context's secrets.
    pub(crate) fn seal(context: &ExecutionContext) -> Result<Self, Error> {
        let ExecutionContext { client, devices, format: _, key_provider: provider, content_key, .. } = context;
        check_derivation(&**provider)?;
        let wrapped = provider.wrap_key();
        let mut document = Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            config: Config::of(client.parameters()),
            device: devices.public.device().to_string(),
            secrets_on_cpu: devices.secrets_on_cpu,
            context_id: context.context_id.clone(),
            public_key: Numbers::of(client.public_key()),
            public_id: client.public_key().id().to_string(),
            key_provider: provider.provider_id().to_owned(),
            wrapped_key: STANDARD.encode(wrapped),
            sealed: String::new(),
        };
        let secret = secret_bytes(client, content_key);
        let sealed = sealing_key(&**provider)?.seal(&secret, document.text()?.as_bytes())?;
        document.sealed = STANDARD.encode(sealed);
        Ok(document)
    }

    /// Returns the text of the file.
    pub(crate) fn text(&self) -> Result<String, Error> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| Error::format(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// Returns the file as a JSON value.
    pub(crate) fn to_value(&self) -> Result<serde_json::Value, Error> {
        serde_json::to_value(self).map_err(|error| Error::format(error.to_string()))
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        check_version(&mut serde_json::Deserializer::from_str(text), FORMAT, VERSION)?;
        let document: Self = serde_json::from_str(text)
            .map_err(|error| Error::context("the context", format!("is not in the native format: {error}")))?;
        if document.text()? != text {
            return Err(Error::context("the context", "was reformatted or changed; restore the original file"));
        }
        Ok(document)
    }

    pub(crate) fn from_value(value: serde_json::Value) -> Result<Self, Error> {
        check_version(&value, FORMAT, VERSION)?;
        serde_json::from_value(value)
            .map_err(|error| Error::context("the context", format!("is not in the native format: {error}")))
    }

    pub(crate) fn parameters(&self) -> Result<Parameters, Error> {
        self.config.parameters()
    }

    pub(crate) fn device(&self) -> Result<Device, Error> {
        self.device.parse()
    }

    pub(crate) fn secrets_on_cpu(&self) -> bool {
        self.secrets_on_cpu
    }

    pub(crate) fn context_id(&self) -> Option<&str> {
        self.context_id.as_deref()
    }

    /// Returns the public key. It is authenticated only once the sealed part is opened.
    pub(crate) fn public_key(&self) -> Result<Arc<PublicKey>, Error> {
        let key = self.public_key.public_key(self.parameters()?)?;
        if key.id().to_string() != self.public_id {
            return Err(Error::context("public_id", "does not match the public key"));
        }
        Ok(key)
    }

    /// Returns the kind of key provider, and the data that it stored.
    pub(crate) fn wrapped_key(&self) -> Result<(String, Vec<u8>), Error> {
        let wrapped = STANDARD.decode(&self.wrapped_key);
        let wrapped = wrapped.map_err(|_| Error::context("wrapped_key", "is not base64"))?;
        Ok((self.key_provider.clone(), wrapped))
    }

    /// Returns the provider of this context's key, made from the user's credentials.
    pub(crate) fn provider(&self, credentials: &dyn KeyProvider) -> Result<Arc<dyn KeyProvider>, Error> {
        let given = credentials.provider_id();
        if self.key_provider != given {
            let reason = format!("is {:?}, but the given key provider is {given:?}", self.key_provider);
            return Err(Error::context("key_provider", reason));
        }
        let (_, wrapped) = self.wrapped_key()?;
        credentials.from_wrapped(Format::Native, &wrapped)
    }

    /// Opens the sealed part. Returns the client rebuilt from it, and the key for document content.
    pub(crate) fn open(&self, provider: &dyn KeyProvider) -> Result<(Client, EnvelopeKey), Error> {
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| Error::Unseal)?;
        let header = Self { sealed: String::new(), ..self.clone() };
        let secret = sealing_key(provider)?.open(&sealed, header.text()?.as_bytes())?;
        let public = self.public_key()?;
        let (numbers, content_key) = secret.split_at(secret.len().min(numbers_bytes(public.parameters())));
        let content_key = match <[u8; EnvelopeKey::BYTES]>::try_from(content_key) {
            Ok(key) => EnvelopeKey::new(Zeroizing::new(key)),
            Err(_) if content_key.is_empty() => EnvelopeKey::derive(&*provider.get_key()?, OLD_CONTENT),
            Err(_) => return Err(Error::context("the secret key", "has the wrong length")),
        };
        let client = client_from_bytes(&public, numbers)?;
        if client.public_key().id() != public.id() {
            return Err(Error::context("public_key", "does not match the secret key"));
        }
        Ok((client, content_key))
    }
}

/// Serialises the secret numbers, each as key_len/8 little-endian bytes, followed by the key for document content.
/// The numbers are p, q and, for the schemes that have them, the secret divisors of p − 1 and q − 1. All other
/// numbers follow from these.
fn secret_bytes(client: &Client, content_key: &EnvelopeKey) -> Zeroizing<Vec<u8>> {
    let width = client.parameters().key_len() / 64;
    let crt = &client.keys().crt;
    let mut limbs = Zeroizing::new(Vec::with_capacity(4 * width));
    limbs.extend_from_slice(crt.p().modulus.limbs());
    limbs.extend_from_slice(crt.q().modulus.limbs());
    let divisors = match client {
        Client::Paillier(_) => None,
        Client::PaillierLookup(key) => Some(key.orders()),
        Client::PaillierSubgroup(key) => Some(key.alphas()),
    };
    for divisor in divisors.into_iter().flatten() {
        let end = limbs.len() + width;
        limbs.extend_from_slice(&divisor[..divisor.len().min(width)]);
        limbs.resize(end, 0);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(limbs.len() * 8 + EnvelopeKey::BYTES));
    bytes.extend_from_slice(bytemuck::cast_slice(&limbs));
    bytes.extend_from_slice(content_key.bytes());
    bytes
}

/// Returns the length of the secret numbers in bytes.
fn numbers_bytes(parameters: &Parameters) -> usize {
    let count = if parameters.scheme().has_alpha() { 4 } else { 2 };
    count * parameters.key_len() / 8
}

fn client_from_bytes(public: &PublicKey, bytes: &[u8]) -> Result<Client, Error> {
    let parameters = *public.parameters();
    let size = parameters.key_len() / 8;
    if bytes.len() != numbers_bytes(&parameters) {
        return Err(Error::context("the secret key", "has the wrong length"));
    }
    let number = |i: usize| {
        let mut limbs = Zeroizing::new(vec![0u64; size / 8]);
        bytemuck::cast_slice_mut(&mut limbs).copy_from_slice(&bytes[i * size..(i + 1) * size]);
        uint::from_limbs(&limbs)
    };
    let primes = Primes::new(&parameters, number(0), number(1))?;
    primes.check_product(public.n())?;
    let elements = public.elements().clone();
    match (parameters.scheme(), elements) {
        (Scheme::Paillier, Elements::Paillier) => Ok(Client::Paillier(Paillier::from_primes(parameters, &primes)?)),
        (Scheme::PaillierLookup, Elements::Lookup { g, g_n }) => {
            let parts = lookup::Parts { primes, order_p: number(2), order_q: number(3), g, g_n };
            Ok(Client::PaillierLookup(PaillierLookup::from_parts(parameters, parts)?))
        }
        (Scheme::PaillierSubgroup, Elements::Subgroup { h_n }) => {
            let parts = subgroup::Parts { primes, alpha_p: number(2), alpha_q: number(3), h_n };
            Ok(Client::PaillierSubgroup(PaillierSubgroup::from_parts(parameters, parts)?))
        }
        _ => Err(Error::context("config", "has a different scheme from the keys")),
    }
}
