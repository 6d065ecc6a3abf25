//! Plaintext vectors outside of blocks.

use super::bytes::check_length;
use super::content::Vectors;
use super::parameters::{Metric, Parameters};
use crate::bignum::secrecy::declassify;
use crate::bit_matrix::BitMatrix;
use crate::error::Error;
use zeroize::Zeroizing;

/// Plaintext vectors, as [`SecretKey::decrypt`](super::SecretKey::decrypt) returns them. Wiped when dropped.
pub enum PlainVectors {
    /// Binary vectors.
    Bits(BitMatrix),
    /// Scaled and rounded vectors, one after the other.
    Integers(Zeroizing<Vec<i16>>),
}

impl std::fmt::Debug for PlainVectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainVectors(…)")
    }
}

impl PlainVectors {
    /// Returns the vectors in a form that can be encrypted.
    pub fn as_vectors(&self) -> Vectors<'_> {
        match self {
            Self::Bits(bits) => Vectors::Bits(bits),
            Self::Integers(integers) => Vectors::Integers(integers),
        }
    }

    /// Returns whether vector `row` of this list equals the first vector of `other`.
    ///
    /// # Errors
    /// As [`plain_row`].
    pub(crate) fn has(&self, row: usize, other: &Self, parameters: &Parameters) -> Result<bool, Error> {
        other.is_same(parameters, &self.as_vectors(), row)
    }

    /// Returns whether the first vector of this list equals vector `row` of `others`.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::Parameter`] or [`Error::Unsupported`] for vectors that do not suit the
    /// parameters.
    pub fn is_same(&self, parameters: &Parameters, others: &Vectors<'_>, row: usize) -> Result<bool, Error> {
        let (a, b) = (plain_row(parameters, &self.as_vectors(), 0)?, plain_row(parameters, others, row)?);
        // Without a branch on where they differ.
        let differences = a.iter().zip(b.iter()).fold(0, |differences, (a, b)| differences | (a ^ b));
        Ok(a.len() == b.len() && declassify(differences == 0, "a job is not resumed after another vector"))
    }

    /// Returns an empty list with room for `rows` vectors, so that growing leaves no copies in memory.
    pub(crate) fn with_capacity(parameters: &Parameters, rows: usize) -> Self {
        let dimensions = parameters.dimensions();
        match parameters.metric() {
            Metric::Hamming => Self::Bits(BitMatrix::with_capacity(dimensions, rows)),
            Metric::InnerProduct { .. } => Self::Integers(Zeroizing::new(Vec::with_capacity(rows * dimensions))),
        }
    }

    /// Appends a vector that [`plain_row`] wrote.
    ///
    /// # Errors
    /// [`Error::Format`] for another length, or bits beyond the last dimension.
    pub(crate) fn push(&mut self, parameters: &Parameters, bytes: &[u8]) -> Result<(), Error> {
        check_length("a vector", bytes, parameters.plain_bytes())?;
        match self {
            Self::Bits(bits) => bits.push_packed(bytes),
            Self::Integers(integers) => {
                match parameters.component_bytes() {
                    1 => integers.extend(bytes.iter().map(|x| i16::from(x.cast_signed()))),
                    _ => integers.extend(bytes.as_chunks().0.iter().map(|x| i16::from_le_bytes(*x))),
                }
                Ok(())
            }
        }
    }
}

/// Returns a vector as bytes: bits, the highest bit of a byte first, or scaled and rounded components of one or two
/// bytes, the lowest byte first.
///
/// # Errors
/// [`Error::NotANumber`], [`Error::Parameter`] or [`Error::Unsupported`] for a vector that does not suit the
/// parameters.
pub(crate) fn plain_row(
    parameters: &Parameters,
    vectors: &Vectors<'_>,
    row: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(vec![0; parameters.plain_bytes()]);
    if let Vectors::Bits(bits) = vectors {
        let bits = Zeroizing::new(bits.row(row).unwrap_or_default());
        for (byte, bits) in bytes.iter_mut().zip(bits.chunks(8)) {
            *byte = bits.iter().enumerate().fold(0, |byte, (i, bit)| byte | bit << (7 - i));
        }
        return Ok(bytes);
    }
    let mut integers = Zeroizing::new(vec![0; parameters.dimensions()]);
    vectors.integers(parameters, row, &mut integers)?;
    let width = parameters.component_bytes();
    for (out, x) in bytes.chunks_exact_mut(width).zip(integers.iter()) {
        out.copy_from_slice(&x.to_le_bytes()[..width]);
    }
    Ok(bytes)
}

/// Returns the score of two vectors: their Hamming distance, or their inner product.
pub(crate) fn score(parameters: &Parameters, a: &[u8], b: &[u8]) -> i32 {
    let pairs = a.iter().zip(b);
    match (parameters.metric(), parameters.component_bytes()) {
        (Metric::Hamming, _) => pairs.map(|(a, b)| (a ^ b).count_ones().cast_signed()).sum(),
        (Metric::InnerProduct { .. }, 1) => {
            pairs.map(|(a, b)| i32::from(a.cast_signed()) * i32::from(b.cast_signed())).sum()
        }
        (Metric::InnerProduct { .. }, _) => {
            let wide = |bytes: &[u8; 2]| i32::from(i16::from_le_bytes(*bytes));
            let pairs = a.as_chunks().0.iter().zip(b.as_chunks().0);
            pairs.map(|(a, b)| wide(a) * wide(b)).sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back_and_compared() {
        let parameters = Parameters::hamming(70).unwrap();
        let rows: Vec<Vec<u8>> = (0..3).map(|i| (0..70).map(|j| u8::from(i * j % 5 == 1)).collect()).collect();
        let bits = BitMatrix::from_rows(70, &rows).unwrap();
        let vectors = Vectors::Bits(&bits);
        let plain = [0, 1, 2].map(|row| plain_row(&parameters, &vectors, row).unwrap());
        assert_eq!(score(&parameters, &plain[1], &plain[2]).cast_unsigned(), bits.hamming(1, &bits, 2).unwrap());
        let mut read = PlainVectors::with_capacity(&parameters, 3);
        plain.iter().for_each(|row| read.push(&parameters, row).unwrap());
        let PlainVectors::Bits(read) = read else { panic!("not bits") };
        assert!((0..3).all(|row| read.row(row).unwrap() == rows[row]));

        for length in [64, 128, 620] {
            let parameters = Parameters::inner_product(64, length).unwrap();
            let reals: Vec<f32> = (0..128u16).map(|i| f32::from(i * 37 % 101) - 50.0).collect();
            let mut read = PlainVectors::with_capacity(&parameters, 2);
            let plain = [0, 1].map(|row| plain_row(&parameters, &Vectors::Reals(&reals), row).unwrap());
            plain.iter().for_each(|row| read.push(&parameters, row).unwrap());
            let PlainVectors::Integers(read) = read else { panic!("not integers") };
            let product: i32 = (0..64).map(|j| i32::from(read[j]) * i32::from(read[64 + j])).sum();
            assert_eq!(score(&parameters, &plain[0], &plain[1]), product);
            let square: i32 = (0..64).map(|j| i32::from(read[j]).pow(2)).sum();
            let expected = length.pow(2).cast_signed();
            assert!((expected * 9 / 10..expected * 11 / 10).contains(&square), "{square}");
        }
    }
}
