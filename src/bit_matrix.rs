//! Binary vectors and their plaintexts.

use crate::bignum::secrecy::declassify;
#[cfg(feature = "owner")]
use crate::error::DecodeProblem;
use crate::error::Error;
use zeroize::Zeroize;

/// Why it may be public which component is invalid.
const REFUSED: &str = "a vector with an invalid component is refused by an error that names the first one";

/// A list of binary vectors of the same length, packed. Wiped when dropped.
///
/// A vector b of D dimensions is encrypted as the number Σ b\[i\]·4^(D−1−i): one base-4 digit per dimension, the first
/// dimension in the highest digit. The sum of two such numbers has the digit 1 exactly where the vectors differ.
#[derive(Clone, Default)]
pub struct BitMatrix {
    /// Bit j of a row, counted from the lowest bit of its first word, is dimension D−1−j.
    words: Vec<u64>,
    dimensions: usize,
    rows: usize,
}

impl Drop for BitMatrix {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}

impl std::fmt::Debug for BitMatrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BitMatrix").field("rows", &self.rows).field("dimensions", &self.dimensions).finish()
    }
}

impl BitMatrix {
    /// Creates an empty list of vectors of `dimensions` dimensions.
    pub fn new(dimensions: usize) -> Self {
        Self { words: Vec::new(), dimensions, rows: 0 }
    }

    /// Like [`BitMatrix::new`], with memory for `rows` vectors, so that growing leaves no copies in memory.
    #[cfg(feature = "owner")]
    pub(crate) fn with_capacity(dimensions: usize, rows: usize) -> Self {
        let mut matrix = Self::new(dimensions);
        matrix.words.reserve_exact(rows * matrix.words_a_row());
        matrix
    }

    /// Creates a list from rows of zeros and ones.
    ///
    /// # Errors
    /// [`Error::Dimension`] or [`Error::NotBinary`], naming the row.
    ///
    /// ```
    /// let vectors = hushvec::BitMatrix::from_rows(4, [[0, 1, 1, 0], [1, 1, 1, 1]])?;
    /// assert_eq!(vectors.hamming(0, &vectors, 1), Some(2));
    /// # Ok::<(), hushvec::Error>(())
    /// ```
    pub fn from_rows<R: AsRef<[u8]>>(dimensions: usize, rows: impl IntoIterator<Item = R>) -> Result<Self, Error> {
        let mut matrix = Self::new(dimensions);
        for row in rows {
            matrix.push_bits(row.as_ref())?;
        }
        Ok(matrix)
    }

    /// Returns how many vectors there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns whether there are no vectors.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the dimensions of each vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Appends a vector of zeros and ones.
    ///
    /// # Errors
    /// [`Error::Dimension`] or [`Error::NotBinary`], naming the row.
    pub fn push_bits(&mut self, bits: &[u8]) -> Result<(), Error> {
        self.check_dimensions(bits.len())?;
        if let Some(column) = bits.iter().position(|bit| declassify(*bit > 1, REFUSED)) {
            return Err(self.not_binary(column, bits[column].to_string()));
        }
        self.push_row(|i| bits[i] == 1);
        Ok(())
    }

    /// Appends the signs of a real vector: 1 where a component is greater than zero.
    ///
    /// # Errors
    /// [`Error::Dimension`], or [`Error::NotANumber`] naming row and column.
    pub fn push_floats<T: Copy + Into<f64>>(&mut self, components: &[T]) -> Result<(), Error> {
        self.check_dimensions(components.len())?;
        if let Some(column) = components.iter().position(|x| declassify((*x).into().is_nan(), REFUSED)) {
            return Err(Error::NotANumber { row: self.rows as u64, column });
        }
        self.push_row(|i| components[i].into() > 0.0);
        Ok(())
    }

