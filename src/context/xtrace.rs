//! The context format of XTrace's SDK.
//!
//! Only the secret key is authenticated there, so everything is checked against everything: whoever changes a public
//! number, a size or an injected table is found out, because all of them follow from the secret key.

use super::Format;
use super::key_provider::KeyProvider;
use super::stringify::{self, lookup_inverse, message_chunks, python_object, totient_inverse};
use super::tables::{self, Tables};
use crate::arith::uint;
use crate::backend::Backend;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::classic::Paillier;
use crate::paillier::client::Client;
use crate::paillier::keys::Primes;
use crate::paillier::lookup::{self, PaillierLookup};
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_key::{Elements, PublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The file: one JSON object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    embed_len: usize,
    key_len: usize,
    #[serde(default)]
    alpha_len: Option<usize>,
    #[serde(default)]
    message_chunks: Option<usize>,
    /// Some builds of the SDK add it. Ours is never read from there.
    #[serde(default, rename = "device")]
    _device: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicNumbers<'a> {
    #[serde(borrow)]
    g: &'a RawValue,
    #[serde(borrow)]
    n: &'a RawValue,
    #[serde(borrow)]
    n_squared: &'a RawValue,
    #[serde(borrow, default)]
    g_n: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PaillierSecret<'a> {
    #[serde(borrow)]
    phi: &'a RawValue,
    #[serde(borrow)]
    inv: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupSecret<'a> {
    #[serde(borrow)]
    phi: &'a RawValue,
    #[serde(borrow)]
    a: &'a RawValue,
    #[serde(borrow)]
    g_a_inv: &'a RawValue,
}

/// A number as this client type writes it: a decimal string, or a bare integer.
fn digits<'a>(scheme: Scheme, field: &'static str, raw: &'a RawValue) -> Result<&'a str, Error> {
    let text = raw.get();
    let digits = match scheme {
        Scheme::Paillier => text.strip_prefix('"').and_then(|text| text.strip_suffix('"')),
        _ => Some(text),
    };
    let valid = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.filter(valid).ok_or_else(|| Error::context(field, "is not a number as this client type writes them"))
}

/// A public number of at most `bits` bits.
fn public_number(scheme: Scheme, field: &'static str, raw: &RawValue, bits: usize) -> Result<BigUint, Error> {
    let digits = digits(scheme, field, raw)?;
    let number = if digits.len() > bits { None } else { BigUint::parse_bytes(digits.as_bytes(), 10) };
    let small = number.filter(|number| number.bits() <= bits as u64);
    small.ok_or_else(|| Error::context(field, format!("has more than {bits} bits")))
}

