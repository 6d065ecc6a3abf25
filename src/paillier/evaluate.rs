//! Operations on ciphertexts that need no secret key.
//!
//! ```text
//! add(Enc(a), Enc(b))      = Enc(a + b mod n)
//! add_plain(Enc(a), b)     = Enc(a + b mod n)
//! mul_plain(Enc(a), b)     = Enc(a·b mod n)
//! ```
//!
//! The results of `add_plain` and `mul_plain` have no fresh noise, so anyone who knows the operands can recognise
//! them. Add an encryption of 0 where that matters.

use super::ciphertext::{Ciphertext, Ciphertexts};
use super::plaintext::Plaintext;
use super::public_key::{PublicKey, PublicNoise};
use crate::bignum::batch::Rows;
use crate::bignum::window::Exponent;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::kernels::hamming_aggregate::hamming_aggregate;
use crate::paillier::kernels::messages::add_messages;
use crate::paillier::kernels::pair_fixed_base_pow::pair_fixed_base_pow;
use crate::paillier::kernels::pair_mul::pair_mul;
use crate::paillier::kernels::pair_pow::pair_pow;

/// Computes `Enc(a + b mod n)` from `Enc(a)` and `Enc(b)`.
///
/// # Errors
/// [`Error::WrongKey`].
pub fn add(key: &PublicKey, device: &OpenDevice, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, Error> {
    let width = 2 * key.width();
    let mut out = vec![0; width];
    let (a, b) = (checked_row(key, a)?, checked_row(key, b)?);
    pair_mul(device, key.modulus(), Rows::new(a, width), Rows::new(b, width), &mut out);
    Ok(Ciphertext::from_row(key.id(), &out))
}

/// Computes `Enc(a + b mod n)` from `Enc(a)` and b.
///
/// # Errors
/// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
pub fn add_plain(key: &PublicKey, device: &OpenDevice, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
    let b = b.below(key.modulus().limbs())?;
    let a = checked_row(key, a)?;
    let out = add_plain_rows(key, device, Rows::new(a, a.len()), Rows::new(&b, key.width()));
    Ok(Ciphertext::from_row(key.id(), &out))
}

/// Applies [`add_plain`] row by row, to plaintexts below n.
pub(crate) fn add_plain_rows(key: &PublicKey, device: &OpenDevice, a: Rows<'_>, plaintexts: Rows<'_>) -> Vec<u64> {
    let mut out = a.limbs().to_vec();
    match key.noise() {
        PublicNoise::PowerOfN(_) | PublicNoise::Subgroup { .. } => {
            add_messages(device, key.modulus(), plaintexts, &mut out);
        }
        PublicNoise::Lookup { g, .. } => {
            let mut messages = vec![0; out.len()];
            pair_fixed_base_pow(device, g, g.exponent_bits(), plaintexts, &mut messages);
            pair_mul(device, key.modulus(), a, Rows::new(&messages, a.width()), &mut out);
        }
    }
    out
}

/// Computes `Enc(a·b mod n)` from `Enc(a)` and b. The time depends on b only through its length in 64-bit words.
///
/// # Errors
/// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
pub fn mul_plain(key: &PublicKey, device: &OpenDevice, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
    let width = 2 * key.width();
    let mut out = vec![0; width];
    let limbs = b.below(key.modulus().limbs())?;
    let exponent = Exponent::new(&limbs, b.bits().next_multiple_of(64));
    pair_pow(device, key.modulus(), Rows::new(checked_row(key, a)?, width), &exponent, &mut out);
    Ok(Ciphertext::from_row(key.id(), &out))
}

/// Multiplies the query with each vector. The results encrypt the sums whose digits give the Hamming distances.
///
/// # Errors
/// [`Error::WrongKey`] if the query or the vectors belong to another key.
pub fn hamming_batch(
    key: &PublicKey,
    device: &OpenDevice,
    query: &Ciphertext,
    vectors: &Ciphertexts,
) -> Result<Ciphertexts, Error> {
    key.check_id("the encrypted vectors", vectors.key_id())?;
    let query = checked_row(key, query)?;
    let mut out = vec![0; vectors.rows().limbs().len()];
    hamming_aggregate(device, key.modulus(), Rows::new(query, query.len()), vectors.rows(), &mut out);
    Ok(Ciphertexts::from_limbs(key, out))
}

fn checked_row<'a>(key: &PublicKey, ciphertext: &'a Ciphertext) -> Result<&'a [u64], Error> {
    key.check_id("the ciphertext", ciphertext.key_id())?;
    Ok(ciphertext.row())
}
