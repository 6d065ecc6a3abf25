//! Encodes numbers as plaintexts, in constant time.

use super::format::{NumberFormat, check_bound};
use crate::bignum::limbs::less_than;
use crate::error::{Error, NumberProblem};
use crate::paillier::public_key::{PublicKey, limbs};
use zeroize::Zeroizing;

/// A primitive number that can be encrypted: integers of up to 64 bits, `f32` and `f64`.
pub trait MachineNumber: Copy + private::Parts {}

impl<T: Copy + private::Parts> MachineNumber for T {}

mod private {
    /// ±mantissa·2^exponent.
    pub struct Float {
        pub(in crate::numbers) is_finite: bool,
        pub(in crate::numbers) is_negative: bool,
        pub(in crate::numbers) mantissa: u64,
        pub(in crate::numbers) exponent: i32,
    }

    pub trait Parts {
        fn parts(self) -> Float;
    }

    macro_rules! impl_parts {
        ($($unsigned:ty)*; $($signed:ty)*) => {
            $(impl Parts for $unsigned {
                fn parts(self) -> Float {
                    Float { is_finite: true, is_negative: false, mantissa: u64::from(self), exponent: 0 }
                }
            })*
            $(impl Parts for $signed {
                fn parts(self) -> Float {
                    let wide = i64::from(self);
                    Float { is_finite: true, is_negative: wide < 0, mantissa: wide.unsigned_abs(), exponent: 0 }
                }
            })*
        };
    }
    impl_parts!(u8 u16 u32 u64; i8 i16 i32 i64);

    impl Parts for f32 {
        fn parts(self) -> Float {
            f64::from(self).parts()
        }
    }

    impl Parts for f64 {
        /// IEEE 754 binary64: a sign, 11 bits of exponent, 52 of fraction.
        fn parts(self) -> Float {
            let bits = self.to_bits();
            let biased = bits >> 52 & 0x7ff;
            let normal = u64::from(biased != 0);
            let mantissa = bits & ((1 << 52) - 1) | normal << 52;
            #[expect(clippy::cast_possible_truncation, reason = "it has 11 bits")]
            let exponent = (biased + 1 - normal) as i32 - 1075;
            Float { is_finite: biased != 0x7ff, is_negative: bits >> 63 == 1, mantissa, exponent }
        }
    }
}

pub(super) use private::Float;

/// Encodes numbers as plaintexts, one row of n's width each: i for i ≥ 0, n + i for i < 0.
///
/// # Errors
/// [`Error::Magnitude`] if the format's bound is too large for the key; [`Error::Number`], naming the first number
/// that is not finite or beyond the format's bound.
pub(super) fn plaintexts<T: MachineNumber>(
    key: &PublicKey,
    values: &[T],
    format: &NumberFormat,
) -> Result<Zeroizing<Vec<u64>>, Error> {
    check_bound(key, "encrypt", format.bound().clone())?;
    let bound = limbs(format.bound(), key.width());
    let mut rows = Zeroizing::new(vec![0; values.len() * key.width()]);
    for (index, (value, row)) in (0..).zip(values.iter().zip(rows.chunks_exact_mut(key.width()))) {
        let float = value.parts();
        if !float.is_finite {
            return Err(Error::Number { index, problem: NumberProblem::NotFinite });
        }
        let overflow = write_magnitude(&float, format.exponent(), row);
        if overflow || less_than(&bound, row) {
            return Err(Error::Number { index, problem: NumberProblem::OutOfRange });
        }
        negate_if(float.is_negative, key.modulus().limbs(), row);
    }
    Ok(rows)
}

/// Returns a mask: all ones if the condition holds, else 0.
pub(super) fn mask(condition: bool) -> u64 {
    u64::from(condition).wrapping_neg()
}