    /// Appends a vector packed into bytes as by `numpy.packbits`: the first dimension is the highest bit of the first
    /// byte. Unused bits of the last byte must be zero.
    ///
    /// # Errors
    /// [`Error::Dimension`] or [`Error::NotBinary`], naming the row.
    pub fn push_packed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() != self.dimensions.div_ceil(8) {
            self.check_dimensions(bytes.len() * 8)?;
        }
        let bit = |i: usize| bytes[i / 8] >> (7 - i % 8) & 1;
        if let Some(column) = (self.dimensions..bytes.len() * 8).find(|i| declassify(bit(*i) == 1, REFUSED)) {
            return Err(self.not_binary(column, "a 1 in the padding after the last dimension".to_owned()));
        }
        self.push_row(|i| bit(i) == 1);
        Ok(())
    }

    /// Returns a vector as zeros and ones, or `None` beyond the end.
    pub fn row(&self, row: usize) -> Option<Vec<u8>> {
        let words = self.row_words(row)?;
        let last = self.dimensions.wrapping_sub(1);
        Some((0..self.dimensions).map(|i| u8::from(words[(last - i) / 64] >> ((last - i) % 64) & 1 == 1)).collect())
    }

    /// Returns the vectors in a range, which is cut to the length of the list.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let (start, end) = (range.start.min(self.rows), range.end.min(self.rows));
        let words = self.words[start * self.words_a_row()..end.max(start) * self.words_a_row()].to_vec();
        Self { words, dimensions: self.dimensions, rows: end.saturating_sub(start) }
    }

    /// Returns the Hamming distance between a vector of this list and one of `other`, in plaintext. `None` if a
    /// vector does not exist or the dimensions differ.
    pub fn hamming(&self, row: usize, other: &Self, other_row: usize) -> Option<u32> {
        if self.dimensions != other.dimensions {
            return None;
        }
        let (a, b) = (self.row_words(row)?, other.row_words(other_row)?);
        Some(a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum())
    }

    /// Appends the vector of a plaintext. Takes the same time for all valid plaintexts.
    ///
    /// # Errors
    /// [`DecodeProblem`] if a base-4 digit is above 1, or a bit above the last dimension is set.
    #[cfg(feature = "owner")]
    pub(crate) fn push_plaintext(&mut self, limbs: &[u64]) -> Result<(), DecodeProblem> {
        let count = count_digits(limbs, self.dimensions);
        if count.upper {
            return Err(DecodeProblem::UpperBits);
        }
        if limbs.iter().fold(0, |high, limb| high | limb & 0xaaaa_aaaa_aaaa_aaaa) != 0 {
            return Err(DecodeProblem::NotBinary);
        }
        let half = |i: usize| limbs.get(i).map_or(0, |limb| gather(*limb));
        self.words.extend((0..self.words_a_row()).map(|word| half(2 * word) | half(2 * word + 1) << 32));
        self.rows += 1;
        Ok(())
    }

    /// Writes the plaintext Σ b\[i\]·4^(D−1−i) of a row to `limbs`, and fills the upper limbs with zeros.
    pub(crate) fn plaintext(&self, row: usize, limbs: &mut [u64]) {
        limbs.fill(0);
        for (word, pair) in self.row_words(row).into_iter().flatten().zip(limbs.chunks_mut(2)) {
            for (half, limb) in pair.iter_mut().enumerate() {
                *limb = spread(word >> (32 * half) & 0xffff_ffff);
            }
        }
    }

    fn words_a_row(&self) -> usize {
        self.dimensions.div_ceil(64)
    }

    /// Returns the words of a vector: bit j, counted from the lowest bit of the first word, is dimension D−1−j.
    pub(crate) fn row_words(&self, row: usize) -> Option<&[u64]> {
        if row >= self.rows {
            return None;
        }
        let width = self.words_a_row();
        self.words.get(row * width..(row + 1) * width)
    }

    fn push_row(&mut self, bit: impl Fn(usize) -> bool) {
        let start = self.words.len();
        self.words.resize(start + self.words_a_row(), 0);
        for i in 0..self.dimensions {
            let j = self.dimensions - 1 - i;
            self.words[start + j / 64] |= u64::from(bit(i)) << (j % 64);
        }
        self.rows += 1;
    }

    fn check_dimensions(&self, actual: usize) -> Result<(), Error> {
        if actual == self.dimensions {
            return Ok(());
        }
        Err(Error::Dimension { row: self.rows as u64, expected: self.dimensions, actual })
    }

    fn not_binary(&self, column: usize, value: String) -> Error {
        Error::NotBinary { row: self.rows as u64, column, value }
    }
}

