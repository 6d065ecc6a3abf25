//! Weights: plain integers, the exponents of `multi_exp`.

use crate::bignum::window;

/// Rows of signed integers of any length, one row per output. Zeros are not stored, so the cost of a sparse row
/// depends on its nonzero weights only.
///
/// Weights are the evaluator's own plaintext. The time of all functions here, and of all computations with weights,
/// depends on their values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// The number of limbs of a magnitude.
    width: usize,
    terms: Vec<Term>,
    magnitudes: Vec<u64>,
    /// The end of each output's terms.
    ends: Vec<usize>,
    bits: usize,
}

/// A nonzero weight without its magnitude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Term {
    input: usize,
    is_negative: bool,
}

/// A weight: the number of its input, and its magnitude.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight<'a> {
    pub(super) input: usize,
    pub(super) magnitude: &'a [u64],
}

impl Weight<'_> {
    /// Returns the length in bits.
    pub(super) fn bits(&self) -> usize {
        bits(self.magnitude)
    }

    /// Returns `width` bits, at most 63, starting at bit `from`.
    pub(super) fn window(&self, from: usize, width: u32) -> u64 {
        window::window(self.magnitude, usize::MAX, from, width)
    }
}

fn bits(limbs: &[u64]) -> usize {
    limbs.iter().rposition(|limb| *limb != 0).map_or(0, |top| 64 * (top + 1) - limbs[top].leading_zeros() as usize)
}

impl Weights {
    /// Makes weights without outputs, for magnitudes of at most `width` limbs.
    pub fn new(width: usize) -> Self {
        Self { width: width.max(1), terms: Vec::new(), magnitudes: Vec::new(), ends: Vec::new(), bits: 0 }
    }

    /// Makes weights with one output for every `inputs` integers.
    #[cfg(any(feature = "gpu", feature = "hazmat"))]
    pub fn from_integers(inputs: usize, integers: &[i64]) -> Self {
        let mut weights = Self::new(1);
        for row in integers.chunks(inputs.max(1)) {
            weights.push(row.iter().enumerate().map(|(i, x)| (i, *x < 0, [x.unsigned_abs()])));
        }
        weights
    }

    /// Appends an output. Each item is the number of an input, whether its weight is negative, and the magnitude in
    /// little-endian limbs.
    pub fn push(&mut self, row: impl IntoIterator<Item = (usize, bool, impl AsRef<[u64]>)>) {
        for (input, is_negative, magnitude) in row {
            let magnitude = magnitude.as_ref();
            let length = bits(magnitude);
            debug_assert!(length <= 64 * self.width, "a weight of {length} bits");
            if length == 0 {
                continue;
            }
            self.bits = self.bits.max(length);
            self.terms.push(Term { input, is_negative });
            let limb = |i: usize| magnitude.get(i).copied().unwrap_or(0);
            self.magnitudes.extend((0..self.width).map(limb));
        }
        self.ends.push(self.terms.len());
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        self.ends.len()
    }

    /// Returns the number of nonzero weights.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Returns whether all weights are zero.
    #[cfg(feature = "hazmat")]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns the length of the longest weight, in bits.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// Returns weights of a single output: Σ factor·weight over some sides, for all inputs.
    #[cfg(feature = "gpu")]
    pub(super) fn combined(&self, inputs: usize, sides: std::ops::Range<usize>, factors: &[u64]) -> Self {
        // A factor and the number of sides have fewer than 64 bits together.
        let width = self.width + 1;
        let mut sums = vec![0u64; inputs * width];
        for (side, factor) in sides.zip(factors) {
            for weight in self.side(side) {
                let mut carry = 0u128;
                for (i, limb) in sums.iter_mut().skip(weight.input * width).take(width).enumerate() {
                    let other = weight.magnitude.get(i).copied().unwrap_or(0);
                    carry += u128::from(other) * u128::from(*factor) + u128::from(*limb);
                    #[expect(clippy::cast_possible_truncation, reason = "takes the lower limb")]
                    let low = carry as u64;
                    *limb = low;
                    carry >>= 64;
                }
            }
        }
        let mut combined = Self::new(width);
        combined.push(sums.chunks(width).enumerate().map(|(input, sum)| (input, false, sum)));
        combined
    }

    /// Returns the number of sides. Each output has two: its positive weights first, its negative ones second.
    pub(super) fn sides(&self) -> usize {
        2 * self.outputs()
    }

    /// Iterates over the weights of a side.
    pub(super) fn side(&self, side: usize) -> impl Iterator<Item = Weight<'_>> {
        let (output, wants_negative) = (side / 2, side % 2 == 1);
        let start = output.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(output).copied().unwrap_or(start);
        (start..end).filter(move |i| self.terms[*i].is_negative == wants_negative).map(|i| Weight {
            input: self.terms[i].input,
            magnitude: &self.magnitudes[i * self.width..(i + 1) * self.width],
        })
    }
}
