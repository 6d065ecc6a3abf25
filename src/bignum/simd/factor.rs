//! Multiplication by a fixed factor with vectors: quotients are estimated from what was worked out for the factor, so that
//! only halves of most products are needed.
//!
//! For x = x0 + x1·m and the factor b = b0 + b1·m, with R the radix to the number of digits, and y = x0·b + x1·b0·m, which is
//! x·b but for a multiple of m²:
//!
//! ```text
//! q0 = ⌊x0·⌊b0·R/m⌋ / R⌋                              ⌊x0·b0/m⌋ or one less
//! q1 = ⌊(x0·⌊b·R/m²⌋ + x1·⌊b0·R/m⌋) / R⌋              ⌊y/m²⌋ or one less
//! z0 = x0·b0 − q0·m                     mod R         as a pair: 4·L² products of digits
//! z1 = x0·b1 + x1·b0 + q0 − q1·m        mod R
//! w  = x0·b1 + x1·b0 − q1·m             mod R         as an integer: 4.5·L²
//! y − q1·m² = x0·b0 + w·m
//! ```
//!
//! Of the quotients the upper halves of products are needed, of what is modulo R the lower ones: half of L² each, where
//! Montgomery's multiplication takes 5·L² and joining the pair one more. A fixed factor's scaled reciprocal is Shoup's (in
//! Harvey, "Faster arithmetic for number-theoretic transforms", 2014); taking it of b/m² makes q1 one quotient.
//!
//! # Bounds
//!
//! x0, x1 < m ≤ R/2^8. Rounding ⌊b0·R/m⌋ and ⌊b·R/m²⌋ down takes less than (x0 + x1)/R ≤ 2^−7 from a quotient, and the
//! columns that are left out less than 2^−17: so at most 1 is missing, and results are below twice what they are reduced by.

use super::columns;
use super::modulus::SimdModulus;
use super::number::Number;
use super::rows;
use super::tile::Tiles;
use crate::bignum::factor::{FixedFactor, MontgomeryFactor};
use crate::bignum::lanes::Pair;
use crate::bignum::modulus::Modulus;
use num_bigint::BigUint;

/// Numbers from which on reciprocals are worth what they take: about twenty microseconds for a 2048-bit m, where a number saves
/// a tenth of one with AVX-512 IFMA.
const LEAST: usize = 256;

/// A factor with what is worth working out for it.
pub(crate) enum Factor<N> {
    /// For few numbers.
    Montgomery(MontgomeryFactor<N>),
    /// For many.
    Reciprocal(Box<ReciprocalFactor<N>>),
}

/// A factor with its reciprocals.
pub(crate) struct ReciprocalFactor<N> {
    /// b0 and b1.
    pub(super) pair: Pair<N>,
    /// ⌊b0·R/m⌋ and ⌊b·R/m²⌋.
    pub(super) quotients: Pair<N>,
    /// m, which also keeps w positive.
    pub(super) m: N,
    /// R − m.
    pub(super) minus_m: N,
    /// m², lower half first.
    pub(super) square: [N; 2],
    /// R² − m², lower half first.
    pub(super) minus_square: [N; 2],
}

impl<N> ReciprocalFactor<N> {
    /// `number` puts an integer below R = 2^`bits` into lanes. Public values only: num-bigint takes time by their size.
    pub(super) fn new(modulus: &Modulus, row: &[u64], bits: usize, number: impl Fn(&BigUint) -> N) -> Self {
        let integer = |limbs: &[u64]| BigUint::from_bytes_le(bytemuck::cast_slice(limbs));
        let (b0, b1) = row.split_at(row.len() / 2);
        let m = integer(modulus.limbs());
        let square = &m * &m;
        let b = (integer(b0) + integer(b1) * &m) % &square;
        let (b0, b1) = (&b % &m, &b / &m);
        let radix = BigUint::from(1u32) << bits;
        let halves = |x: BigUint| [number(&(&x % &radix)), number(&(x >> bits))];
        Self {
            quotients: Pair { x0: number(&((&b0 << bits) / &m)), x1: number(&((b << bits) / &square)) },
            pair: Pair { x0: number(&b0), x1: number(&b1) },
            minus_m: number(&(&radix - &m)),
            m: number(&m),
            minus_square: halves(&radix * &radix - &square),
            square: halves(square),
        }
    }
}

