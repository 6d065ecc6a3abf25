//! Vectors in the clear, one column per dimension, masked.

use super::parameters::{DEGREE, Metric, Parameters};
use super::secret_key::{Mask, SecretKey};
use crate::bignum::secrecy::declassify;
use crate::bit_matrix::BitMatrix;
use crate::error::Error;
use crate::ring::modulus::low;
use sha2::{Digest, Sha256};
use std::ops::Range;
use zeroize::Zeroizing;

/// Vectors to encrypt.
#[derive(Clone, Copy)]
pub enum Vectors<'a> {
    /// Binary vectors, for Hamming distances.
    Bits(&'a BitMatrix),
    /// Real vectors, one after the other, for inner products. They need not be normalised.
    Reals(&'a [f32]),
    /// Scaled and rounded vectors, one after the other, as [`SecretKey::decrypt`] returns them.
    Integers(&'a [i16]),
}

impl std::fmt::Debug for Vectors<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vectors(…)")
    }
}

impl Vectors<'_> {
    /// The number of vectors.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the vectors do not suit the metric, [`Error::Dimension`] if they have another number
    /// of dimensions.
    pub(crate) fn rows(&self, parameters: &Parameters) -> Result<usize, Error> {
        let expected = parameters.dimensions();
        match (self, parameters.metric()) {
            (Self::Bits(bits), Metric::Hamming) => {
                if bits.dimensions() != expected {
                    return Err(Error::Dimension { row: 0, expected, actual: bits.dimensions() });
                }
                Ok(bits.len())
            }
            (Self::Reals(_) | Self::Integers(_), Metric::InnerProduct { .. }) => {
                let components = match self {
                    Self::Bits(_) => 0,
                    Self::Reals(reals) => reals.len(),
                    Self::Integers(integers) => integers.len(),
                };
                let (rows, rest) = (components / expected, components % expected);
                if rest != 0 {
                    return Err(Error::Dimension { row: rows as u64, expected, actual: rest });
                }
                Ok(rows)
            }
            _ => Err(self.unsuitable()),
        }
    }

    /// Writes the integers that stand for a vector in inner products.
    ///
    /// # Errors
    /// [`Error::NotANumber`] for a component that is not finite; [`Error::Parameter`] for an integer vector that is
    /// too long; [`Error::Unsupported`] for a binary vector.
    pub(super) fn integers(&self, parameters: &Parameters, row: usize, out: &mut [i32]) -> Result<(), Error> {
        let range = row * out.len()..(row + 1) * out.len();
        match self {
            Self::Bits(_) => Err(self.unsuitable()),
            Self::Reals(reals) => scale(parameters, &reals[range], row, out),
            Self::Integers(integers) => {
                out.iter_mut().zip(&integers[range]).for_each(|(out, x)| *out = i32::from(*x));
                let square: i64 = out.iter().map(|x| i64::from(*x) * i64::from(*x)).sum();
                let most = parameters.most_length().unwrap_or_default();
                if declassify(square <= i64::from(most * most), REFUSED) {
                    return Ok(());
                }
                let limit = format!("the maximum for vector {row} is {most}");
                // Not the length, which is secret.
                Err(Error::Parameter { name: "length", actual: most as usize + 1, limit })
            }
        }
    }

    /// The error for vectors that do not suit the metric.
    fn unsuitable(&self) -> Error {
        let (operation, reason) = match self {
            Self::Bits(_) => ("encrypting binary vectors", "the key is for inner products of real vectors"),
            Self::Reals(_) | Self::Integers(_) => (
                "encrypting real vectors",
                "the key is for Hamming distances of binary vectors; take the signs, or a key for inner products",
            ),
        };
        Error::Unsupported { operation, reason: reason.to_owned() }
    }
}

/// The vectors of a block, by column.
pub(super) enum Columns {
    /// For each dimension: 64 words with one bit for each vector.
    Bits(Zeroizing<Vec<u64>>),
    /// For each dimension: one component for each vector, plus the greatest length, so that none is negative.
    Integers(Zeroizing<Vec<u16>>),
}

/// Words of a column of bits.
pub(super) const COLUMN_WORDS: usize = DEGREE / 64;

