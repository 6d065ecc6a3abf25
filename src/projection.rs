//! Projects embeddings onto more bits than they have dimensions.

use crate::bit_matrix::BitMatrix;
use crate::error::Error;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Rounds of sign changes and Hadamard transforms. One round ranks a model's embeddings equally well. The second
/// round is for embeddings with few large components, which one Hadamard transform spreads evenly but not at random.
const ROUNDS: usize = 2;

/// Random hyperplanes, one for each bit: a bit says on which side of its hyperplane an embedding lies.
///
/// With uniformly random hyperplanes, two embeddings at an angle of θ differ in a fraction θ/π of the bits on average
/// (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002, section 3). More bits bring the
/// fraction closer to that average.
///
/// The storage of an index does not depend on the embedding length, as long as it is smaller than `key_len`. Decoding
/// takes longer with more bits.
///
/// The hyperplanes are the rows of `H·D₂·H·D₁`. H is the Hadamard matrix whose size is the next power of two of the
/// dimensions, the Dᵢ change signs at random, and missing components are zeros (Andoni, Indyk, Laarhoven, Razenshteyn
/// and Schmidt, "Practical and optimal LSH for angular distance", NIPS 2015, with two rounds instead of their three).
/// The hyperplanes depend only on the dimensions, so everyone who projects an embedding gets the same bits.
#[derive(Debug, Clone)]
pub struct Projection {
    dimensions: usize,
    bits: usize,
    /// Whether to change the sign of each component, for each block of bits and each round.
    changes: Vec<[Vec<bool>; ROUNDS]>,
}

impl Projection {
    /// The largest number of dimensions, and of bits.
    pub const LIMIT: usize = 1 << 16;

    /// Makes a projection of embeddings with `dimensions` dimensions onto `bits` bits.
    ///
    /// # Errors
    /// [`Error::Parameter`] if either number is 0 or above [`Projection::LIMIT`].
    pub fn new(dimensions: usize, bits: usize) -> Result<Self, Error> {
        for (name, actual) in [("dimensions", dimensions), ("bits", bits)] {
            if !(1..=Self::LIMIT).contains(&actual) {
                return Err(Error::Parameter { name, actual, limit: format!("must be from 1 to {}", Self::LIMIT) });
            }
        }
        let size = dimensions.next_power_of_two();
        let rounds = |block| std::array::from_fn(|round| sign_changes(block, round, size));
        let changes = (0..bits.div_ceil(size)).map(rounds).collect();
        Ok(Self { dimensions, bits, changes })
    }

    /// Returns the number of dimensions of the embeddings.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Projects an embedding and appends its bits to `vectors`, which must have as many dimensions as the projection
    /// has bits.
    ///
    /// # Errors
    /// [`Error::Dimension`] if the embedding or the vectors have a different length; [`Error::NotANumber`] if a
    /// component is NaN or infinite. Both name the row.
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

/// Returns `size` bits from SHA-256 over a label, the block's number, the round's number and a counter, each number
/// as 4 little-endian bytes. The highest bit of a byte comes first.
fn sign_changes(block: usize, round: usize, size: usize) -> Vec<bool> {
    let digest = |counter: usize| {
        let mut hash = Sha256::new_with_prefix(b"hushvec projection 1\0");
        for number in [block, round, counter] {
            #[expect(clippy::cast_possible_truncation, reason = "no number is above 2^16, the limit on sizes")]
            hash.update((number as u32).to_le_bytes());
        }
        hash.finalize()
    };
    (0..).flat_map(digest).flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).take(size).collect()
}

/// Multiplies by the Hadamard matrix, in place. The length is a power of two. The order of additions is fixed, so
/// that results are bit-identical on every machine.
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
    fn bits_match_the_definition() {
        // Computes one row of H·D₂·H·D₁ at a time. H's entries are (-1) to the number of ones in i & j.
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
    fn differing_bits_are_proportional_to_the_angle() {
        let angle = 0.6f32;
        let (mut a, mut b) = (vec![0.0; 384], vec![0.0; 384]);
        // Two embeddings in a plane that is not aligned with any axis.
        for i in 0..384u16 {
            let (x, y) = ((f32::from(i) * 1.7).sin(), (f32::from(i) * 1.7).cos());
            a[usize::from(i)] = x;
            b[usize::from(i)] = x * angle.cos() + y * angle.sin();
        }
        let (a, b) = (bits(&a, 4096), bits(&b, 4096));
        let differ = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        let expected = 4096.0 * angle / std::f32::consts::PI;
        // The tolerance is five standard deviations of independent bits.
        assert!((f32::from(u16::try_from(differ).unwrap()) - expected).abs() < 128.0, "{differ} of {expected}");
    }

    #[test]
    fn invalid_sizes_and_embeddings_are_refused() {
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
