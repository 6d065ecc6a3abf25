//! Encrypting a query.

use super::bytes::{ID_BYTES, check_length, query_id};
use super::content::{self, Vectors};
use super::parameters::{DEGREE, Metric, basis};
use super::query::{QUERY_LIMBS, Query, query_polynomial, used};
use super::secret_key::{Mask, Purpose, SecretKey};
use crate::bignum::random::{OsRandom, RandomSource};
use crate::bignum::secrecy::declassify;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::query_id::QueryId;
use crate::ring::modulus::low;
use crate::ring::pointwise;
use crate::rlwe::prg::Prg;
use crate::rlwe::sampler;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What the owner keeps of a query, to decode its answers. Secret.
pub struct QuerySecret {
    pub(super) id: QueryId,
    /// What to add to a phase, as a fraction of 2^32, so that its highest digit is the score minus `least`.
    pub(super) offset: Zeroizing<u32>,
    /// The least score.
    pub(super) least: i32,
}

impl std::fmt::Debug for QuerySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QuerySecret(…)")
    }
}

impl QuerySecret {
    /// The length in bytes.
    pub const BYTES: usize = 24;

    /// Returns the secret as bytes: the query's id in 16 bytes, then two numbers of four bytes, the lowest first.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::BYTES));
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&self.offset.to_le_bytes());
        bytes.extend_from_slice(&self.least.to_le_bytes());
        bytes
    }

    /// Reads what [`QuerySecret::to_bytes`] returned.
    ///
    /// # Errors
    /// [`Error::Format`] for another length, or an id of zeros.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        check_length("the secret of a query", bytes, Self::BYTES)?;
        let id = query_id(bytes)?;
        let (words, _) = bytes[ID_BYTES..].as_chunks::<4>();
        Ok(Self { id, offset: Zeroizing::new(u32::from_le_bytes(words[0])), least: i32::from_le_bytes(words[1]) })
    }

    /// The query's id.
    pub fn query_id(&self) -> QueryId {
        self.id
    }
}

impl SecretKey {
    /// Encrypts one of several vectors as a query.
    ///
    /// # Errors
    /// As [`SecretKey::encrypt`]; [`Error::Parameter`] if there is no such vector.
    pub fn encrypt_query(
        &self,
        device: &OpenDevice,
        vectors: &Vectors<'_>,
        row: usize,
    ) -> Result<(Query, QuerySecret), Error> {
        self.encrypt_query_from(device, vectors, row, &mut OsRandom)
    }

    /// [`SecretKey::encrypt_query`] with another source of random numbers.
    pub(crate) fn encrypt_query_from(
        &self,
        device: &OpenDevice,
        vectors: &Vectors<'_>,
        row: usize,
        random: &mut impl RandomSource,
    ) -> Result<(Query, QuerySecret), Error> {
        let rows = vectors.rows(&self.parameters)?;
        if row >= rows {
            let limit = format!("there are {rows} vectors, counted from 0");
            return Err(Error::Parameter { name: "row", actual: row, limit });
        }
        let weights = self.weights(vectors, row)?;
        let query = self.encrypt_weights(device, &weights, random)?;
        let secret = self.query_secret(query.id, &weights);
        Ok((query, secret))
    }

    /// Returns the masked weight of each dimension: 1 − 2·bit, or the component.
    pub(super) fn weights(&self, vectors: &Vectors<'_>, row: usize) -> Result<Zeroizing<Vec<i32>>, Error> {
        let dimensions = self.parameters.dimensions();
        let mut weights = Zeroizing::new(vec![0; dimensions]);
        match (vectors, &self.mask) {
            (Vectors::Bits(bits), Mask::Bits(mask)) => {
                let words = bits.row_words(row).unwrap_or_default();
                let masked = |i: usize| (words[i / 64] ^ mask[i / 64]) >> (i % 64) & 1;
                weights.iter_mut().enumerate().for_each(|(i, weight)| *weight = 1 - 2 * ((masked(i) & 1) as i32));
            }
            (Vectors::Reals(_) | Vectors::Integers(_), Mask::Signs(signs)) => {
                vectors.integers(&self.parameters, row, &mut weights)?;
                weights.iter_mut().zip(signs.iter()).for_each(|(weight, sign)| *weight *= sign);
            }
            _ => {}
        }
        Ok(weights)
    }

