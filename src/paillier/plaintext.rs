//! Plaintexts: non-negative integers.

use crate::bignum::limbs::{equal, less_than};
use crate::bignum::secrecy::declassify;
use crate::error::Error;
use num_bigint::BigUint;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Why the length of an integer may be public.
const LENGTH: &str = "the memory and time that an integer takes depend on its length";

/// A non-negative integer. Its value is secret: it is wiped when dropped, and Debug does not show it. Its length is
/// not secret.
///
/// ```
/// use hushvec::Plaintext;
/// let sum = Plaintext::from(40u64 + 2);
/// assert_eq!(u64::try_from(&sum)?, 42);
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Clone)]
pub struct Plaintext {
    /// Little-endian, without leading zeros.
    limbs: Zeroizing<Vec<u64>>,
}

impl PartialEq for Plaintext {
    fn eq(&self, other: &Self) -> bool {
        self.limbs.len() == other.limbs.len() && equal(&self.limbs, &other.limbs)
    }
}

impl Eq for Plaintext {}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plaintext(…)")
    }
}

impl Plaintext {
    pub(crate) fn from_limbs(limbs: &[u64]) -> Self {
        let used = limbs.iter().rposition(|limb| declassify(*limb != 0, LENGTH)).map_or(0, |last| last + 1);
        Self { limbs: Zeroizing::new(limbs[..used].to_vec()) }
    }

    /// Reads an integer from little-endian bytes.
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        let mut limbs = Zeroizing::new(vec![0u64; bytes.len().div_ceil(8)]);
        for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks(8)) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            *limb = u64::from_le_bytes(word);
            word.zeroize();
        }
        Self::from_limbs(&limbs)
    }

    /// Returns the integer as little-endian bytes, without zeros at the end.
    pub fn to_le_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.limbs.len() * 8));
        for limb in self.limbs.iter() {
            bytes.extend_from_slice(&limb.to_le_bytes());
        }
        while bytes.last().is_some_and(|byte| declassify(*byte == 0, LENGTH)) {
            bytes.pop();
        }
        bytes
    }

    /// Converts the integer to a [`BigUint`], which is not wiped when dropped.
    pub fn to_biguint(&self) -> BigUint {
        BigUint::from_bytes_le(&self.to_le_bytes())
    }

    /// Returns the length in bits.
    pub fn bits(&self) -> usize {
        self.limbs.last().map_or(0, |top| 64 * self.limbs.len() - declassify(top.leading_zeros(), LENGTH) as usize)
    }

    /// Returns the limbs of an integer below n, padded with zeros to the width of n.
    ///
    /// # Errors
    /// [`Error::Plaintext`] if the integer is not below n.
    pub(crate) fn below(&self, n: &[u64]) -> Result<Zeroizing<Vec<u64>>, Error> {
        let too_large = || Error::Plaintext { bits: self.bits(), limit: Self::from_limbs(n).bits() };
        if self.limbs.len() > n.len() {
            return Err(too_large());
        }
        let mut limbs = Zeroizing::new(self.limbs.to_vec());
        limbs.resize(n.len(), 0);
        if !declassify(less_than(&limbs, n), "a plaintext that is not below n is refused") {
            return Err(too_large());
        }
        Ok(limbs)
    }
}

impl From<u64> for Plaintext {
    fn from(x: u64) -> Self {
        Self::from_limbs(&[x])
    }
}

impl From<&BigUint> for Plaintext {
    fn from(x: &BigUint) -> Self {
        Self::from_le_bytes(&x.to_bytes_le())
    }
}

impl TryFrom<&Plaintext> for u64 {
    type Error = Error;

    fn try_from(x: &Plaintext) -> Result<Self, Error> {
        match x.limbs.as_slice() {
            [] => Ok(0),
            [limb] => Ok(*limb),
            _ => Err(Error::Plaintext { bits: x.bits(), limit: 64 }),
        }
    }
}
