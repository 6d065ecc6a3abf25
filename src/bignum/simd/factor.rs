//! Multiplication by a fixed factor with vectors. Quotients are estimated with precomputed reciprocals of the factor,
//! so most products are needed only by half.
//!
//! For x = x0 + x1·m, the factor b = b0 + b1·m, R = 2^([`Tiles::DIGIT_BITS`]·T·C), and
//! y = x0·b + x1·b0·m ≡ x·b (mod m²):
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
//! Quotients need the upper halves of products, and values modulo R the lower halves: half of L² each. A Montgomery
//! multiplication takes 5·L², and converting the pair to an integer another L². The scaled reciprocal of a fixed
//! factor is due to Shoup (in Harvey, "Faster arithmetic for number-theoretic transforms", 2014). Taking it of b/m²
//! makes q1 a single quotient.
//!
//! # Bounds
//!
//! x0, x1 < m ≤ R/2^8. Rounding ⌊b0·R/m⌋ and ⌊b·R/m²⌋ down reduces a quotient by less than (x0 + x1)/R ≤ 2^−7, and
//! the omitted columns by less than 2^−17. So a quotient is at most 1 too small, and results are below twice their
//! modulus (m or m²).

use super::columns;
use super::modulus::SimdModulus;
use super::number::Number;
use super::rows;
use super::tile::Tiles;
use crate::bignum::factor::{FixedFactor, MontgomeryFactor};
use crate::bignum::lanes::Pair;
use crate::bignum::modulus::Modulus;
use num_bigint::BigUint;

/// The number of multiplications from which the reciprocals pay off. They take about twenty microseconds for a
/// 2048-bit m, and save a tenth of a microsecond per multiplication with AVX-512 IFMA.
const LEAST: usize = 256;

/// A factor with its precomputed values.
pub(crate) enum Factor<N> {
    /// For few multiplications.
    Montgomery(MontgomeryFactor<N>),
    /// For many multiplications.
    Reciprocal(Box<ReciprocalFactor<N>>),
}

/// A factor with its reciprocals.
pub(crate) struct ReciprocalFactor<N> {
    /// b0 and b1.
    pub(super) pair: Pair<N>,
    /// ⌊b0·R/m⌋ and ⌊b·R/m²⌋.
    pub(super) quotients: Pair<N>,
    /// m. Also added to w to keep it positive.
    pub(super) m: N,
    /// R − m.
    pub(super) minus_m: N,
    /// m², lower half first.
    pub(super) square: [N; 2],
    /// R² − m², lower half first.
    pub(super) minus_square: [N; 2],
}

impl<N> ReciprocalFactor<N> {
    /// Computes the reciprocals. `number` puts an integer below R = 2^`bits` in every lane. For public values only:
    /// num-bigint is not constant-time.
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
    /// Puts an integer below R in every lane.
    fn in_every_lane(isa: V::Isa, x: &BigUint) -> Number<V, T, C> {
        V::run(
            isa,
            #[inline(always)]
            move || {
                let mut limbs = Vec::with_capacity(x.iter_u64_digits().len());
                for limb in x.iter_u64_digits() {
                    limbs.push(V::splat(isa, limb));
                }
                rows::from_limbs(isa, &limbs)
            },
        )
    }

    /// x ← x·factor mod m², as a reduced pair.
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
        // If q0 is 1 too small, so is z1, which may then be −1 before this correction.
        let missing = z0.reduce_once(isa, &factor.m);
        x.x0 = z0;
        x.x1.increment(isa, missing);
        x.x1.reduce_once(isa, &factor.m);
    }

    /// Writes x·factor mod m² as integers.
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
                move || self.multiply_by(x, factor),
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
                    move || self.store_product_by(x, factor, rows),
                );
            }
        }
    }
}