fn malformed(what: &'static str) -> impl FnOnce(serde_json::Error) -> Error {
    // The message says where and which kind of token, and never quotes a value.
    move |error| Error::context(what, format!("is not as XTrace writes it: {error}"))
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(malformed("the context"))
    }

    /// Scheme and sizes, checked.
    pub(super) fn parameters(&self) -> Result<Parameters, Error> {
        let config: Config = serde_json::from_str(&self.config).map_err(malformed("config"))?;
        let scheme = self.scheme()?;
        if scheme == Scheme::PaillierLookup && config.alpha_len.is_none() {
            return Err(Error::context("config", "has no alpha_len"));
        }
        let parameters = Parameters::new(scheme, config.embed_len, config.key_len, config.alpha_len)?;
        let chunks = (scheme == Scheme::PaillierLookup).then(|| message_chunks(&parameters));
        if config.message_chunks != chunks {
            return Err(Error::context("message_chunks", format!("must be {chunks:?} for this key_len")));
        }
        Ok(parameters)
    }

    fn scheme(&self) -> Result<Scheme, Error> {
        [Scheme::Paillier, Scheme::PaillierLookup]
            .into_iter()
            .find(|scheme| stringify::client_type(*scheme) == self.client_type)
            .ok_or_else(|| Error::context("type", "is neither PaillierClient nor PaillierLookupClient"))
    }

    /// The public key, checked as far as it can be without the secret one.
    pub(super) fn public_key(&self) -> Result<Arc<PublicKey>, Error> {
        let parameters = self.parameters()?;
        let scheme = parameters.scheme();
        let numbers: PublicNumbers<'_> = serde_json::from_str(&self.pk).map_err(malformed("pk"))?;
        let bits = 2 * parameters.key_len();
        let n = public_number(scheme, "n", numbers.n, bits)?;
        if public_number(scheme, "n_squared", numbers.n_squared, 2 * bits)? != &n * &n {
            return Err(Error::context("n_squared", "is not n·n"));
        }
        let g = public_number(scheme, "g", numbers.g, 2 * bits)?;
        let elements = match (scheme, numbers.g_n) {
            (Scheme::PaillierLookup, Some(g_n)) => {
                Elements::Lookup { g, g_n: public_number(scheme, "g_n", g_n, 2 * bits)? }
            }
            (Scheme::Paillier, None) if g == &n + 1u32 => Elements::Paillier,
            (Scheme::Paillier, None) => return Err(Error::context("g", "is not n + 1")),
            _ => return Err(Error::context("g_n", "must be there for the lookup client, and only there")),
        };
        PublicKey::new(parameters, n, elements)
    }

    /// The kind of key provider, and what it stored.
    pub(super) fn wrapped_key(&self) -> Result<(String, Vec<u8>), Error> {
        let wrapped = STANDARD.decode(&self.wrapped_key);
        let wrapped = wrapped.map_err(|_| Error::context("wrapped_key", "is not base64"))?;
        Ok((self.key_provider.clone(), wrapped))
    }

    /// The provider that holds this context's key, given the user's.
    pub(super) fn provider(&self, credentials: &dyn KeyProvider) -> Result<Arc<dyn KeyProvider>, Error> {
        if self.key_provider != credentials.provider_id() {
            return Err(Error::context("key_provider", format!("is {:?}, not the one given", self.key_provider)));
        }
        let (_, wrapped) = self.wrapped_key()?;
        credentials.from_wrapped(Format::XTrace, &wrapped)
    }

    /// The client with its secret key, every field checked against every other.
    pub(super) fn client(&self, key: &EnvelopeKey, backend: &Backend) -> Result<Client, Error> {
        let public = self.public_key()?;
        let parameters = *public.parameters();
        let secret = key.open_xtrace(&self.sk)?;
        let secret = std::str::from_utf8(&secret).map_err(|_| Error::Unseal)?;
        let width = parameters.key_len() / 32;
        let scheme = parameters.scheme();
        let number = |field, raw: &RawValue| uint::from_decimal(digits(scheme, field, raw)?, field, width);
        // What cannot be parsed here was sealed with this key, so the error may say so but not quote it.
        let unreadable = |_| Error::context("sk", "is not as XTrace writes it");
        let client = if scheme == Scheme::Paillier {
            let secret: PaillierSecret<'_> = serde_json::from_str(secret).map_err(unreadable)?;
            let primes = Primes::from_totient(&parameters, public.n(), &*number("phi", secret.phi)?)?;
            if !uint::equal(&totient_inverse(&primes)?.1, &*number("inv", secret.inv)?) {
                return Err(Error::context("inv", "is not the inverse of phi"));
            }
            Client::Paillier(Paillier::from_primes(parameters, &primes)?)
        } else {
            let secret: LookupSecret<'_> = serde_json::from_str(secret).map_err(unreadable)?;
            let primes = Primes::from_totient(&parameters, public.n(), &*number("phi", secret.phi)?)?;
            let a = number("a", secret.a)?;
            let order = |p: &uint::Secret| uint::gcd(&a, &uint::difference(p, &uint::one()));
            let (order_p, order_q) = (order(&primes.p), order(&primes.q));
            let (expected_a, expected_inverse) = lookup_inverse(&public, &order_p, &order_q)?;
            if !uint::equal(&a, &expected_a) {
                return Err(Error::context("a", "is not the least common multiple of two orders"));
            }
            if !uint::equal(&expected_inverse, &*number("g_a_inv", secret.g_a_inv)?) {
                return Err(Error::context("g_a_inv", "is not the inverse of L(g^a)"));
            }
            let Elements::Lookup { g, g_n } = public.elements().clone() else {
                return Err(Error::context("type", "is not that of the keys"));
            };
            let parts = lookup::Parts { primes, order_p, order_q, g, g_n };
            Client::PaillierLookup(PaillierLookup::from_parts(parameters, parts)?)
        };
        if client.public_key().id() != public.id() {
            return Err(Error::context("pk", "does not belong to the secret key"));
        }
        if let Some(tables) = &self.tables {
            tables::check(&client, backend, &Tables::from_json(tables.get())?)?;
        }
        Ok(client)
    }
}

/// The fields of the file, in its order.
pub(super) fn fields(client: &Client, provider: &dyn KeyProvider) -> Result<[(&'static str, String); 6], Error> {
    let scheme = client.parameters().scheme();
    if scheme == Scheme::PaillierSubgroup {
        return Err(Error::Unsupported {
            operation: "XTrace's format",
            reason: "XTrace's SDK does not know the scheme paillier_subgroup; use the native format".to_owned(),
        });
    }
    let wrapped = provider.wrap_key();
    if provider.provider_id() == "passphrase" && wrapped.starts_with(b"$argon2id$") {
        return Err(Error::Unsupported {
            operation: "XTrace's format",
            reason: "it needs a key derived with scrypt; use PassphraseKeyProvider::xtrace".to_owned(),
        });
    }
    let key = EnvelopeKey::new(provider.get_key()?);
    Ok([
        ("sk", key.seal_xtrace(stringify::secret_key(client)?.as_bytes())?),
        ("pk", stringify::public_key(client.public_key())),
        ("type", stringify::client_type(scheme).to_owned()),
        ("config", stringify::config(client.parameters())),
        ("key_provider", provider.provider_id().to_owned()),
        ("wrapped_key", STANDARD.encode(wrapped)),
    ])
}

/// The file's text.
pub(super) fn serialize(client: &Client, provider: &dyn KeyProvider) -> Result<String, Error> {
    let fields = fields(client, provider)?;
    let borrowed = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    Ok(python_object(&borrowed).to_string())
}

/// The SDK's `hash()`: SHA-256 over the plain context, lower-case hex.
pub(super) fn hash(client: &Client) -> Result<String, Error> {
    let secret = stringify::secret_key(client)?;
    let text: Zeroizing<String> = python_object(&[
        ("sk", &secret),
        ("pk", &stringify::public_key(client.public_key())),
        ("type", stringify::client_type(client.parameters().scheme())),
        ("config", &stringify::config(client.parameters())),
    ]);
    Ok(Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect())
}
