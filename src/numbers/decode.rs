//! Decodes plaintexts to numbers, in constant time.

use super::encode::{mask, negate_if};
use crate::bignum::limbs::less_than;
use crate::error::NumberProblem;
use crate::paillier::public_key::{PublicKey, limbs};
use num_bigint::{BigInt, BigUint, Sign};

/// A signed integer, as sign and magnitude.
pub(super) struct Decoded<'a> {
    is_negative: bool,
    magnitude: &'a [u64],
}

/// The values that plaintexts of a key are compared with.
pub(super) struct Limits<'a> {
    n: &'a [u64],
    half: Vec<u64>,
    bound: Vec<u64>,
}

impl<'a> Limits<'a> {
    pub(super) fn new(key: &'a PublicKey, bound: &BigUint) -> Self {
        let n = key.modulus().limbs();
        // A bound of n or more is no restriction.
        let bound = if bound < key.n() { limbs(bound, key.width()) } else { n.to_vec() };
        Self { n, half: limbs(&(key.n() / 2u32), key.width()), bound }
    }
}

impl<'a> Decoded<'a> {
    /// Decodes the integer in a plaintext, overwriting the plaintext with the magnitude.
    pub(super) fn new(limits: &Limits<'_>, plaintext: &'a mut [u64]) -> Result<Self, NumberProblem> {
        if plaintext.iter().fold(u64::MAX, |all, limb| all & limb) == u64::MAX {
            return Err(NumberProblem::Foreign);
        }
        let is_negative = less_than(&limits.half, plaintext);
        negate_if(is_negative, limits.n, plaintext);
        if less_than(&limits.bound, plaintext) {
            return Err(NumberProblem::BeyondBound);
        }
        Ok(Self { is_negative, magnitude: plaintext })
    }

    /// Returns the number as an `i64`, or an error if it has a fraction or is too large.
    pub(super) fn to_i64(&self, exponent: i32) -> Result<i64, NumberProblem> {
        let mut integer = 0u64;
        let (mut cut, mut beyond) = (0u64, 0u64);
        for (i, limb) in (0i64..).zip(self.magnitude) {
            // The position of this limb's lowest bit. Exponent and position are public, so branching on them is safe.
            let at = 64 * i + i64::from(exponent);
            match at {
                ..=-64 => cut |= limb,
                -63..=-1 => {
                    integer |= limb >> -at;
                    cut |= limb << (64 + at);
                }
                0 => integer |= limb,
                1..=63 => {
                    integer |= limb << at;
                    beyond |= limb >> (64 - at);
                }
                64.. => beyond |= limb,
            }
        }
        if cut != 0 {
            return Err(NumberProblem::NotAnInteger);
        }
        let negative = mask(self.is_negative);
        let most = (1 << 63) - 1 + u64::from(self.is_negative);
        if beyond != 0 || integer > most {
            return Err(NumberProblem::TooLargeForType);
        }
        Ok(((integer ^ negative).wrapping_sub(negative)).cast_signed())
    }

    /// Returns the nearest `f64`, rounding half to even.
    pub(super) fn to_f64(&self, exponent: i32) -> Result<f64, NumberProblem> {
        // The highest limb that is not 0, the limb below it, and the OR of all limbs below those.
        let (mut top, mut below, mut rest, mut place) = (0, 0, 0, 0);
        let (mut last, mut before) = (0, 0);
        for (i, limb) in (0u64..).zip(self.magnitude) {
            let here = mask(*limb != 0);
            let choose = |new: u64, old: u64| (new & here) | (old & !here);
            (top, below, rest, place) =
                (choose(*limb, top), choose(last, below), choose(before, rest), choose(i, place));
            (last, before) = (*limb, before | last);
        }
        let shift = top.leading_zeros() % 64;
        let wide = (u128::from(top) << 64 | u128::from(below)) << shift;
        #[expect(clippy::cast_possible_truncation, reason = "takes the two halves")]
        let (head, cut) = ((wide >> 64) as u64, wide as u64 | rest);
        // 64 bits, the lowest of which is set if any lower bit was set: enough to round to 53 bits correctly.
        #[expect(clippy::cast_precision_loss, reason = "rounds to the nearest, half to even")]
        let mut number = (head | u64::from(cut != 0)) as f64;
        let mut power = 64 * place.cast_signed() - i64::from(shift) + i64::from(exponent);
        for _ in 0..4 {
            let step = power.clamp(-1000, 1000);
            number *= f64::from_bits((1023 + step).cast_unsigned() << 52);
            power -= step;
        }
        let number = f64::from_bits(number.to_bits() | u64::from(self.is_negative) << 63);
        if number.is_finite() { Ok(number) } else { Err(NumberProblem::TooLargeForType) }
    }

