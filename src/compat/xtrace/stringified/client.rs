//! Reads secret keys from the JSON texts that [`stringify`](super::super::stringify) writes.
//!
//! All public numbers and sizes follow from the secret key and are checked against it, so every change of them is
//! detected.

use super::super::stringify::{lookup_inverse, totient_inverse};
use super::{Stringified, digits};
use crate::bignum::uint::{self, Secret};
use crate::error::Error;
use crate::paillier::classic::Paillier;
use crate::paillier::client::Client;
use crate::paillier::keys::Primes;
use crate::paillier::lookup::{self, PaillierLookup};
use crate::paillier::public_key::{Elements, PublicKey};
use crate::paillier::subgroup::{self, PaillierSubgroup};
use num_bigint::BigUint;
use serde::Deserialize;
use serde_json::value::RawValue;

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

impl Stringified<'_> {
    /// Returns the client with its secret key, with all fields checked against each other.
    pub(crate) fn client(&self, secret: &str) -> Result<Client, Error> {
        let public = self.public_key()?;
        let client = match public.elements().clone() {
            Elements::Paillier => Client::Paillier(paillier(&public, secret)?),
            Elements::Lookup { g, g_n } => Client::PaillierLookup(paillier_lookup(&public, secret, g, g_n)?),
            Elements::Subgroup { h_n } => Client::PaillierSubgroup(paillier_subgroup(&public, secret, h_n)?),
        };
        if client.public_key().id() != public.id() {
            return Err(Error::context("pk", "does not match the secret key"));
        }
        Ok(client)
    }
}

/// Parses a number of a secret key, of at most `bits` bits.
fn secret_number(public: &PublicKey, field: &'static str, raw: &RawValue, bits: usize) -> Result<Secret, Error> {
    uint::from_decimal(digits(public.parameters().scheme(), field, raw)?, field, bits / 64)
}

/// Returns the error for a secret key that cannot be parsed. It quotes no part of the key.
fn unreadable(_: serde_json::Error) -> Error {
    Error::context("sk", "is not in the format of its client type")
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
