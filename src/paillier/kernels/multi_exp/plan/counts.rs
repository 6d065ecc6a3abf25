//! Estimates how many products a job takes before they are listed, accurately enough to choose a method.

use crate::paillier::kernels::weights::Weights;
use std::ops::Range;

/// The longest weights that end in running products, in bits.
pub(super) const RUNNING_BITS: u32 = 5;
/// Weights are first split into windows of this many bits, which fit a limb.
pub(super) const FIRST_BITS: u32 = 32;
/// The widest window of tables.
pub(super) const WIDEST: u32 = 8;

/// Estimates the products of a job, without the conversions to and from Montgomery form.
#[cfg(feature = "gpu")]
pub(crate) fn estimate(weights: &Weights, sides: Range<usize>, inputs: usize) -> f64 {
    Counts::new(weights, sides, &(0..inputs)).fewest()
}

/// Computes [`estimate`] for `sides` sides that have a weight of `bits` bits for every input.
#[cfg(feature = "gpu")]
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(crate) fn estimate_dense(inputs: usize, sides: usize, bits: usize) -> f64 {
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    let counts = Counts { inputs: inputs as f64, sides: sides as f64, terms: (inputs * sides) as f64, bits };
    counts.fewest()
}

/// The sizes of a job that determine the number of products.
pub(super) struct Counts {
    inputs: f64,
    /// The number of sides that are not empty.
    sides: f64,
    terms: f64,
    /// The length of the longest weight.
    bits: u32,
}

impl Counts {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub(super) fn new(weights: &Weights, sides: Range<usize>, inputs: &Range<usize>) -> Self {
        let terms = sides.map(|side| weights.side(side).filter(|weight| inputs.contains(&weight.input)).count());
        let (mut used, mut all) = (0usize, 0usize);
        terms.filter(|terms| *terms > 0).for_each(|terms| {
            used += 1;
            all += terms;
        });
        let bits = u32::try_from(weights.bits()).unwrap_or(u32::MAX);
        Self { inputs: inputs.len() as f64, sides: used as f64, terms: all as f64, bits }
    }

    #[cfg(feature = "gpu")]
    fn fewest(&self) -> f64 {
        (1..=WIDEST).map(|width| self.with_tables(width)).fold(self.with_buckets(), f64::min)
    }

    pub(super) fn with_tables(&self, width: u32) -> f64 {
        let table = if width == 1 || self.bits <= 1 { 0.0 } else { f64::from(1u32 << (width.min(self.bits) - 1)) };
        // The average over weights that are not 0.
        let windows = windows(self.bits, width) / (1.0 - (-f64::from(self.bits)).exp2());
        self.inputs * table + self.terms * windows + self.sides * f64::from(self.bits)
    }

    pub(super) fn with_buckets(&self) -> f64 {
        let terms_per_side = self.terms / self.sides.max(1.0);
        let windows = f64::from(self.bits) / f64::from(FIRST_BITS.min(self.bits).max(1));
        self.sides * (f64::from(self.bits) + windows * buckets(terms_per_side, self.bits.min(FIRST_BITS)))
    }
}

/// Returns the expected number of sliding windows in random bits. Each window starts at a one.
fn windows(bits: u32, width: u32) -> f64 {
    let mut windows = vec![0.0];
    for bits in 1..=bits as usize {
        let rest = windows[bits.saturating_sub(width as usize)];
        windows.push((windows[bits - 1] + 1.0 + rest) / 2.0);
    }
    windows.pop().unwrap_or(0.0)
}

/// Estimates the products for `count` factors with random weights of `bits` bits, without squarings.
fn buckets(count: f64, bits: u32) -> f64 {
    let values = f64::from(bits).exp2() - 1.0;
    if count < 1.0 || bits == 0 {
        return count;
    }
    // The expected number of different weights among `count` random ones.
    let different = values * (1.0 - (1.0 - 1.0 / (values + 1.0)).powf(count));
    let same = count - different;
    if bits == 1 {
        return same + 1.0;
    }
    let half = bits / 2;
    let of_half = |bits: u32| buckets(different * (1.0 - (-f64::from(bits)).exp2()), bits);
    let split = of_half(half) + of_half(bits - half);
    same + if bits <= RUNNING_BITS { split.min(different + values - 1.0) } else { split }
}