impl<V: Tiles, const T: usize, const C: usize> SimdModulus<V, T, C> {
    /// An integer below R, in every lane.
    fn in_every_lane(isa: V::Isa, x: &BigUint) -> Number<V, T, C> {
        V::run(
            isa,
            #[inline(always)]
            || {
                let mut limbs = Vec::with_capacity(x.iter_u64_digits().len());
                for limb in x.iter_u64_digits() {
                    limbs.push(V::splat(isa, limb));
                }
                rows::from_limbs(isa, &limbs)
            },
        )
    }

    #[inline(always)]
    fn multiply_by(&self, x: &mut Pair<Number<V, T, C>>, factor: &ReciprocalFactor<Number<V, T, C>>) {
        let (isa, b, quotients) = (self.isa, &factor.pair, &factor.quotients);
        let [mut q0, mut q1, mut z0] = [Number::zero(isa); 3];
        columns::set_upper_half(isa, &mut q0, [&x.x0], [&quotients.x0]);
        columns::set_upper_half(isa, &mut q1, [&x.x0, &x.x1], [&quotients.x1, &quotients.x0]);
        let mut sum = Number::zero(isa).0;
        columns::add_lower_half(isa, &mut sum, [&x.x0, &q0], [&b.x0, &factor.minus_m]);
        z0.carry_from(isa, &sum);
        let mut sum = q0.0;
        columns::add_lower_half(isa, &mut sum, [&x.x0, &x.x1, &q1], [&b.x1, &b.x0, &factor.minus_m]);
        x.x1.carry_from(isa, &sum);
        // Where q0 is one too small, 1 is missing in z1 too, which may be −1 until then.
        let missing = z0.reduce_once(isa, &factor.m);
        x.x0 = z0;
        x.x1.increment(isa, missing);
        x.x1.reduce_once(isa, &factor.m);
    }

    #[inline(always)]
    fn store_product_by(
        &self,
        x: &Pair<Number<V, T, C>>,
        factor: &ReciprocalFactor<Number<V, T, C>>,
        rows: &mut [u64],
    ) {
        let (isa, b, quotients) = (self.isa, &factor.pair, &factor.quotients);
        let [mut q, mut w] = [Number::zero(isa); 2];
        columns::set_upper_half(isa, &mut q, [&x.x0, &x.x1], [&quotients.x1, &quotients.x0]);
        let mut sum = factor.m.0;
        columns::add_lower_half(isa, &mut sum, [&x.x0, &x.x1, &q], [&b.x1, &b.x0, &factor.minus_m]);
        w.carry_from(isa, &sum);
        let mut sum = factor.minus_square.map(|half| half.0);
        columns::add_products(isa, &mut sum, [&x.x0, &factor.m], [&b.x0, &w]);
        columns::reduce_once(isa, &mut sum, &factor.square);
        let limbs = 2 * self.width;
        rows::store(isa, sum.as_flattened().as_flattened(), limbs, rows, limbs, 0);
    }
}

impl<V: Tiles, const T: usize, const C: usize> FixedFactor for SimdModulus<V, T, C> {
    type Factor = Factor<Number<V, T, C>>;

    fn factor_vartime(&self, modulus: &Modulus, row: &[u64], count: usize) -> Self::Factor {
        if count < LEAST {
            return Factor::Montgomery(MontgomeryFactor::new(self, modulus, row));
        }
        let bits = V::DIGIT_BITS as usize * T * C;
        Factor::Reciprocal(Box::new(ReciprocalFactor::new(modulus, row, bits, |x| Self::in_every_lane(self.isa, x))))
    }

    fn scale(&self, x: &mut Pair<Number<V, T, C>>, factor: &Self::Factor) {
        match factor {
            Factor::Montgomery(factor) => factor.scale(self, x),
            Factor::Reciprocal(factor) => V::run(
                self.isa,
                #[inline(always)]
                || self.multiply_by(x, factor),
            ),
        }
    }

    fn store_scaled(&self, x: &Pair<Number<V, T, C>>, factor: &Self::Factor, rows: &mut [u64]) {
        match factor {
            Factor::Montgomery(factor) => factor.store_scaled(self, x, rows),
            Factor::Reciprocal(factor) => {
                V::run(
                    self.isa,
                    #[inline(always)]
                    || self.store_product_by(x, factor, rows),
                );
            }
        }
    }
}
