//! Many numbers times one that stays: what a query is to an index.

use super::lanes::{Lanes, Pair};
use super::modulus::Modulus;
use super::pair::PairModulus;

/// Multiplication modulo m² by a factor for which something was worked out before. All pairs are plain and reduced.
pub(crate) trait FixedFactor: Lanes {
    /// The factor, and what was worked out for it.
    type Factor: Sync;

    /// `row` is a plain pair modulo `modulus`, whose arithmetic this is, and `count` how many numbers will be multiplied by it:
    /// for few, little is worked out. Takes a time that depends on the factor.
    fn factor_vartime(&self, modulus: &Modulus, row: &[u64], count: usize) -> Self::Factor;

    /// x ← x·factor mod m².
    fn scale(&self, x: &mut Pair<Self::Number>, factor: &Self::Factor);

    /// Writes x·factor mod m² into rows of two widths, as the integers that the pairs stand for.
    fn store_scaled(&self, x: &Pair<Self::Number>, factor: &Self::Factor, rows: &mut [u64]);
}

/// A factor in Montgomery form: a product with it comes out plain.
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
