//! Encrypted numbers and arrays of them.

use super::format::NumberFormat;
use crate::paillier::ciphertext::{Ciphertext, Ciphertexts};
use crate::paillier::public_key::PublicId;
use num_bigint::BigUint;
use std::fmt;

/// An array of encrypted numbers with a common exponent and a public bound on their magnitude. Created by
/// `ExecutionContext::encrypt_numbers` or
/// [`NumberEvaluator::encrypt_numbers`](crate::NumberEvaluator::encrypt_numbers).
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedArray {
    ciphertexts: Ciphertexts,
    format: NumberFormat,
}

impl fmt::Debug for EncryptedArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedArray")
            .field("key", &self.key_id())
            .field("len", &self.len())
            .field("exponent", &self.exponent())
            .field("bound_bits", &self.bound().bits())
            .finish_non_exhaustive()
    }
}

impl EncryptedArray {
    pub(super) fn new(ciphertexts: Ciphertexts, exponent: i32, bound: BigUint) -> Self {
        Self { ciphertexts, format: NumberFormat::new(exponent, bound) }
    }

    /// Returns how many numbers it has.
    pub fn len(&self) -> usize {
        self.ciphertexts.len()
    }

    /// Returns whether it has no numbers.
    pub fn is_empty(&self) -> bool {
        self.ciphertexts.is_empty()
    }

    /// Returns the exponent: the numbers are multiples of 2^exponent.
    pub fn exponent(&self) -> i32 {
        self.format.exponent()
    }

    /// Returns the largest magnitude that an encrypted integer can have after the operations that produced it. A
    /// number is its integer times 2^exponent.
    pub fn bound(&self) -> &BigUint {
        self.format.bound()
    }

    /// Returns the public id of the key that encrypts the numbers.
    pub fn key_id(&self) -> PublicId {
        self.ciphertexts.key_id()
    }

    /// Returns the ciphertexts, which encrypt i for i ≥ 0 and n + i for i < 0.
    pub fn ciphertexts(&self) -> &Ciphertexts {
        &self.ciphertexts
    }

    /// Returns the number at an index, or `None` beyond the end.
    pub fn get(&self, index: usize) -> Option<EncryptedNumber> {
        (index < self.len()).then(|| EncryptedNumber(self.slice(index..index + 1)))
    }

    /// Iterates over the numbers.
    pub fn iter(&self) -> impl Iterator<Item = EncryptedNumber> + '_ {
        (0..self.len()).map(|index| EncryptedNumber(self.slice(index..index + 1)))
    }

    /// Returns the numbers in a range, which is cut to the length of the array.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Self { ciphertexts: self.ciphertexts.slice(range), format: self.format.clone() }
    }
}

/// One encrypted number: an [`EncryptedArray`] of length 1.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedNumber(EncryptedArray);

impl fmt::Debug for EncryptedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedNumber")
            .field("key", &self.key_id())
            .field("exponent", &self.exponent())
            .field("bound_bits", &self.bound().bits())
            .finish_non_exhaustive()
    }
}

impl EncryptedNumber {
    /// Returns the exponent: the number is a multiple of 2^exponent.
    pub fn exponent(&self) -> i32 {
        self.0.exponent()
    }

    /// Returns the bound: see [`EncryptedArray::bound`].
    pub fn bound(&self) -> &BigUint {
        self.0.bound()
    }

    /// Returns the public id of the key that encrypts the number.
    pub fn key_id(&self) -> PublicId {
        self.0.key_id()
    }

    /// Returns the ciphertext.
    pub fn ciphertext(&self) -> Ciphertext {
        Ciphertext::from_row(self.key_id(), self.0.ciphertexts.rows().limbs())
    }
}

/// [`EncryptedNumber`] or [`EncryptedArray`]: the operands of elementwise operations.
pub trait Encrypted: private::Array {}

impl Encrypted for EncryptedArray {}

impl Encrypted for EncryptedNumber {}

pub(super) mod private {
    use super::{EncryptedArray, EncryptedNumber};

    pub trait Array: Sized {
        fn array(&self) -> &EncryptedArray;

        /// Wraps an array of the operands' length.
        fn from_array(array: EncryptedArray) -> Self;
    }

    impl Array for EncryptedArray {
        fn array(&self) -> &EncryptedArray {
            self
        }

        fn from_array(array: EncryptedArray) -> Self {
            array
        }
    }

    impl Array for EncryptedNumber {
        fn array(&self) -> &EncryptedArray {
            &self.0
        }

        fn from_array(array: EncryptedArray) -> Self {
            Self(array)
        }
    }
}
