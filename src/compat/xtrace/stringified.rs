//! Reads public keys and configurations from the JSON texts that XTrace's SDK writes.

#[cfg(feature = "owner")]
mod client;

use crate::error::Error;
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_key::{Elements, PublicKey};
use num_bigint::BigUint;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Returns the name of the SDK's client class for a scheme.
pub(crate) fn client_type(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Paillier => "PaillierClient",
        Scheme::PaillierLookup => "PaillierLookupClient",
        Scheme::PaillierSubgroup => "PaillierSubgroupClient",
    }
}

/// Returns the number of rows of the SDK's table of powers of g: one for each byte of n.
pub(crate) fn message_chunks(parameters: &Parameters) -> usize {
    (2 * parameters.key_len()).div_ceil(8)
}

/// The texts of a client without its secret key.
pub(crate) struct Stringified<'a> {
    pub(crate) client_type: &'a str,
    pub(crate) pk: &'a str,
    pub(crate) config: &'a str,
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
    /// Some builds of the SDK write this field. It is ignored.
    #[serde(default, rename = "device")]
    _device: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicNumbers<'a> {
    #[serde(borrow, default)]
    g: Option<&'a RawValue>,
    #[serde(borrow)]
    n: &'a RawValue,
    #[serde(borrow)]
    n_squared: &'a RawValue,
    #[serde(borrow, default)]
    g_n: Option<&'a RawValue>,
    #[serde(borrow, default)]
    h_n: Option<&'a RawValue>,
}

/// Returns a text field of a context.
pub(crate) fn text<'a>(context: &'a Value, field: &'static str) -> Result<&'a str, Error> {
    let text = context.get(field).and_then(Value::as_str);
    text.ok_or_else(|| Error::context(field, "is missing or not a string"))
}

/// Returns the decimal digits of a number. Depending on the client type, it is a JSON string or a bare integer.
pub(crate) fn digits<'a>(scheme: Scheme, field: &'static str, raw: &'a RawValue) -> Result<&'a str, Error> {
    let text = raw.get();
    let digits = match scheme {
        Scheme::Paillier => text.strip_prefix('"').and_then(|text| text.strip_suffix('"')),
        _ => Some(text),
    };
    let valid = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.filter(valid).ok_or_else(|| Error::context(field, "is not a number in the format of its client type"))
}

/// Parses a public number of at most `bits` bits.
fn public_number(scheme: Scheme, field: &'static str, raw: &RawValue, bits: usize) -> Result<BigUint, Error> {
    let digits = digits(scheme, field, raw)?;
    let number = if digits.len() > bits { None } else { BigUint::parse_bytes(digits.as_bytes(), 10) };
    let small = number.filter(|number| number.bits() <= bits as u64);
    small.ok_or_else(|| Error::context(field, format!("has more than {bits} bits")))
}

pub(crate) fn malformed(what: &'static str) -> impl FnOnce(serde_json::Error) -> Error {
    // serde_json's message names the position and the kind of token, and never quotes a value.
    move |error| Error::context(what, format!("is not in XTrace's format: {error}"))
}

impl<'a> Stringified<'a> {
    /// Takes the texts from the fields of a context.
    ///
    /// # Errors
    /// [`Error::Context`], naming a field that is missing or not a string.
    pub(crate) fn of(context: &'a Value) -> Result<Self, Error> {
        Ok(Self { client_type: text(context, "type")?, pk: text(context, "pk")?, config: text(context, "config")? })
    }

    pub(crate) fn scheme(&self) -> Result<Scheme, Error> {
        [Scheme::Paillier, Scheme::PaillierLookup, Scheme::PaillierSubgroup]
            .into_iter()
            .find(|scheme| client_type(*scheme) == self.client_type)
            .ok_or_else(|| {
                Error::context("type", "is neither PaillierClient, PaillierLookupClient nor PaillierSubgroupClient")
            })
    }

    /// Returns the scheme and its sizes, checked.
    pub(crate) fn parameters(&self) -> Result<Parameters, Error> {
        let config: Config = serde_json::from_str(self.config).map_err(malformed("config"))?;
        let scheme = self.scheme()?;
        if scheme == Scheme::PaillierLookup && config.alpha_len.is_none() {
            return Err(Error::context("config", "has no alpha_len"));
        }
        let parameters = Parameters::new(scheme, config.embed_len, config.key_len, config.alpha_len)?;
        let chunks = (scheme == Scheme::PaillierLookup).then(|| message_chunks(&parameters));
        if config.message_chunks != chunks {
            let absent = || "is not allowed for this client type".to_owned();
            let reason = chunks.map_or_else(absent, |chunks| format!("must be {chunks} for this key_len"));
            return Err(Error::context("message_chunks", reason));
        }
        Ok(parameters)
    }

    /// Returns the public key, checked as far as possible without the secret key.
    pub(crate) fn public_key(&self) -> Result<Arc<PublicKey>, Error> {
        let parameters = self.parameters()?;
        let scheme = parameters.scheme();
        let numbers: PublicNumbers<'_> = serde_json::from_str(self.pk).map_err(malformed("pk"))?;
        let bits = 2 * parameters.key_len();
        let n = public_number(scheme, "n", numbers.n, bits)?;
        if public_number(scheme, "n_squared", numbers.n_squared, 2 * bits)? != &n * &n {
            return Err(Error::context("n_squared", "is not n·n"));
        }
        let number = |field, raw| public_number(scheme, field, raw, 2 * bits);
        let elements = match (scheme, numbers.g, numbers.g_n, numbers.h_n) {
            (Scheme::Paillier, Some(g), None, None) if number("g", g)? == &n + 1u32 => Elements::Paillier,
            (Scheme::Paillier, Some(_), None, None) => return Err(Error::context("g", "is not n + 1")),
            (Scheme::PaillierLookup, Some(g), Some(g_n), None) => {
                Elements::Lookup { g: number("g", g)?, g_n: number("g_n", g_n)? }
            }
            (Scheme::PaillierSubgroup, None, None, Some(h_n)) => Elements::Subgroup { h_n: number("h_n", h_n)? },
            _ => return Err(Error::context("pk", "does not have the fields of its client type")),
        };
        PublicKey::new(parameters, n, elements)
    }
}
