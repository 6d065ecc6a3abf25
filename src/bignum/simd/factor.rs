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

use crate::bignum::factor::MontgomeryFactor;
use crate::bignum::lanes::{Lanes, Pair};
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

impl<N: Copy> Factor<N> {
    /// See [`FixedFactor::factor_vartime`](crate::bignum::factor::FixedFactor::factor_vartime). `number` puts an integer below
    /// R = 2^`bits` into lanes.
    pub(super) fn new<A: Lanes<Number = N>>(
        a: &A,
        modulus: &Modulus,
        row: &[u64],
        count: usize,
        bits: usize,
        number: impl Fn(&BigUint) -> N,
    ) -> Self {
        if count < LEAST {
            return Self::Montgomery(MontgomeryFactor::new(a, modulus, row));
        }
        Self::Reciprocal(Box::new(ReciprocalFactor::new(modulus, row, bits, number)))
    }
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

/// Makes a [`FixedFactor`](crate::bignum::factor::FixedFactor) of what [`impl_lanes`](crate::bignum::simd::impl_lanes) made
/// [`Lanes`](crate::bignum::lanes::Lanes). Halves of products come from `columns` too.
macro_rules! impl_fixed_factor {
    ($features:literal, [$($generics:tt)*] $Modulus:ty, $Number:ty, radix $bits:expr) => {
        impl<$($generics)*> $Modulus {
            /// An integer below R, in every lane.
            #[target_feature(enable = $features)]
            fn in_every_lane(x: &num_bigint::BigUint) -> $Number {
                let limbs: Vec<Vector> = x.iter_u64_digits().map(|limb| broadcast(limb)).collect();
                transpose::from_limbs(&limbs)
            }

            #[inline(never)]
            #[target_feature(enable = $features)]
            fn multiply_by(
                &self,
                x: &mut $crate::bignum::lanes::Pair<$Number>,
                factor: &$crate::bignum::simd::factor::ReciprocalFactor<$Number>,
            ) {
                let (b, quotients) = (&factor.pair, &factor.quotients);
                let [mut q0, mut q1, mut z0] = [<$Number>::zero(); 3];
                columns::set_upper_half(&mut q0, [&x.x0], [&quotients.x0]);
                columns::set_upper_half(&mut q1, [&x.x0, &x.x1], [&quotients.x1, &quotients.x0]);
                let mut sum = <$Number>::zero().0;
                columns::add_lower_half(&mut sum, [&x.x0, &q0], [&b.x0, &factor.minus_m]);
                z0.carry_from(&sum);
                let mut sum = q0.0;
                columns::add_lower_half(&mut sum, [&x.x0, &x.x1, &q1], [&b.x1, &b.x0, &factor.minus_m]);
                x.x1.carry_from(&sum);
                // Where q0 is one too small, 1 is missing in z1 too, which may be −1 until then.
                let missing = z0.reduce_once(&factor.m);
                x.x0 = z0;
                x.x1.increment(missing);
                x.x1.reduce_once(&factor.m);
            }

            #[inline(never)]
            #[target_feature(enable = $features)]
            fn store_product_by(
                x: &$crate::bignum::lanes::Pair<$Number>,
                factor: &$crate::bignum::simd::factor::ReciprocalFactor<$Number>,
                limbs: usize,
                rows: &mut [u64],
            ) {
                let (b, quotients) = (&factor.pair, &factor.quotients);
                let [mut q, mut w] = [<$Number>::zero(); 2];
                columns::set_upper_half(&mut q, [&x.x0, &x.x1], [&quotients.x1, &quotients.x0]);
                let mut sum = factor.m.0;
                columns::add_lower_half(&mut sum, [&x.x0, &x.x1, &q], [&b.x1, &b.x0, &factor.minus_m]);
                w.carry_from(&sum);
                let mut sum = factor.minus_square.map(|half| half.0);
                columns::add_products(&mut sum, [&x.x0, &factor.m], [&b.x0, &w]);
                columns::reduce_once(&mut sum, &factor.square);
                transpose::store(sum.as_flattened().as_flattened(), limbs, rows, limbs, 0);
            }
        }

        impl<$($generics)*> $crate::bignum::factor::FixedFactor for $Modulus {
            type Factor = $crate::bignum::simd::factor::Factor<$Number>;

            fn factor_vartime(
                &self,
                modulus: &$crate::bignum::modulus::Modulus,
                row: &[u64],
                count: usize,
            ) -> Self::Factor {
                // SAFETY: a modulus can only be made with the proof that the processor has these instructions.
                let number = |x: &num_bigint::BigUint| unsafe { Self::in_every_lane(x) };
                $crate::bignum::simd::factor::Factor::new(self, modulus, row, count, $bits, number)
            }

            fn scale(&self, x: &mut $crate::bignum::lanes::Pair<$Number>, factor: &Self::Factor) {
                match factor {
                    $crate::bignum::simd::factor::Factor::Montgomery(factor) => factor.scale(self, x),
                    // SAFETY: as above.
                    $crate::bignum::simd::factor::Factor::Reciprocal(factor) => unsafe { self.multiply_by(x, factor) },
                }
            }

            fn store_scaled(
                &self,
                x: &$crate::bignum::lanes::Pair<$Number>,
                factor: &Self::Factor,
                rows: &mut [u64],
            ) {
                match factor {
                    $crate::bignum::simd::factor::Factor::Montgomery(factor) => factor.store_scaled(self, x, rows),
                    $crate::bignum::simd::factor::Factor::Reciprocal(factor) => {
                        // SAFETY: as above.
                        unsafe { Self::store_product_by(x, factor, 2 * self.width, rows) };
                    }
                }
            }
        }
    };
}
pub(super) use impl_fixed_factor;