impl Columns {
    /// Masks and transposes the vectors of a block. Missing vectors are zero.
    pub(super) fn new(key: &SecretKey, vectors: &Vectors<'_>, rows: Range<usize>) -> Result<Self, Error> {
        match (vectors, &key.mask) {
            (Vectors::Bits(bits), Mask::Bits(mask)) => Ok(Self::Bits(transpose_bits(bits, mask, rows))),
            (Vectors::Reals(_) | Vectors::Integers(_), Mask::Signs(signs)) => {
                let offset = key.parameters.most_length().unwrap_or_default();
                let mut columns = Zeroizing::new(vec![(offset & 0xffff) as u16; signs.len() * DEGREE]);
                let mut integers = Zeroizing::new(vec![0; signs.len()]);
                for (i, row) in rows.enumerate() {
                    vectors.integers(&key.parameters, row, &mut integers)?;
                    for ((x, sign), column) in integers.iter().zip(signs.iter()).zip(columns.chunks_exact_mut(DEGREE)) {
                        // Lengths are below 2^15.
                        column[i] = ((x * sign + offset.cast_signed()) & 0xffff) as u16;
                    }
                }
                Ok(Self::Integers(columns))
            }
            _ => Err(vectors.unsuitable()),
        }
    }

    /// The SHA-256 of the columns.
    pub(super) fn digest(&self) -> [u8; 32] {
        let bytes: &[u8] = match self {
            Self::Bits(columns) => bytemuck::cast_slice(columns),
            Self::Integers(columns) => bytemuck::cast_slice(columns),
        };
        Sha256::digest(bytes).into()
    }
}

/// 1.5·2^52: adding it to a small number rounds it to an integer, which the lower bits of the sum hold.
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0;

/// Why it may be public whether a component is a number.
const REFUSED: &str = "a vector with an invalid component is refused by an error that names it";

/// Normalises a vector, scales it and rounds its components. The zero vector stays zero.
///
/// # Errors
/// [`Error::NotANumber`] for a component that is not finite.
pub(super) fn scale(parameters: &Parameters, vector: &[f32], row: usize, out: &mut [i32]) -> Result<(), Error> {
    let Metric::InnerProduct { length } = parameters.metric() else { return Ok(()) };
    let finite = |x: &f32| declassify(x.is_finite(), REFUSED);
    if let Some(column) = vector.iter().position(|x| !finite(x)) {
        return Err(Error::NotANumber { row: row as u64, column });
    }
    let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    // Without a branch on the norm: zero components stay zero.
    let factor = f64::from(length) / norm.max(f64::MIN_POSITIVE);
    for (out, x) in out.iter_mut().zip(vector) {
        *out = low((f64::from(*x) * factor + ROUND).to_bits()).cast_signed();
    }
    Ok(())
}

/// Masks binary vectors and transposes them.
fn transpose_bits(bits: &BitMatrix, mask: &[u64], rows: Range<usize>) -> Zeroizing<Vec<u64>> {
    let mut columns = Zeroizing::new(vec![0; mask.len() * 64 * COLUMN_WORDS]);
    let mut square = Zeroizing::new([0u64; 64]);
    for first in (0..DEGREE).step_by(64) {
        for (word, mask) in mask.iter().enumerate() {
            for (i, out) in square.iter_mut().enumerate() {
                let row = rows.start + first + i;
                let vector = if row < rows.end { bits.row_words(row) } else { None };
                *out = vector.map_or(0, |words| words[word] ^ mask);
            }
            transpose(&mut square);
            for (bit, column) in square.iter().enumerate() {
                columns[(word * 64 + bit) * COLUMN_WORDS + first / 64] = *column;
            }
        }
    }
    columns
}

/// Transposes a matrix of 64 × 64 bits (Warren, Hacker's Delight, section 7-3).
fn transpose(rows: &mut [u64; 64]) {
    let (mut distance, mut mask) = (32, 0x0000_0000_ffff_ffffu64);
    while distance != 0 {
        for i in (0..64).filter(|i| i & distance == 0) {
            let exchanged = ((rows[i] >> distance) ^ rows[i + distance]) & mask;
            rows[i] ^= exchanged << distance;
            rows[i + distance] ^= exchanged;
        }
        distance /= 2;
        mask ^= mask << distance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_transposed() {
        let mut rows: [u64; 64] = std::array::from_fn(|i| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let before = rows;
        transpose(&mut rows);
        for (i, row) in rows.iter().enumerate() {
            for (j, column) in before.iter().enumerate() {
                assert_eq!(row >> j & 1, column >> i & 1);
            }
        }
    }

    #[test]
    fn vectors_are_normalised_and_rounded() {
        let parameters = Parameters::inner_product(64, 64).unwrap();
        let mut out = vec![0; 64];
        let mut vector = vec![0f32; 64];
        scale(&parameters, &vector, 0, &mut out).unwrap();
        assert!(out.iter().all(|x| *x == 0));
        vector[3] = -2.5e30;
        vector[4] = 2.5e30;
        scale(&parameters, &vector, 0, &mut out).unwrap();
        assert_eq!((out[3], out[4], out[5]), (-45, 45, 0));
        vector[9] = f32::INFINITY;
        let error = scale(&parameters, &vector, 7, &mut out).unwrap_err();
        assert!(matches!(error, Error::NotANumber { row: 7, column: 9 }), "{error}");
    }
}