    /// Returns what decoding needs: with the weights w, a Hamming distance is the number of negative weights plus
    /// Σ x·w, and the digits below have the mean ½·Σ w / B^j.
    pub(super) fn query_secret(&self, id: QueryId, weights: &[i32]) -> QuerySecret {
        let (base, digits) = (self.parameters.base(), self.parameters.digits());
        let below = |(step, power): (usize, &u128)| {
            let sum: i32 = weights.iter().enumerate().filter(|(i, _)| i % digits >= step).map(|(_, w)| *w).sum();
            f64::from(sum) * (0.5 / *power as f64)
        };
        let (least, shift) = match self.parameters.metric() {
            Metric::Hamming => {
                let negative: i32 = weights.iter().map(|weight| (weight >> 31) & 1).sum();
                (0, f64::from(negative) - self.parameters.powers().iter().enumerate().skip(1).map(below).sum::<f64>())
            }
            Metric::InnerProduct { .. } => {
                let half = low(base / 2);
                (-half.cast_signed(), f64::from(half))
            }
        };
        // Modulo 1: the lower bits of the rounded sum.
        let offset = low(((shift + 0.5) * (2f64.powi(32) / base as f64) + content::ROUND).to_bits());
        QuerySecret { id, offset: Zeroizing::new(offset), least }
    }

    /// Encrypts weights: c0 + c1·s = Q·R/2^levels · W/t + e, with W_i = Σ w·B^(k−1−u) in the coefficient of leaf i.
    pub(super) fn encrypt_weights(
        &self,
        device: &OpenDevice,
        weights: &[i32],
        random: &mut impl RandomSource,
    ) -> Result<Query, Error> {
        let (parameters, isa) = (&self.parameters, device.cpu().isa());
        let message = self.message(weights);
        let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(bytemuck::cast_slice(weights))));
        let nonce = self.synthetic_nonce(Purpose::Query, &digest, random)?;
        // The first stream is public, the second one secret.
        let secret_seed = self.query_seed(&nonce);
        let mut public = Prg::new(&secret_seed, 0);
        let seed = declassify(*public.seed(), "the polynomial c1 is public");
        let id = QueryId::draw(&mut Prg::new(&seed, QUERY_LIMBS as u64))?;
        let mut errors = Zeroizing::new(vec![0; DEGREE]);
        sampler::errors(&mut Prg::new(&secret_seed, 1), &mut errors)?;

        let mut words = Zeroizing::new(vec![0; QUERY_LIMBS * DEGREE]);
        let mut product = Zeroizing::new(vec![0; DEGREE]);
        let remainder = u64::from(basis().rings()[2].modulus().value());
        for (limb, out) in words.chunks_exact_mut(DEGREE).enumerate() {
            let ring = &basis().rings()[limb];
            let modulus = ring.modulus();
            // The message is a multiple of R, so 0 modulo R. Modulo the others it is below q·2^32.
            let scale = modulus.mul(modulus.inverse(1 << parameters.levels()), modulus.reduce(remainder));
            let scale = u64::from(modulus.mul(scale, modulus.radix_squared()));
            for ((out, message), error) in out.iter_mut().zip(message.iter()).zip(errors.iter()) {
                let message = if scale == 0 { 0 } else { modulus.reduce_mont(*message) };
                let scaled = modulus.reduce_mont(u64::from(message) * scale);
                *out = modulus.reduce_once(scaled + modulus.lift(*error));
            }
            // c0 = message + e − c1·s.
            query_polynomial(&seed, limb, &mut product);
            ring.forward(isa, &mut product);
            pointwise::mul_mont(isa, modulus, &mut product, &self.values[limb * DEGREE..(limb + 1) * DEGREE]);
            ring.inverse(isa, &mut product);
            pointwise::sub(isa, modulus, out, &product);
            out.iter_mut().zip(used(parameters)).filter(|(_, used)| !used).for_each(|(out, _)| *out = 0);
        }
        Ok(Query { parameters: parameters.clone(), id, seed, words: words.to_vec() })
    }

    /// Returns round(Q·W_i/t) in the coefficients of leaves, and 0 elsewhere.
    fn message(&self, weights: &[i32]) -> Zeroizing<Vec<u64>> {
        let (parameters, digits) = (&self.parameters, self.parameters.digits());
        let powers = parameters.powers();
        let [q0, q1] = [0, 1].map(|i| u128::from(basis().rings()[i].modulus().value()));
        let t = parameters.plaintext_modulus();
        // A quotient with a fixed divisor, since divisions take a time that depends on the numbers. Its error is below 1.
        let factor = divide(q0 * q1, t);
        let mut message = Zeroizing::new(vec![0; DEGREE]);
        for (i, weights) in weights.chunks(digits).enumerate() {
            let terms = weights.iter().zip(powers.iter().rev());
            let sum: i128 = terms.map(|(weight, power)| i128::from(*weight) * power.cast_signed()).sum();
            // In [0, t). Sums are less than t in absolute value.
            let sum = (sum + (sum >> 127 & t.cast_signed())).cast_unsigned();
            // sum < t, so the product is below Q·2^64 < 2^122.
            message[parameters.leaf(i)] = ((sum * factor + (1 << 63)) >> 64 & u128::from(u64::MAX)) as u64;
        }
        message
    }
}

/// Returns ⌊Q·2^64 / t⌋ for Q < 2^60.
fn divide(q: u128, t: u128) -> u128 {
    let (high, rest) = ((q << 32) / t, (q << 32) % t);
    (high << 32) + (rest << 32) / t
}
