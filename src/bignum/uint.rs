//! One-off computations on secret numbers: inverses, quotients, powers, decimal text. The kernels do not use them.
//!
//! They use crypto-bigint, whose operations take the same time for all values of one size. The time of a division also
//! depends on the bit length of the divisor, which is public in every division here.

use crate::error::Error;
use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, Limb, NonZero, Odd, Resize};
use zeroize::Zeroizing;

/// A secret number of any size, wiped when dropped.
pub(crate) type Secret = Zeroizing<BoxedUint>;

/// Returns the number with these little-endian limbs.
pub(crate) fn from_limbs(limbs: &[u64]) -> Secret {
    Zeroizing::new(BoxedUint::from_words(limbs.iter().copied()))
}

/// Returns the little-endian limbs of a number that fits in `width` limbs.
pub(crate) fn to_limbs(x: &BoxedUint, width: usize) -> Zeroizing<Vec<u64>> {
    let mut limbs = Zeroizing::new(vec![0; width]);
    for (limb, word) in limbs.iter_mut().zip(x.as_words()) {
        *limb = *word;
    }
    limbs
}

/// a·b at full width.
pub(crate) fn product(a: &BoxedUint, b: &BoxedUint) -> Secret {
    Zeroizing::new(a.concatenating_mul(b))
}

/// a − b for a ≥ b, at a's width.
pub(crate) fn difference(a: &BoxedUint, b: &BoxedUint) -> Secret {
    Zeroizing::new(a.wrapping_sub(b))
}

/// a + b at the larger width plus one limb.
pub(crate) fn sum(a: &BoxedUint, b: &BoxedUint) -> Secret {
    let bits = a.bits_precision().max(b.bits_precision()) + Limb::BITS;
    Zeroizing::new(resized(a, bits).wrapping_add(&*resized(b, bits)))
}

/// Returns the same number at another width, wiped when dropped.
fn resized(x: &BoxedUint, bits: u32) -> Secret {
    Zeroizing::new(x.resize(bits))
}

/// Copies a divisor, which may be a secret prime. `None` if it is 0.
fn non_zero(x: &BoxedUint) -> Option<Zeroizing<NonZero<BoxedUint>>> {
    NonZero::new(x.clone()).into_option().map(Zeroizing::new)
}

/// Copies a modulus, which may be a secret prime. `None` if it is even.
fn odd(x: &BoxedUint) -> Option<Zeroizing<Odd<BoxedUint>>> {
    Odd::new(x.clone()).into_option().map(Zeroizing::new)
}

/// a mod m, at m's width. `None` if m is 0.
pub(crate) fn remainder(a: &BoxedUint, m: &BoxedUint) -> Option<Secret> {
    let m = non_zero(m)?;
    Some(Zeroizing::new(a.rem(&m)))
}

/// ⌊a / b⌋ and a mod b. `None` if b is 0.
pub(crate) fn quotient(a: &BoxedUint, b: &BoxedUint) -> Option<(Secret, Secret)> {
    let b = non_zero(b)?;
    let (quotient, remainder) = a.div_rem(&b);
    Some((Zeroizing::new(quotient), Zeroizing::new(remainder)))
}

/// a⁻¹ mod m for odd m, at m's width. `None` if a is not invertible.
pub(crate) fn inverse(a: &BoxedUint, m: &BoxedUint) -> Option<Secret> {
    let reduced = remainder(a, m)?;
    let m = odd(m)?;
    reduced.invert_odd_mod(&m).into_option().map(Zeroizing::new)
}

/// a^e mod m for odd m, at m's width. `None` if m is even.
pub(crate) fn power(a: &BoxedUint, e: &BoxedUint, m: &BoxedUint) -> Option<Secret> {
    let reduced = remainder(a, m)?;
    let m = odd(m)?;
    Some(Zeroizing::new(reduced.pow_mod(e, &m)))
}

/// The greatest common divisor.
pub(crate) fn gcd(a: &BoxedUint, b: &BoxedUint) -> Secret {
    let bits = a.bits_precision().max(b.bits_precision());
    Zeroizing::new(resized(a, bits).gcd(&*resized(b, bits)))
}