    /// Returns the integer. Takes time that depends on its length.
    pub(super) fn to_bigint_vartime(&self) -> BigInt {
        let sign = if self.is_negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, BigUint::from_bytes_le(bytemuck::cast_slice(self.magnitude)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(is_negative: bool, magnitude: &[u64]) -> Decoded<'_> {
        Decoded { is_negative, magnitude }
    }

    proptest! {
        #[test]
        fn floats_are_the_nearest(limbs in prop::collection::vec(prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), 0u64..4], 1..20), negative: bool, exponent in -1074i32..200) {
            let number = decoded(negative, &limbs);
            // The oracle is the standard library, which parses decimal text to the nearest float. For e < 0,
            // x·2^e = x·5^−e / 10^−e.
            let text = if exponent < 0 {
                let scaled = number.to_bigint_vartime() * BigInt::from(5u32).pow(exponent.unsigned_abs());
                format!("{scaled}e{exponent}")
            } else {
                (number.to_bigint_vartime() << exponent.unsigned_abs()).to_string()
            };
            let expected: f64 = text.parse().unwrap();
            let expected = if expected.is_finite() { Ok(expected) } else { Err(NumberProblem::TooLargeForType) };
            let limbs_are_zero = limbs.iter().all(|limb| *limb == 0);
            let got = decoded(negative && !limbs_are_zero, &limbs).to_f64(exponent);
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn integers_come_back(value: i64, exponent in -70i32..70, upper in 0u64..2) {
            // value·2^−exponent for a negative exponent, and sometimes a bit far above it.
            let magnitude = BigUint::from(value.unsigned_abs());
            let scaled = if exponent < 0 { &magnitude << exponent.unsigned_abs() } else { magnitude.clone() };
            let limbs = [limbs(&scaled, 3).as_slice(), &[upper]].concat();
            let expected = BigInt::from_biguint(if value < 0 { Sign::Minus } else { Sign::Plus }, magnitude) << exponent.max(0);
            let expected = match i64::try_from(expected) {
                Ok(value) if upper == 0 => Ok(value),
                _ => Err(NumberProblem::TooLargeForType),
            };
            prop_assert_eq!(decoded(value < 0, &limbs).to_i64(exponent), expected);
        }
    }

    #[test]
    fn fractions_and_extremes() {
        assert_eq!(decoded(false, &[3]).to_i64(-1), Err(NumberProblem::NotAnInteger));
        assert_eq!(decoded(false, &[0, 1]).to_i64(-65), Err(NumberProblem::NotAnInteger));
        assert_eq!(decoded(true, &[1 << 63]).to_i64(0), Ok(i64::MIN));
        assert_eq!(decoded(false, &[1 << 63]).to_i64(0), Err(NumberProblem::TooLargeForType));
        assert_eq!(decoded(true, &[(1 << 63) + 1]).to_i64(0), Err(NumberProblem::TooLargeForType));
        assert_eq!(decoded(false, &[1]).to_f64(-1074), Ok(f64::from_bits(1)));
        assert_eq!(decoded(true, &[u64::MAX << 11]).to_f64(960), Ok(f64::MIN));
        assert_eq!(decoded(true, &[u64::MAX]).to_f64(960), Err(NumberProblem::TooLargeForType));
        assert_eq!(decoded(false, &[0]).to_f64(i32::MAX), Ok(0.0));
        assert_eq!(decoded(false, &[1]).to_f64(i32::MIN), Ok(0.0));
    }
}
