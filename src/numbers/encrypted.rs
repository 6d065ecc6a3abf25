//! Encrypted numbers, one and many.

use super::format::NumberFormat;
use crate::paillier::ciphertext::{Ciphertext, Ciphertexts};
use crate::paillier::public_key::PublicId;
use num_bigint::BigUint;
use std::fmt;

/// Encrypted numbers with one exponent, and one public bound on their magnitude. Made by
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

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.ciphertexts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ciphertexts.is_empty()
    }

    /// Numbers are multiples of 2 to this power.
    pub fn exponent(&self) -> i32 {
        self.format.exponent()
    }

    /// The largest magnitude that an encrypted integer can have, by how it came about. The number is the integer times
    /// 2^exponent.
    pub fn bound(&self) -> &BigUint {
        self.format.bound()
    }

    /// The key that they are encrypted with.
    pub fn key_id(&self) -> PublicId {
        self.ciphertexts.key_id()
    }

    /// The ciphertexts: of i for i ≥ 0, of n + i for i < 0.
    pub fn ciphertexts(&self) -> &Ciphertexts {
        &self.ciphertexts
    }

    /// The number at that place.
    pub fn get(&self, index: usize) -> Option<EncryptedNumber> {
        (index < self.len()).then(|| EncryptedNumber(self.slice(index..index + 1)))
    }

    /// The numbers one by one.
    pub fn iter(&self) -> impl Iterator<Item = EncryptedNumber> + '_ {
        (0..self.len()).map(|index| EncryptedNumber(self.slice(index..index + 1)))
    }

    /// Some of them; fewer, if there are not so many.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Self { ciphertexts: self.ciphertexts.slice(range), format: self.format.clone() }
    }
}

/// One encrypted number: an [`EncryptedArray`] of one.
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
    /// The number is a multiple of 2 to this power.
    pub fn exponent(&self) -> i32 {
        self.0.exponent()
    }

    /// See [`EncryptedArray::bound`].
    pub fn bound(&self) -> &BigUint {
        self.0.bound()
    }

    /// The key that it is encrypted with.
    pub fn key_id(&self) -> PublicId {
        self.0.key_id()
    }

    /// The ciphertext.
    pub fn ciphertext(&self) -> Ciphertext {
        Ciphertext::from_row(self.key_id(), self.0.ciphertexts.rows().limbs())
    }
}

/// [`EncryptedNumber`] and [`EncryptedArray`]: what evaluators compute with, element by element.
pub trait Encrypted: private::Array {}

impl Encrypted for EncryptedArray {}

impl Encrypted for EncryptedNumber {}

pub(super) mod private {
    use super::{EncryptedArray, EncryptedNumber};

    pub trait Array: Sized {
        fn array(&self) -> &EncryptedArray;

        /// From an array as long as the operands.
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
