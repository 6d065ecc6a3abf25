//! Encryption and decryption of numbers by the owner.

use super::decode::{Decoded, Limits};
use super::encode::{self, MachineNumber};
use super::encrypted::private::Array;
use super::encrypted::{EncryptedArray, EncryptedNumber};
use super::format::NumberFormat;
use super::plain::PlainArray;
use crate::bignum::batch::Rows;
use crate::bignum::random::OsRandom;
use crate::context::ExecutionContext;
use crate::error::{Error, NumberProblem};
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::kernels::crt_decrypt::crt_decrypt;
use crate::paillier::validate;
use zeroize::Zeroizing;

impl ExecutionContext {
    /// Encrypts integers or floating-point numbers, on all cores. Format and length are public, the numbers are secret.
    ///
    /// # Errors
    /// [`Error::Number`], naming the first that is not finite or beyond the format's bound; [`Error::Magnitude`] if the
    /// format's bound is too large for the key; [`Error::Random`].
    pub fn encrypt_numbers<T: MachineNumber>(
        &self,
        values: &[T],
        format: &NumberFormat,
    ) -> Result<EncryptedArray, Error> {
        let key = self.public_key();
        let plaintexts = encode::plaintexts(key, values, format)?;
        let rows = Rows::new(&plaintexts, key.width());
        let rows = self.client().encrypt_rows(self.secret_device(), rows, &mut OsRandom)?;
        Ok(EncryptedArray::new(Ciphertexts::from_limbs(key, rows), format.exponent(), format.bound().clone()))
    }

    /// Encrypts one number.
    ///
    /// # Errors
    /// As [`ExecutionContext::encrypt_numbers`].
    pub fn encrypt_number<T: MachineNumber>(&self, value: T, format: &NumberFormat) -> Result<EncryptedNumber, Error> {
        self.encrypt_numbers(&[value], format).map(EncryptedNumber::from_array)
    }

    /// Decrypts numbers to the nearest `f64`.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Number`], naming the first that is not of this key, beyond its bound, or too large
    /// for an `f64`.
    pub fn decrypt_numbers(&self, numbers: &EncryptedArray) -> Result<Vec<f64>, Error> {
        self.decrypt_each(numbers, |number| number.to_f64(numbers.exponent()))
    }

    /// Decrypts one number to the nearest `f64`.
    ///
    /// # Errors
    /// As [`ExecutionContext::decrypt_numbers`].
    pub fn decrypt_number(&self, number: &EncryptedNumber) -> Result<f64, Error> {
        only(self.decrypt_numbers(number.array())?)
    }

    /// Decrypts integers.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Number`], naming the first that is not of this key, beyond its bound, not an
    /// integer, or too large for an `i64`.
    pub fn decrypt_integers(&self, numbers: &EncryptedArray) -> Result<Vec<i64>, Error> {
        self.decrypt_each(numbers, |number| number.to_i64(numbers.exponent()))
    }

    /// Decrypts one integer.
    ///
    /// # Errors
    /// As [`ExecutionContext::decrypt_integers`].
    pub fn decrypt_integer(&self, number: &EncryptedNumber) -> Result<i64, Error> {
        only(self.decrypt_integers(number.array())?)
    }

    /// Decrypts numbers of any size exactly. Takes time that depends on their lengths, and the result is not wiped.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Number`], naming the first that is not of this key or beyond its bound.
    pub fn decrypt_exactly_vartime(&self, numbers: &EncryptedArray) -> Result<PlainArray, Error> {
        let integers = self.decrypt_each(numbers, |number| Ok(number.to_bigint_vartime()))?;
        Ok(PlainArray::new(integers, numbers.exponent()))
    }

    fn decrypt_each<T>(
        &self,
        numbers: &EncryptedArray,
        read: impl Fn(&Decoded<'_>) -> Result<T, NumberProblem>,
    ) -> Result<Vec<T>, Error> {
        let key = self.public_key();
        key.check_id("the encrypted array", numbers.key_id())?;
        let rows = numbers.ciphertexts().rows();
        validate::check_range(key, rows, 0)?;
        let mut plaintexts = Zeroizing::new(vec![0; numbers.len() * key.width()]);
        crt_decrypt(self.secret_device(), &self.client().keys().crt, rows, &mut plaintexts);
        let limits = Limits::new(key, numbers.bound());
        let read = |(index, row): (u64, &mut [u64])| {
            let number = Decoded::new(&limits, row).and_then(|number| read(&number));
            number.map_err(|problem| Error::Number { index, problem })
        };
        (0..).zip(plaintexts.chunks_exact_mut(key.width())).map(read).collect()
    }
}

fn only<T>(numbers: Vec<T>) -> Result<T, Error> {
    numbers.into_iter().next().ok_or(Error::Missing("no number was given"))
}
