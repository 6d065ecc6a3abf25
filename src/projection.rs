//! More bits for an embedding than it has dimensions.

use crate::bit_matrix::BitMatrix;
use crate::error::Error;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Rounds of sign changes and Hadamard transforms. One ranks the embeddings of a model as well; a second one is for
/// embeddings with few large components, which one Hadamard transform spreads evenly but not at random.
const ROUNDS: usize = 2;

/// Random hyperplanes, one for each bit: a bit says on which side of its hyperplane an embedding is. Two embeddings at an angle of
/// θ differ in a fraction θ/π of the bits on average if hyperplanes are uniformly random (Charikar, "Similarity estimation techniques from rounding algorithms",
/// STOC 2002, section 3), and the more bits there are, the less the fraction strays from that.
///
/// An index takes the same storage for any embedding length that its `key_len` has room for. Decoding takes longer with more bits.
///
/// The hyperplanes are the rows of `H·D₂·H·D₁`, where H is the Hadamard matrix of the next power of two dimensions, the Dᵢ change
/// signs at random, and missing components are zeros (Andoni, Indyk, Laarhoven, Razenshteyn and Schmidt, "Practical and optimal LSH for
/// angular distance", NIPS 2015, with two rounds in place of their three). They depend on nothing but the dimensions: whoever projects gets the same bits.
#[derive(Debug, Clone)]
pub struct Projection {
    dimensions: usize,
    bits: usize,
    /// For each block of bits, and each round, whether to change the sign of each component.
    changes: Vec<[Vec<bool>; ROUNDS]>,
}

impl Projection {
    /// The most dimensions, and the most bits.
    pub const LIMIT: usize = 1 << 16;

    /// Makes `bits` bits from embeddings of so many dimensions.
    ///
    /// # Errors
    /// [`Error::Parameter`] if either is 0 or above [`Projection::LIMIT`].
    pub fn new(dimensions: usize, bits: usize) -> Result<Self, Error> {
        for (name, actual) in [("dimensions", dimensions), ("bits", bits)] {
            if !(1..=Self::LIMIT).contains(&actual) {
                return Err(Error::Parameter { name, actual, limit: format!("a projection has 1 to {}", Self::LIMIT) });
            }
        }
        let size = dimensions.next_power_of_two();
        let rounds = |block| std::array::from_fn(|round| sign_changes(block, round, size));
        let changes = (0..bits.div_ceil(size)).map(rounds).collect();
        Ok(Self { dimensions, bits, changes })
    }

    /// Dimensions of the embeddings.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Adds the bits of an embedding to vectors of as many dimensions.
    ///
    /// # Errors
    /// [`Error::Dimension`] if the embedding or the vectors have other dimensions, [`Error::NotANumber`] if a component is NaN or
    /// infinite. Either names the row.
    pub fn push(&self, embedding: &[f32], vectors: &mut BitMatrix) -> Result<(), Error> {
        let row = vectors.len() as u64;
        if embedding.len() != self.dimensions {
            return Err(Error::Dimension { row, expected: self.dimensions, actual: embedding.len() });
        }
        if let Some(column) = embedding.iter().position(|component| !component.is_finite()) {
            return Err(Error::NotANumber { row, column });
        }
        let size = self.dimensions.next_power_of_two();
        let mut projected = Zeroizing::new(Vec::with_capacity(self.changes.len() * size));
        for rounds in &self.changes {
            let start = projected.len();
            projected.extend(embedding.iter().map(|component| f64::from(*component)));
            projected.resize(start + size, 0.0);
            let block = &mut projected[start..];
            for changes in rounds {
                for (component, change) in block.iter_mut().zip(changes) {
                    *component = if *change { -*component } else { *component };
                }
                hadamard(block);
            }
        }
        vectors.push_floats(&projected[..self.bits])
    }
}

