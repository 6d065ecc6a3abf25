//! The format of encrypted numbers: how numbers become integers.

use crate::error::Error;
use crate::paillier::public_key::PublicKey;
use num_bigint::BigUint;

/// The exponent and the bound of encrypted numbers. A number x is encrypted as the integer nearest to x/2^exponent,
/// rounded half to even, whose magnitude must not exceed the bound.
///
/// Both are public and stored with the ciphertexts. Choose them for the range that numbers can have, not for the
/// values at hand, so that they reveal nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat {
    exponent: i32,
    bound: BigUint,
}

impl NumberFormat {
    /// Returns a format for multiples of 2^exponent, at most bound·2^exponent in magnitude.
    pub fn new(exponent: i32, bound: BigUint) -> Self {
        Self { exponent, bound }
    }

    /// Returns a format for integers from −2^bits to 2^bits. 63 bits hold every `i64`.
    ///
    /// ```
    /// # use hushvec::NumberFormat;
    /// assert_eq!(NumberFormat::integers(63).bound(), &(1u64 << 63).into());
    /// ```
    pub fn integers(bits: u32) -> Self {
        Self::new(0, BigUint::from(1u32) << bits)
    }

    /// Returns a format for fixed-point numbers from −2^integer_bits to 2^integer_bits with `fraction_bits` bits
    /// after the point.
    pub fn fixed_point(integer_bits: u32, fraction_bits: u16) -> Self {
        Self::new(-i32::from(fraction_bits), BigUint::from(1u32) << (integer_bits + u32::from(fraction_bits)))
    }

    /// Returns the exponent: numbers are multiples of 2^exponent.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Returns the largest magnitude of an encoded integer.
    pub fn bound(&self) -> &BigUint {
        &self.bound
    }
}

/// Returns the bound if it is small enough for this key.
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
