//! How numbers become integers.

use crate::error::Error;
use crate::paillier::public_key::PublicKey;
use num_bigint::BigUint;

/// A number x is encrypted as the integer nearest to x/2^exponent, half to even, which must not exceed a bound in
/// magnitude. Both are public, and go with the ciphertexts: choose them by what numbers may be, not by what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat {
    exponent: i32,
    bound: BigUint,
}

impl NumberFormat {
    /// Multiples of 2^exponent, at most bound·2^exponent in magnitude.
    pub fn new(exponent: i32, bound: BigUint) -> Self {
        Self { exponent, bound }
    }

    /// Integers from −2^bits to 2^bits. 63 bits take every `i64`.
    ///
    /// ```
    /// # use hushvec::NumberFormat;
    /// assert_eq!(NumberFormat::integers(63).bound(), &(1u64 << 63).into());
    /// ```
    pub fn integers(bits: u32) -> Self {
        Self::new(0, BigUint::from(1u32) << bits)
    }

    /// Numbers from −2^integer_bits to 2^integer_bits, with so many bits after the point.
    pub fn fixed_point(integer_bits: u32, fraction_bits: u16) -> Self {
        Self::new(-i32::from(fraction_bits), BigUint::from(1u32) << (integer_bits + u32::from(fraction_bits)))
    }

    /// Numbers are multiples of 2 to this power.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// The largest magnitude of an integer that stands for a number.
    pub fn bound(&self) -> &BigUint {
        &self.bound
    }
}

/// The bound, if numbers of this key may have it.
///
/// # Errors
/// [`Error::Magnitude`] if it reaches n/3.
pub(super) fn check_bound(key: &PublicKey, operation: &'static str, bound: BigUint) -> Result<BigUint, Error> {
    let limit = key.n() / 3u32;
    if bound < limit {
        return Ok(bound);
    }
    Err(too_large(operation, bound.bits(), key))
}

pub(super) fn too_large(operation: &'static str, bits: u64, key: &PublicKey) -> Error {
    Error::Magnitude { operation, bits, limit: (key.n() / 3u32).bits() }
}