/// Writes the integer nearest to mantissa·2^exponent/2^unit, rounding half to even. Returns whether it overflows `out`.
fn write_magnitude(float: &Float, unit: i32, out: &mut [u64]) -> bool {
    let shift = i64::from(float.exponent) - i64::from(unit);
    // A shift by 65 bits leaves less than a half of any 64-bit mantissa.
    let right = (-shift).clamp(0, 65);
    let wide = u128::from(float.mantissa);
    let kept = wide >> right;
    let rest = wide - (kept << right);
    // Rounds up if twice the remainder exceeds the unit, or equals it and the kept part is odd.
    let up = (rest << 1) + (kept & 1) > 1 << right;
    #[expect(clippy::cast_possible_truncation, reason = "adds 1 only after a right shift, so the sum fits 64 bits")]
    let rounded = (kept + u128::from(up & (right > 0))) as u64;
    let left = shift.max(0);
    let shifted = u128::from(rounded) << (left % 64);
    #[expect(clippy::cast_possible_truncation, reason = "splits it into limbs")]
    let (low, high) = (shifted as u64, (shifted >> 64) as u64);
    let (mut low_left, mut high_left) = (low, high);
    for (i, limb) in (0i64..).zip(out) {
        let (is_low, is_high) = (mask(i == left / 64), mask(i == left / 64 + 1));
        *limb = (low & is_low) | (high & is_high);
        low_left &= !is_low;
        high_left &= !is_high;
    }
    low_left | high_left != 0
}

/// Replaces x by m − x if the condition holds and x is not 0.
pub(super) fn negate_if(condition: bool, m: &[u64], x: &mut [u64]) {
    let any = x.iter().fold(0, |any, limb| any | limb);
    let mask = mask(condition) & mask(any != 0);
    let mut borrow = 0;
    for (x, m) in x.iter_mut().zip(m) {
        let (difference, first) = m.overflowing_sub(*x);
        let (difference, second) = difference.overflowing_sub(borrow);
        borrow = u64::from(first | second);
        *x = (*x & !mask) | (difference & mask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::{BigInt, BigUint};
    use proptest::prelude::*;

    fn integer(value: impl MachineNumber, unit: i32) -> Option<BigUint> {
        let mut limbs = [0; 40];
        let overflow = write_magnitude(&value.parts(), unit, &mut limbs);
        (!overflow).then(|| BigUint::from_bytes_le(bytemuck::cast_slice(&limbs)))
    }

    /// Rounds |value|/2^unit to the nearest integer, half to even, in exact rational arithmetic.
    fn nearest(value: f64, unit: i32) -> BigUint {
        // Every f64 is a multiple of 2^−1074.
        let bits = value.to_bits();
        let (biased, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
        let numerator = if biased == 0 { fraction.into() } else { BigUint::from(fraction | 1 << 52) << (biased - 1) };
        let shift = 1074 + unit;
        let Ok(shift) = u32::try_from(shift) else { return numerator << shift.unsigned_abs() };
        let denominator = BigUint::from(1u32) << shift;
        let (quotient, rest) = (&numerator / &denominator, (&numerator % &denominator) * 2u32);
        match rest.cmp(&denominator) {
            std::cmp::Ordering::Less => quotient,
            std::cmp::Ordering::Greater => quotient + 1u32,
            std::cmp::Ordering::Equal => (&quotient + 1u32) / 2u32 * 2u32,
        }
    }

    proptest! {
        #[test]
        fn floats_are_rounded_to_the_nearest(bits: u64, unit in -1200i32..1200) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let expected = nearest(value, unit);
            let expected = if expected.bits() > 2560 { None } else { Some(expected) };
            prop_assert_eq!(integer(value, unit), expected);
        }

        #[test]
        fn ties_go_to_even(kept in 0u64..1 << 40, bits in 1u32..12, nudge in -1i64..=1) {
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let value = ((kept << bits) + (1 << (bits - 1))) as f64 + nudge as f64;
            prop_assert_eq!(integer(value, bits as i32), Some(nearest(value, bits as i32)));
        }

        #[test]
        fn integers_are_exact(value: i64, unit in -70i32..=0) {
            let expected = BigInt::from(value).magnitude() << unit.unsigned_abs();
            prop_assert_eq!(integer(value, unit), Some(expected));
        }
    }

    #[test]
    fn overflow_is_reported() {
        assert_eq!(integer(1u64, -2559), Some(BigUint::from(1u32) << 2559));
        assert_eq!(integer(1u64, -2560), None);
        assert_eq!(integer(3u64, -2559), None);
        assert_eq!(integer(0u64, -9000), Some(BigUint::ZERO));
        assert_eq!(integer(u64::MAX, 64), Some(1u32.into()));
        assert_eq!(integer(u64::MAX, 65), Some(BigUint::ZERO));
    }
}
