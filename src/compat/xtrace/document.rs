//! The context format of XTrace's SDK.
//!
//! Only the secret key is authenticated there, so everything is checked against everything: whoever changes a public
//! number, a size or an injected table is found out, because all of them follow from the secret key.

use super::stringified::{self, Stringified, client_type};
use super::stringify::{self, python_object};
use super::tables::{self, Tables};
use super::{blob, secret_text};
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::device::open_device::OpenDevice;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::client::Client;
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_key::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The file: one JSON object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    sk: String,
    pk: String,
    #[serde(rename = "type")]
    client_type: String,
    config: String,
    key_provider: String,
    wrapped_key: String,
    #[serde(default)]
    tables: Option<Box<RawValue>>,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(stringified::malformed("the context"))
    }

    /// The file as a JSON value, without tables.
    pub(crate) fn to_value(&self) -> Value {
        let Self { sk, pk, client_type, config, key_provider, wrapped_key, tables: _ } = self;
        json!({
            "sk": sk,
            "pk": pk,
            "type": client_type,
            "config": config,
            "key_provider": key_provider,
            "wrapped_key": wrapped_key,
        })
    }

    /// Keys and configuration as texts.
    fn keys(&self) -> Result<Stringified<'_>, Error> {
        let keys = Stringified { client_type: &self.client_type, pk: &self.pk, config: &self.config };
        match keys.scheme()? {
            Scheme::PaillierSubgroup => {
                Err(Error::context("type", "is neither PaillierClient nor PaillierLookupClient"))
            }
            _ => Ok(keys),
        }
    }

    /// Scheme and sizes, checked.
    pub(crate) fn parameters(&self) -> Result<Parameters, Error> {
        self.keys()?.parameters()
    }

    /// The public key, checked as far as it can be without the secret one.
    pub(crate) fn public_key(&self) -> Result<Arc<PublicKey>, Error> {
        self.keys()?.public_key()
    }

    /// The kind of key provider, and what it stored.
    pub(crate) fn wrapped_key(&self) -> Result<(String, Vec<u8>), Error> {
        let wrapped = STANDARD.decode(&self.wrapped_key);
        let wrapped = wrapped.map_err(|_| Error::context("wrapped_key", "is not base64"))?;
        Ok((self.key_provider.clone(), wrapped))
    }

    /// The provider that holds this context's key, given the user's.
    pub(crate) fn provider(&self, credentials: &dyn KeyProvider) -> Result<Arc<dyn KeyProvider>, Error> {
        if self.key_provider != credentials.provider_id() {
            return Err(Error::context("key_provider", format!("is {:?}, not the one given", self.key_provider)));
        }
        let (_, wrapped) = self.wrapped_key()?;
        credentials.from_wrapped(Format::XTrace, &wrapped)
    }

    /// The client with its secret key, every field checked against every other.
    pub(crate) fn client(&self, key: &EnvelopeKey, device: &OpenDevice) -> Result<Client, Error> {
        let keys = self.keys()?;
        let secret = blob::open(key, &self.sk)?;
        // Content is sealed with the same key. What is taken for a key here must be refused as content.
        if !secret_text::is_secret_key(&secret) {
            return Err(Error::context("sk", "is not as its client type writes it"));
        }
        let client = keys.client(std::str::from_utf8(&secret).map_err(|_| Error::Unseal)?)?;
        if let Some(tables) = &self.tables {
            tables::check(&client, device, &Tables::from_json(tables.get())?)?;
        }
        Ok(client)
    }
}

/// # Errors
/// [`Error::Unsupported`] if the SDK does not know the scheme.
pub(crate) fn check_scheme(scheme: Scheme) -> Result<(), Error> {
    match scheme {
        Scheme::Paillier | Scheme::PaillierLookup => Ok(()),
        Scheme::PaillierSubgroup => Err(Error::Unsupported {
            operation: "XTrace's format",
            reason: "XTrace's SDK does not know the scheme paillier_subgroup; use the native format".to_owned(),
        }),
    }
}

/// The fields of the file, in its order.
pub(crate) fn fields(client: &Client, provider: &dyn KeyProvider) -> Result<[(&'static str, String); 6], Error> {
    let scheme = client.parameters().scheme();
    check_scheme(scheme)?;
    let wrapped = provider.wrap_key();
    if provider.provider_id() == "passphrase" && wrapped.starts_with(b"$argon2id$") {
        return Err(Error::Unsupported {
            operation: "XTrace's format",
            reason: "it needs a key derived with scrypt; use PassphraseKeyProvider::xtrace".to_owned(),
        });
    }
    let key = EnvelopeKey::new(provider.get_key()?);
    Ok([
        ("sk", blob::seal(&key, stringify::secret_key(client)?.as_bytes())?),
        ("pk", stringify::public_key(client.public_key())),
        ("type", client_type(scheme).to_owned()),
        ("config", stringify::config(client.parameters())),
        ("key_provider", provider.provider_id().to_owned()),
        ("wrapped_key", STANDARD.encode(wrapped)),
    ])
}

/// The file's text.
pub(crate) fn serialize(client: &Client, provider: &dyn KeyProvider) -> Result<String, Error> {
    let fields = fields(client, provider)?;
    let borrowed = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    Ok(python_object(&borrowed).to_string())
}

/// The SDK's `hash()`: SHA-256 over the plain context, lower-case hex.
pub(crate) fn hash(client: &Client) -> Result<String, Error> {
    let secret = stringify::secret_key(client)?;
    let text: Zeroizing<String> = python_object(&[
        ("sk", &secret),
        ("pk", &stringify::public_key(client.public_key())),
        ("type", client_type(client.parameters().scheme())),
        ("config", &stringify::config(client.parameters())),
    ]);
    Ok(Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect())
}