/// Spreads the low 32 bits: moves bit j to bit 2j (Warren, Hacker's Delight, section 7-2).
fn spread(mut x: u64) -> u64 {
    x &= 0xffff_ffff;
    x = (x | x << 16) & 0x0000_ffff_0000_ffff;
    x = (x | x << 8) & 0x00ff_00ff_00ff_00ff;
    x = (x | x << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    x = (x | x << 2) & 0x3333_3333_3333_3333;
    (x | x << 1) & 0x5555_5555_5555_5555
}

/// Gathers the even bits: moves bit 2j to bit j. The inverse of [`spread`].
#[cfg(feature = "owner")]
fn gather(mut x: u64) -> u64 {
    x &= 0x5555_5555_5555_5555;
    x = (x | x >> 1) & 0x3333_3333_3333_3333;
    x = (x | x >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    x = (x | x >> 4) & 0x00ff_00ff_00ff_00ff;
    x = (x | x >> 8) & 0x0000_ffff_0000_ffff;
    (x | x >> 16) & 0xffff_ffff
}

/// Counts of the base-4 digits of a plaintext.
#[cfg(feature = "owner")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DigitCount {
    /// Digits equal to 1: the Hamming distance.
    pub(crate) ones: u32,
    /// Digits equal to 3, which the sum of two vectors cannot have.
    pub(crate) threes: u32,
    /// Whether a bit above the last dimension is set.
    pub(crate) upper: bool,
}

/// Counts the digits of a plaintext of `dimensions` base-4 digits, in constant time.
#[cfg(feature = "owner")]
pub(crate) fn count_digits(plaintext: &[u64], dimensions: usize) -> DigitCount {
    let mut count = DigitCount { ones: 0, threes: 0, upper: false };
    let mut above = 0;
    for (i, limb) in plaintext.iter().enumerate() {
        let digits_here = dimensions.saturating_sub(32 * i).min(32);
        let inside = if digits_here == 32 { u64::MAX } else { (1 << (2 * digits_here)) - 1 };
        above |= limb & !inside;
        let (low, high) = (limb & inside & 0x5555_5555_5555_5555, (limb & inside) >> 1 & 0x5555_5555_5555_5555);
        count.ones += (low & !high).count_ones();
        count.threes += (low & high).count_ones();
    }
    count.upper = above != 0;
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    fn textbook(bits: &[u8]) -> BigUint {
        bits.iter().fold(BigUint::ZERO, |m, b| m * 4u32 + b)
    }

    fn big(limbs: &[u64]) -> BigUint {
        limbs.iter().rev().fold(BigUint::ZERO, |x, limb| (x << 64u32) + limb)
    }

    proptest! {
        #[test]
        fn plaintexts_and_distances_agree_with_the_definition(
            (a, b) in (1usize..300).prop_flat_map(|d| (prop::collection::vec(0u8..2, d), prop::collection::vec(0u8..2, d)))
        ) {
            let d = a.len();
            let matrix = BitMatrix::from_rows(d, [&a, &b]).unwrap();
            prop_assert_eq!(matrix.row(0).unwrap(), a.clone());
            let (mut x, mut y) = (vec![0; 10], vec![0; 10]);
            matrix.plaintext(0, &mut x);
            matrix.plaintext(1, &mut y);
            prop_assert_eq!(big(&x), textbook(&a));
            let mut read = BitMatrix::new(d);
            read.push_plaintext(&y).unwrap();
            read.push_plaintext(&x).unwrap();
            prop_assert_eq!((read.row(0).unwrap(), read.row(1).unwrap()), (b.clone(), a.clone()));
            let mut sum = (big(&x) + big(&y)).to_u64_digits();
            sum.resize(10, 0);
            let distance = a.iter().zip(&b).filter(|(a, b)| a != b).count();
            let count = count_digits(&sum, d);
            prop_assert_eq!((count.ones as usize, count.threes, count.upper), (distance, 0, false));
            prop_assert_eq!(matrix.hamming(0, &matrix, 1).unwrap() as usize, distance);
        }

        #[test]
        fn digit_counts_agree_with_the_definition(limbs in prop::collection::vec(any::<u64>(), 4), d in 1usize..140) {
            let digits: Vec<u32> = limbs.iter().flat_map(|l| (0..32).map(move |i| (l >> (2 * i) & 3) as u32)).collect();
            let inside = &digits[..d.min(128)];
            let of = |n| u32::try_from(inside.iter().filter(|x| **x == n).count()).unwrap();
            let upper = digits[d.min(128)..].iter().any(|x| *x != 0);
            prop_assert_eq!(count_digits(&limbs, d), DigitCount { ones: of(1), threes: of(3), upper });
        }

        #[test]
        fn packed_rows_are_read_as_numpy_packs_them(bits in prop::collection::vec(0u8..2, 1..100)) {
            let mut bytes = vec![0; bits.len().div_ceil(8)];
            for (i, bit) in bits.iter().enumerate() {
                bytes[i / 8] |= bit << (7 - i % 8);
            }
            let mut matrix = BitMatrix::new(bits.len());
            matrix.push_packed(&bytes).unwrap();
            prop_assert_eq!(matrix.row(0).unwrap(), bits);
        }
    }

    #[test]
    fn invalid_plaintexts_are_refused() {
        for d in [1, 31, 32, 33, 64, 65] {
            let mut matrix = BitMatrix::new(d);
            for bit in 0..6 * 64 {
                let mut limbs = [0; 6];
                limbs[bit / 64] = 1 << (bit % 64);
                let expected = match bit {
                    _ if bit >= 2 * d => Err(DecodeProblem::UpperBits),
                    _ if bit % 2 == 1 => Err(DecodeProblem::NotBinary),
                    _ => Ok(()),
                };
                let rows = matrix.len();
                assert_eq!(matrix.push_plaintext(&limbs), expected, "{d} dimensions, bit {bit}");
                assert_eq!(matrix.len(), rows + usize::from(expected.is_ok()));
            }
            let all: Vec<u8> = (0..d).flat_map(|row| matrix.row(row).unwrap()).collect();
            let diagonal: Vec<u8> = (0..d * d).map(|i| u8::from(i / d + i % d == d - 1)).collect();
            assert_eq!(all, diagonal);
        }
    }

    #[test]
    fn errors_name_the_invalid_row() {
        let mut matrix = BitMatrix::new(9);
        matrix.push_bits(&[0; 9]).unwrap();
        assert!(matches!(matrix.push_bits(&[0; 8]), Err(Error::Dimension { row: 1, expected: 9, actual: 8 })));
        assert!(matches!(
            matrix.push_bits(&[0, 0, 2, 0, 0, 0, 0, 0, 0]),
            Err(Error::NotBinary { row: 1, column: 2, .. })
        ));
        assert!(matches!(
            matrix.push_floats(&[0.5f32, f32::NAN, 0., 0., 0., 0., 0., 0., 0.]),
            Err(Error::NotANumber { row: 1, column: 1 })
        ));
        assert!(matches!(matrix.push_packed(&[0, 0b0100_0000]), Err(Error::NotBinary { row: 1, column: 9, .. })));
        assert!(matches!(matrix.push_packed(&[0]), Err(Error::Dimension { row: 1, .. })));
        assert_eq!(matrix.len(), 1);
        matrix.push_floats(&[0.5f64, -1., 0., f64::INFINITY, 0., 0., 0., 0., 1e-300]).unwrap();
        assert_eq!(matrix.row(1).unwrap(), [1, 0, 0, 1, 0, 0, 0, 0, 1]);
    }
}
