//! Keys and configuration, read back from the JSON texts that [`super::stringify`] writes.
//!
//! Everything is checked against everything: whoever changes a public number or a size is found out, because all of them
//! follow from the secret key.

use super::stringify::{self, lookup_inverse, message_chunks, totient_inverse};
use crate::arith::uint::{self, Secret};
use crate::error::Error;
use crate::paillier::classic::Paillier;
use crate::paillier::client::Client;
use crate::paillier::keys::Primes;
use crate::paillier::lookup::{self, PaillierLookup};
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::public_key::{Elements, PublicKey};
use crate::paillier::subgroup::{self, PaillierSubgroup};
use num_bigint::BigUint;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// A client without its secret key.
pub(super) struct Stringified<'a> {
    pub client_type: &'a str,
    pub pk: &'a str,
    pub config: &'a str,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubgroupSecret<'a> {
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    q: &'a RawValue,
    #[serde(borrow)]
    alpha_p: &'a RawValue,
    #[serde(borrow)]
    alpha_q: &'a RawValue,
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

pub(super) fn malformed(what: &'static str) -> impl FnOnce(serde_json::Error) -> Error {
    // The message says where and which kind of token, and never quotes a value.
    move |error| Error::context(what, format!("is not as XTrace writes it: {error}"))
}

impl Stringified<'_> {
    pub(super) fn scheme(&self) -> Result<Scheme, Error> {
        [Scheme::Paillier, Scheme::PaillierLookup, Scheme::PaillierSubgroup]
            .into_iter()
            .find(|scheme| stringify::client_type(*scheme) == self.client_type)
            .ok_or_else(|| {
                Error::context("type", "is neither PaillierClient, PaillierLookupClient nor PaillierSubgroupClient")
            })
    }

    /// Scheme and sizes, checked.
    pub(super) fn parameters(&self) -> Result<Parameters, Error> {
        let config: Config = serde_json::from_str(self.config).map_err(malformed("config"))?;
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

    /// The public key, checked as far as it can be without the secret one.
    pub(super) fn public_key(&self) -> Result<Arc<PublicKey>, Error> {
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
            _ => return Err(Error::context("pk", "has not the fields of its client type")),
        };
        PublicKey::new(parameters, n, elements)
    }

    /// The client with its secret key, every field checked against every other.
    pub(super) fn client(&self, secret: &str) -> Result<Client, Error> {
        let public = self.public_key()?;
        let client = match public.elements().clone() {
            Elements::Paillier => Client::Paillier(paillier(&public, secret)?),
            Elements::Lookup { g, g_n } => Client::PaillierLookup(paillier_lookup(&public, secret, g, g_n)?),
            Elements::Subgroup { h_n } => Client::PaillierSubgroup(paillier_subgroup(&public, secret, h_n)?),
        };
        if client.public_key().id() != public.id() {
            return Err(Error::context("pk", "does not belong to the secret key"));
        }
        Ok(client)
    }
}

/// A number of a secret key, of at most `bits` bits.
fn secret_number(public: &PublicKey, field: &'static str, raw: &RawValue, bits: usize) -> Result<Secret, Error> {
    uint::from_decimal(digits(public.parameters().scheme(), field, raw)?, field, bits / 64)
}

/// Says that a secret key cannot be parsed, and quotes nothing of it.
fn unreadable(_: serde_json::Error) -> Error {
    Error::context("sk", "is not as its client type writes it")
}

fn paillier(public: &PublicKey, secret: &str) -> Result<Paillier, Error> {
    let secret: PaillierSecret<'_> = serde_json::from_str(secret).map_err(unreadable)?;
    let parameters = *public.parameters();
    let bits = 2 * parameters.key_len();
    let primes = Primes::from_totient(&parameters, public.n(), &*secret_number(public, "phi", secret.phi, bits)?)?;
    if !uint::equal(&totient_inverse(&primes)?.1, &*secret_number(public, "inv", secret.inv, bits)?) {
        return Err(Error::context("inv", "is not the inverse of phi"));
    }
    Paillier::from_primes(parameters, &primes)
}

fn paillier_lookup(public: &PublicKey, secret: &str, g: BigUint, g_n: BigUint) -> Result<PaillierLookup, Error> {
    let secret: LookupSecret<'_> = serde_json::from_str(secret).map_err(unreadable)?;
    let parameters = *public.parameters();
    let bits = 2 * parameters.key_len();
    let primes = Primes::from_totient(&parameters, public.n(), &*secret_number(public, "phi", secret.phi, bits)?)?;
    let a = secret_number(public, "a", secret.a, bits)?;
    let order = |p: &Secret| uint::gcd(&a, &uint::difference(p, &uint::one()));
    let (order_p, order_q) = (order(&primes.p), order(&primes.q));
    let (expected_a, expected_inverse) = lookup_inverse(public, &order_p, &order_q)?;
    if !uint::equal(&a, &expected_a) {
        return Err(Error::context("a", "is not the least common multiple of two orders"));
    }
    if !uint::equal(&expected_inverse, &*secret_number(public, "g_a_inv", secret.g_a_inv, bits)?) {
        return Err(Error::context("g_a_inv", "is not the inverse of L(g^a)"));
    }
    PaillierLookup::from_parts(parameters, lookup::Parts { primes, order_p, order_q, g, g_n })
}

fn paillier_subgroup(public: &PublicKey, secret: &str, h_n: BigUint) -> Result<PaillierSubgroup, Error> {
    let secret: SubgroupSecret<'_> = serde_json::from_str(secret).map_err(unreadable)?;
    let parameters = *public.parameters();
    let number = |field, raw| secret_number(public, field, raw, parameters.key_len());
    let primes = Primes::new(&parameters, number("p", secret.p)?, number("q", secret.q)?)?;
    primes.check_product(public.n())?;
    let (alpha_p, alpha_q) = (number("alpha_p", secret.alpha_p)?, number("alpha_q", secret.alpha_q)?);
    PaillierSubgroup::from_parts(parameters, subgroup::Parts { primes, alpha_p, alpha_q, h_n })
}