/// Returns whether two numbers are equal, whatever their widths.
pub(crate) fn equal(a: &BoxedUint, b: &BoxedUint) -> bool {
    let bits = a.bits_precision().max(b.bits_precision());
    *resized(a, bits) == *resized(b, bits)
}

/// Returns whether a > b, whatever their widths, in constant time.
pub(crate) fn greater(a: &BoxedUint, b: &BoxedUint) -> bool {
    let width = a.as_words().len().max(b.as_words().len());
    crate::bignum::limbs::less_than(&to_limbs(b, width), &to_limbs(a, width))
}

/// The number 1.
pub(crate) fn one() -> BoxedUint {
    BoxedUint::one_with_precision(Limb::BITS)
}

/// Parses a decimal number into `width` limbs. The time depends only on the length of the text.
///
/// # Errors
/// If the text contains anything but digits, or the number needs more than `width` limbs.
pub(crate) fn from_decimal(text: &str, field: &'static str, width: usize) -> Result<Secret, Error> {
    // 10^19 is the largest power of ten in a limb.
    const DIGITS: usize = 19;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) || text.len() > 20 * (width + 1) {
        return Err(Error::context(field, "is not a whole number of the right length"));
    }
    let mut limbs = Zeroizing::new(vec![0u64; width]);
    let mut bytes = text.as_bytes();
    while !bytes.is_empty() {
        let (chunk, rest) = bytes.split_at(match bytes.len() % DIGITS {
            0 => DIGITS,
            length => length,
        });
        let value = chunk.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
        let scale = (0..chunk.len()).fold(1u128, |scale, _| scale * 10);
        let mut carry = u128::from(value);
        for limb in limbs.iter_mut() {
            carry += u128::from(*limb) * scale;
            *limb = crate::bignum::digits::low(carry);
            carry >>= 64;
        }
        if carry != 0 {
            return Err(Error::context(field, format!("is larger than {} bits", 64 * width)));
        }
        bytes = rest;
    }
    Ok(from_limbs(&limbs))
}

/// Formats a number in decimal. The time depends on the width and on the length of the result.
pub(crate) fn to_decimal(x: &BoxedUint) -> Zeroizing<String> {
    const CHUNK: Limb = Limb(10_000_000_000_000_000_000);
    // log10(2) < 0.302, so this many chunks are enough for every number of this width.
    let chunks = (x.bits_precision() as usize * 302 / 1000) / 19 + 1;
    // Allocated at full length: growing would leave copies of the secret in freed memory.
    let mut digits = Zeroizing::new(Vec::with_capacity(19 * chunks));
    let mut rest = Zeroizing::new(x.clone());
    let Some(chunk) = NonZero::new(CHUNK).into_option() else {
        return Zeroizing::new(String::new());
    };
    for _ in 0..chunks {
        let (quotient, remainder) = rest.div_rem_limb(chunk);
        rest = Zeroizing::new(quotient);
        let mut value = remainder.0;
        for _ in 0..19 {
            digits.push(b'0' + u8::try_from(value % 10).unwrap_or(0));
            value /= 10;
        }
    }
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    Zeroizing::new(digits.iter().rev().map(|digit| char::from(*digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decimal_text_agrees_with_num_bigint(limbs in prop::collection::vec(any::<u64>(), 1..40), zeros in 0usize..5) {
            let text = limbs.iter().rev().fold(BigUint::ZERO, |x, limb| (x << 64u32) + limb).to_string();
            let padded = "0".repeat(zeros) + &text;
            let x = from_decimal(&padded, "x", limbs.len()).unwrap();
            prop_assert_eq!(&*to_limbs(&x, limbs.len()), &limbs);
            prop_assert_eq!(&*to_decimal(&x), &text);
        }
    }

    #[test]
    fn bad_decimal_text_is_refused() {
        let long = "9".repeat(30);
        for text in ["", "-1", "+1", "1e5", "0x10", "12 ", "18446744073709551616", &long] {
            assert!(matches!(from_decimal(text, "x", 1), Err(Error::Context { field: "x", .. })), "{text}");
        }
        for (text, canonical) in [("18446744073709551615", "18446744073709551615"), ("000", "0")] {
            assert_eq!(*to_decimal(&from_decimal(text, "x", 1).unwrap()), canonical);
        }
    }
}
