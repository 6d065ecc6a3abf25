//! Encryption with the public key alone.

use super::ciphertext::{Ciphertext, Ciphertexts};
use super::plaintext::Plaintext;
use super::public_key::{PublicKey, PublicNoise};
use crate::bignum::batch::Rows;
use crate::bignum::random::{self, OsRandom, RandomSource};
use crate::bit_matrix::BitMatrix;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::kernels::messages::add_messages;
use crate::paillier::kernels::pair_fixed_base_pow::pair_fixed_base_pow;
use crate::paillier::kernels::pair_mul::pair_mul;
use crate::paillier::kernels::pair_pow::pair_pow;
use zeroize::Zeroizing;

/// Encrypts vectors with the public key alone, each as `Enc(Σ b[i]·4^(D−1−i))` with fresh randomness.
///
/// # Errors
/// [`Error::Dimension`] if the vectors do not have the key's `embedding_length`; [`Error::Random`].
pub fn encrypt_vec_batch(key: &PublicKey, device: &OpenDevice, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
    let plaintexts = vector_plaintexts(key, vectors)?;
    let bits = 2 * key.parameters().embedding_length();
    let limbs = encrypt_rows(key, device, Rows::new(&plaintexts, key.width()), bits, &mut OsRandom)?;
    Ok(Ciphertexts::from_limbs(key, limbs))
}

/// Encrypts an integer with the public key alone.
///
/// # Errors
/// [`Error::Plaintext`] if the integer is not below n; [`Error::Random`].
pub fn encrypt(key: &PublicKey, device: &OpenDevice, plaintext: &Plaintext) -> Result<Ciphertext, Error> {
    let plaintext = plaintext.below(key.modulus().limbs())?;
    let bits = 64 * key.width();
    let row = encrypt_rows(key, device, Rows::new(&plaintext, key.width()), bits, &mut OsRandom)?;
    Ok(Ciphertext::from_row(key.id(), &row))
}

/// Returns the plaintexts of vectors, as rows of n's width.
///
/// # Errors
/// [`Error::Dimension`] if the vectors do not have the key's `embedding_length`.
pub(crate) fn vector_plaintexts(key: &PublicKey, vectors: &BitMatrix) -> Result<Zeroizing<Vec<u64>>, Error> {
    let expected = key.parameters().embedding_length();
    if vectors.dimensions() != expected {
        return Err(Error::Dimension { row: 0, expected, actual: vectors.dimensions() });
    }
    let mut plaintexts = Zeroizing::new(vec![0; vectors.len() * key.width()]);
    for (i, plaintext) in plaintexts.chunks_exact_mut(key.width()).enumerate() {
        vectors.plaintext(i, plaintext);
    }
    Ok(plaintexts)
}

/// Encrypts plaintexts of at most `bits` bits, given as rows of n's width.
pub(crate) fn encrypt_rows(
    key: &PublicKey,
    device: &OpenDevice,
    plaintexts: Rows<'_>,
    bits: usize,
    source: &mut impl RandomSource,
) -> Result<Vec<u64>, Error> {
    let (width, count) = (key.width(), plaintexts.len());
    let modulus = key.modulus();
    let mut out = vec![0; 2 * width * count];
    let exponents = |source: &mut _, bits: usize| {
        let mut exponents = Zeroizing::new(vec![0u64; count * bits.div_ceil(64)]);
        random::fill_limbs(source, &mut exponents).map(|()| exponents)
    };
    match key.noise() {
        PublicNoise::PowerOfN(n) => {
            let bases = random_units(modulus.limbs(), count, source)?;
            pair_pow(device, modulus, Rows::new(&bases, 2 * width), n, &mut out);
            add_messages(device, modulus, plaintexts, &mut out);
        }
        PublicNoise::Subgroup { h_n } => {
            let exponents = exponents(source, h_n.exponent_bits())?;
            let rows = Rows::new(&exponents, h_n.exponent_bits().div_ceil(64));
            pair_fixed_base_pow(device, h_n, h_n.exponent_bits(), rows, &mut out);
            add_messages(device, modulus, plaintexts, &mut out);
        }
        PublicNoise::Lookup { g, g_n } => {
            let exponents = exponents(source, g_n.exponent_bits())?;
            let rows = Rows::new(&exponents, g_n.exponent_bits().div_ceil(64));
            let mut noise = Zeroizing::new(vec![0; 2 * width * count]);
            pair_fixed_base_pow(device, g_n, g_n.exponent_bits(), rows, &mut noise);
            let mut messages = Zeroizing::new(vec![0; 2 * width * count]);
            pair_fixed_base_pow(device, g, bits, plaintexts, &mut messages);
            let (noise, messages) = (Rows::new(&noise, 2 * width), Rows::new(&messages, 2 * width));
            pair_mul(device, modulus, noise, messages, &mut out);
        }
    }
    Ok(out)
}

/// Draws pairs (y, 0) with y uniform from 1 to m − 1.
///
/// For a prime m all of them are units. For m = n about one in 2^(key_len−1) is not, and finding it would factor n.
pub(crate) fn random_units(
    m: &[u64],
    count: usize,
    source: &mut impl RandomSource,
) -> Result<Zeroizing<Vec<u64>>, Error> {
    let width = m.len();
    let mut bound = Zeroizing::new(m.to_vec());
    // m is odd, so this is m − 1. A number below it is at most m − 2, so that adding 1 stays below m.
    if let Some(lowest) = bound.first_mut() {
        *lowest -= 1;
    }
    let mut drawn = Zeroizing::new(vec![0; count * width]);
    random::fill_below(source, &bound, &mut drawn)?;
    let mut pairs = Zeroizing::new(vec![0; 2 * count * width]);
    for (pair, drawn) in pairs.chunks_exact_mut(2 * width).zip(drawn.chunks_exact(width)) {
        let mut carry = 1;
        for (limb, drawn) in pair.iter_mut().zip(drawn) {
            let (sum, overflow) = drawn.overflowing_add(carry);
            *limb = sum;
            carry = u64::from(overflow);
        }
    }
    Ok(pairs)
}