/// The bits of SHA-256 over a label, the numbers of block and round and a counter, each of 4 bytes, little-endian. The highest bit
/// of a byte comes first.
fn sign_changes(block: usize, round: usize, size: usize) -> Vec<bool> {
    let digest = |counter: usize| {
        let mut hash = Sha256::new_with_prefix(b"hushvec projection 1\0");
        for number in [block, round, counter] {
            #[expect(clippy::cast_possible_truncation, reason = "none is above the limit on sizes, 2^16")]
            hash.update((number as u32).to_le_bytes());
        }
        hash.finalize()
    };
    (0..).flat_map(digest).flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).take(size).collect()
}

/// Multiplies by the Hadamard matrix of a power of two. Sums are taken in the same order everywhere, so that results are
/// identical to the bit.
fn hadamard(values: &mut [f64]) {
    let mut half = 1;
    while half < values.len() {
        for pair in values.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(embedding: &[f32], bits: usize) -> Vec<u8> {
        let mut vectors = BitMatrix::new(bits);
        Projection::new(embedding.len(), bits).unwrap().push(embedding, &mut vectors).unwrap();
        vectors.row(0).unwrap()
    }

    #[test]
    fn bits_are_those_of_the_definition() {
        // One row of H·D₂·H·D₁ at a time, from H's entries: (-1) to the number of ones in i & j.
        let embedding: Vec<f32> = (0..6u8).map(|i| f32::from(i * 37 % 11) - 4.5).collect();
        let entry = |i: usize, j: usize| if (i & j).count_ones() % 2 == 1 { -1.0 } else { 1.0 };
        let mut expected = Vec::new();
        for block in 0..3 {
            let mut values: Vec<f64> = embedding.iter().map(|x| f64::from(*x)).chain([0.0, 0.0]).collect();
            for round in 0..2 {
                let changes = sign_changes(block, round, 8);
                let changed: Vec<f64> =
                    values.iter().zip(changes).map(|(x, change)| if change { -x } else { *x }).collect();
                values = (0..8).map(|i| (0..8).map(|j| entry(i, j) * changed[j]).sum()).collect();
            }
            expected.extend(values.iter().map(|value| u8::from(*value > 0.0)));
        }
        assert_eq!(bits(&embedding, 20), expected[..20]);
    }

    #[test]
    fn angles_are_fractions_of_bits() {
        let angle = 0.6f32;
        let (mut a, mut b) = (vec![0.0; 384], vec![0.0; 384]);
        // Two embeddings in a plane that no component is special in.
        for i in 0..384u16 {
            let (x, y) = ((f32::from(i) * 1.7).sin(), (f32::from(i) * 1.7).cos());
            a[usize::from(i)] = x;
            b[usize::from(i)] = x * angle.cos() + y * angle.sin();
        }
        let (a, b) = (bits(&a, 4096), bits(&b, 4096));
        let differ = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        let expected = 4096.0 * angle / std::f32::consts::PI;
        // Five standard deviations of independent bits.
        assert!((f32::from(u16::try_from(differ).unwrap()) - expected).abs() < 128.0, "{differ} of {expected}");
    }

    #[test]
    fn what_cannot_be_projected() {
        for (dimensions, bits) in [(0, 1), (1, 0), (Projection::LIMIT + 1, 1), (1, usize::MAX)] {
            assert!(matches!(Projection::new(dimensions, bits), Err(Error::Parameter { .. })));
        }
        let projection = Projection::new(3, 8).unwrap();
        let mut vectors = BitMatrix::new(8);
        projection.push(&[0.0; 3], &mut vectors).unwrap();
        assert!(matches!(
            projection.push(&[0.0; 4], &mut vectors),
            Err(Error::Dimension { row: 1, expected: 3, actual: 4 })
        ));
        let wrong = projection.push(&[0.0, f32::INFINITY, 0.0], &mut vectors);
        assert!(matches!(wrong, Err(Error::NotANumber { row: 1, column: 1 })));
        assert!(matches!(
            projection.push(&[0.0; 3], &mut BitMatrix::new(9)),
            Err(Error::Dimension { expected: 9, .. })
        ));
        // The largest floats do not overflow.
        projection.push(&[f32::MAX; 3], &mut vectors).unwrap();
        assert_eq!(vectors.len(), 2);
    }
}
