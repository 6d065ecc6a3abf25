//! The context format of XTrace's SDK.
//!
//! The format authenticates only the secret key. All other fields follow from the secret key and are checked against
//! it, so a changed public number, a changed size or an injected table is detected.

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

/// The content of a context file: one JSON object.
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

    /// Returns the file as a JSON value, without tables.
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

    /// Returns the keys and the configuration as text.
    fn keys(&self) -> Result<Stringified<'_>, Error> {
        let keys = Stringified { client_type: &self.client_type, pk: &self.pk, config: &self.config };
        match keys.scheme()? {
            Scheme::PaillierSubgroup => {
                Err(Error::context("type", "is neither PaillierClient nor PaillierLookupClient"))
            }
            _ => Ok(keys),
        }
    }

    /// Returns the scheme and its sizes, checked.
    pub(crate) fn parameters(&self) -> Result<Parameters, Error> {
        self.keys()?.parameters()
    }

    /// Returns the public key, checked as far as possible without the secret key.
    pub(crate) fn public_key(&self) -> Result<Arc<PublicKey>, Error> {
        self.keys()?.public_key()
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
        credentials.from_wrapped(Format::XTrace, &wrapped)
    }

    /// Returns the client with its secret key, with all fields checked against each other.
    pub(crate) fn client(&self, key: &EnvelopeKey, device: &OpenDevice) -> Result<Client, Error> {
        let keys = self.keys()?;
        let secret = blob::open(key, &self.sk)?;
        // Content is sealed under the same key. Anything that is accepted as a secret key here must be refused as
        // content.
        if !secret_text::is_secret_key(&secret) {
            return Err(Error::context("sk", "is not in the format of its client type"));
        }
        let client = keys.client(std::str::from_utf8(&secret).map_err(|_| Error::Unseal)?)?;
        if let Some(tables) = &self.tables {
            tables::check(&client, device, &Tables::from_json(tables.get())?)?;
        }
        Ok(client)
    }
}

/// Checks that the SDK supports a scheme.
///
/// # Errors
/// [`Error::Unsupported`] if it does not.
pub(crate) fn check_scheme(scheme: Scheme) -> Result<(), Error> {
    match scheme {
        Scheme::Paillier | Scheme::PaillierLookup => Ok(()),
        Scheme::PaillierSubgroup => Err(Error::Unsupported {
            operation: "a context in XTrace's format",
            reason: "XTrace's SDK does not support the scheme paillier_subgroup; use the native format".to_owned(),
        }),
    }
}

/// Returns the fields of the file, in the order of the file.
pub(crate) fn fields(client: &Client, provider: &dyn KeyProvider) -> Result<[(&'static str, String); 6], Error> {
    let scheme = client.parameters().scheme();
    check_scheme(scheme)?;
    let wrapped = provider.wrap_key();
    if provider.provider_id() == "passphrase" && wrapped.starts_with(b"$argon2id$") {
        return Err(Error::Unsupported {
            operation: "a context in XTrace's format",
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

/// Returns the text of the file.
pub(crate) fn serialize(client: &Client, provider: &dyn KeyProvider) -> Result<String, Error> {
    let fields = fields(client, provider)?;
    let borrowed = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    Ok(python_object(&borrowed).to_string())
}

/// Computes the SDK's `hash()`: the SHA-256 of the plain context, in lower-case hexadecimal.
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
