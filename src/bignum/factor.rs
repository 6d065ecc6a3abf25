//! Multiplication of many numbers by a fixed factor, such as the ciphertexts of an index by a query.

use super::lanes::{Lanes, Pair};
use super::modulus::Modulus;
use super::pair::PairModulus;

/// Multiplication modulo m² by a fixed factor, with precomputation. All pairs are plain (not in Montgomery form) and
/// reduced.
pub(crate) trait FixedFactor: Lanes {
    /// The factor with its precomputed values.
    type Factor: Sync;

    /// Prepares a factor. `row` is a plain pair modulo `modulus`, which must be the modulus of this arithmetic.
    /// `count` is the number of multiplications to come: more of them pay for more precomputation. The time depends
    /// on the factor.
    fn factor_vartime(&self, modulus: &Modulus, row: &[u64], count: usize) -> Self::Factor;

    /// x ← x·factor mod m².
    fn scale(&self, x: &mut Pair<Self::Number>, factor: &Self::Factor);

    /// Writes x·factor mod m² as integers, not as pairs, into rows of two widths.
    fn store_scaled(&self, x: &Pair<Self::Number>, factor: &Self::Factor, rows: &mut [u64]);
}

/// A factor in Montgomery form: its Montgomery product with a plain number is plain.
pub(crate) struct MontgomeryFactor<N> {
    factor: Pair<N>,
    m: N,
}

impl<N: Copy> MontgomeryFactor<N> {
    /// See [`FixedFactor::factor_vartime`].
    pub(crate) fn new<A: Lanes<Number = N>>(a: &A, modulus: &Modulus, row: &[u64]) -> Self {
        Self { factor: a.to_mont(&a.broadcast_pair(row)), m: a.broadcast(modulus.limbs()) }
    }

    /// See [`FixedFactor::scale`].
    pub(crate) fn scale<A: Lanes<Number = N>>(&self, a: &A, x: &mut Pair<N>) {
        a.mul_assign(x, &self.factor);
        a.reduce_pair(x);
    }

    /// See [`FixedFactor::store_scaled`].
    pub(crate) fn store_scaled<A: Lanes<Number = N>>(&self, a: &A, x: &Pair<N>, rows: &mut [u64]) {
        let mut product = *x;
        self.scale(a, &mut product);
        a.store_product(&product.x1, &self.m, &product.x0, rows, 2 * a.width(), 0);
    }
}

impl<const L: usize> FixedFactor for PairModulus<L> {
    type Factor = MontgomeryFactor<[u64; L]>;

    fn factor_vartime(&self, modulus: &Modulus, row: &[u64], _count: usize) -> Self::Factor {
        MontgomeryFactor::new(self, modulus, row)
    }

    fn scale(&self, x: &mut Pair<[u64; L]>, factor: &Self::Factor) {
        factor.scale(self, x);
    }

    fn store_scaled(&self, x: &Pair<[u64; L]>, factor: &Self::Factor, rows: &mut [u64]) {
        factor.store_scaled(self, x, rows);
    }
}
