//! Ciphertexts, batches of ciphertexts, and their encodings.

use super::public_key::{PublicId, PublicKey, biguint, limbs};
use super::validate;
use crate::bignum::batch::Rows;
use crate::bignum::limbs::less_than;
use crate::device::open_device::OpenDevice;
use crate::error::{CiphertextProblem, Error};
use crate::paillier::kernels::integers::integers_from_pairs;
use crate::paillier::kernels::integers::pairs_from_integers;
use num_bigint::BigUint;
use std::fmt;

/// A ciphertext c modulo n², in pair form: c = c0 + c1·n with c0 and c1 below n. It is always coprime to n.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertext {
    key: PublicId,
    row: Vec<u64>,
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ciphertext")
            .field("key", &self.key)
            .field("bits", &(64 * self.row.len()))
            .finish_non_exhaustive()
    }
}

impl Ciphertext {
    pub(crate) fn from_row(key: PublicId, row: &[u64]) -> Self {
        Self { key, row: row.to_vec() }
    }

    /// Makes the ciphertext with this value.
    ///
    /// # Errors
    /// [`Error::Ciphertext`] if the value is 0, not below n² or not coprime to n.
    pub fn from_biguint(key: &PublicKey, c: &BigUint) -> Result<Self, Error> {
        let (c1, c0) = (c / key.n(), c % key.n());
        let problem = if *c == BigUint::ZERO {
            Some(CiphertextProblem::Zero)
        } else if c1 >= *key.n() {
            Some(CiphertextProblem::TooLarge)
        } else if c0.modinv(key.n()).is_none() {
            Some(CiphertextProblem::NotCoprime)
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(Error::Ciphertext { record: 0, problem });
        }
        let mut row = limbs(&c0, key.width());
        row.extend(limbs(&c1, key.width()));
        Ok(Self { key: key.id(), row })
    }

    /// Returns the value of the ciphertext, which is below n².
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the ciphertext belongs to another key.
    pub fn to_biguint(&self, key: &PublicKey) -> Result<BigUint, Error> {
        key.check_id("the ciphertext", self.key)?;
        let (c0, c1) = self.row.split_at(key.width());
        Ok(biguint(c0) + biguint(c1) * key.n())
    }

    /// Reads a ciphertext from little-endian bytes. Zeros at the end may be left out.
    ///
    /// # Errors
    /// As [`Ciphertext::from_biguint`], and if there are more bytes than a ciphertext of this key has.
    pub fn from_le_bytes(key: &PublicKey, bytes: &[u8]) -> Result<Self, Error> {
        let (actual, limit) = (bytes.len(), key.parameters().ciphertext_bytes());
        if actual > limit {
            return Err(Error::Ciphertext { record: 0, problem: CiphertextProblem::TooLong { actual, limit } });
        }
        Self::from_biguint(key, &BigUint::from_bytes_le(bytes))
    }

    /// Returns the value as little-endian bytes, without zeros at the end.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the ciphertext belongs to another key.
    pub fn to_le_bytes(&self, key: &PublicKey) -> Result<Vec<u8>, Error> {
        Ok(self.to_biguint(key)?.to_bytes_le())
    }

    /// Returns the id of the key that the ciphertext belongs to.
    pub fn key_id(&self) -> PublicId {
        self.key
    }

    pub(crate) fn row(&self) -> &[u64] {
        &self.row
    }
}

/// A batch of ciphertexts of one key: encrypted vectors, or the encrypted distances that an evaluator returns.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertexts {
    key: PublicId,
    width: usize,
    limbs: Vec<u64>,
}

impl fmt::Debug for Ciphertexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ciphertexts").field("key", &self.key).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Ciphertexts {
    pub(crate) fn from_limbs(key: &PublicKey, limbs: Vec<u64>) -> Self {
        Self { key: key.id(), width: 2 * key.width(), limbs }
    }

    /// Collects single ciphertexts into a batch.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if a ciphertext belongs to another key.
    pub fn from_ciphertexts<'a>(
        key: &PublicKey,
        ciphertexts: impl IntoIterator<Item = &'a Ciphertext>,
    ) -> Result<Self, Error> {
        let mut limbs = Vec::new();
        for ciphertext in ciphertexts {
            key.check_id("a ciphertext", ciphertext.key)?;
            limbs.extend_from_slice(&ciphertext.row);
        }
        Ok(Self::from_limbs(key, limbs))
    }

    /// Reads ciphertexts from consecutive little-endian integers of [`Parameters::ciphertext_bytes`] bytes each, as
    /// `hushvec index export` writes them, and checks all of them.
    ///
    /// # Errors
    /// [`Error::Ciphertext`], naming the first invalid ciphertext; [`Error::Format`] if the last one is incomplete.
    ///
    /// [`Parameters::ciphertext_bytes`]: super::parameters::Parameters::ciphertext_bytes
    pub fn from_integers(key: &PublicKey, device: &OpenDevice, bytes: &[u8]) -> Result<Self, Error> {
        let size = key.parameters().ciphertext_bytes();
        if !bytes.len().is_multiple_of(size) {
            return Err(Error::format(format!(
                "{} bytes are not a whole number of {size}-byte ciphertexts",
                bytes.len()
            )));
        }
        let mut limbs = vec![0u64; bytes.len() / 8];
        bytemuck::cast_slice_mut(&mut limbs).copy_from_slice(bytes);
        let squared = limbs_of_square(key);
        for (record, row) in (0..).zip(limbs.chunks_exact(squared.len())) {
            if !less_than(row, &squared) {
                return Err(Error::Ciphertext { record, problem: CiphertextProblem::TooLarge });
            }
        }
        pairs_from_integers(device, key.modulus(), &mut limbs);
        let ciphertexts = Self::from_limbs(key, limbs);
        validate::check_rows(key, device, ciphertexts.rows(), 0)?;
        Ok(ciphertexts)
    }

    /// Writes the ciphertexts as consecutive little-endian integers of [`Parameters::ciphertext_bytes`] bytes each.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the ciphertexts belong to another key.
    ///
    /// [`Parameters::ciphertext_bytes`]: super::parameters::Parameters::ciphertext_bytes
    pub fn to_integers(&self, key: &PublicKey, device: &OpenDevice) -> Result<Vec<u8>, Error> {
        key.check_id("the ciphertexts", self.key)?;
        let mut limbs = self.limbs.clone();
        integers_from_pairs(device, key.modulus(), &mut limbs);
        Ok(bytemuck::cast_slice(&limbs).to_vec())
    }

    /// Returns the number of ciphertexts.
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Returns whether there are no ciphertexts.
    pub fn is_empty(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Returns the ciphertext at `index`.
    pub fn get(&self, index: usize) -> Option<Ciphertext> {
        self.rows().get(index).map(|row| Ciphertext::from_row(self.key, row))
    }

    /// Iterates over the ciphertexts.
    pub fn iter(&self) -> impl Iterator<Item = Ciphertext> + '_ {
        self.rows().iter().map(|row| Ciphertext::from_row(self.key, row))
    }

    /// Copies a range of ciphertexts. A range that reaches beyond the end is cut off there.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Self { key: self.key, width: self.width, limbs: self.rows().slice(range).limbs().to_vec() }
    }

    /// Returns the id of the key that the ciphertexts belong to.
    pub fn key_id(&self) -> PublicId {
        self.key
    }

    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows::new(&self.limbs, self.width)
    }
}

fn limbs_of_square(key: &PublicKey) -> Vec<u64> {
    limbs(&(key.n() * key.n()), 2 * key.width())
}
