//! Reads and writes encrypted arrays as bytes and files. `docs/formats.md` specifies the format.

use super::encrypted::EncryptedArray;
use super::evaluator::NumberEvaluator;
use super::format::check_bound;
use crate::atomic_file;
#[cfg(feature = "owner")]
use crate::context::ExecutionContext;
use crate::destination::{Content, MAGIC, open_regular};
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::public_key::{PublicId, PublicKey, limbs};
use crate::paillier::{scheme_code, validate};
use num_bigint::BigUint;
use std::io::Read;
use std::path::Path;

/// The version written. Version 1 does not name the scheme.
const VERSION: u32 = 2;
/// The offset of the scheme, since version 2.
const SCHEME: usize = 88;
/// The kind of hushvec file.
const KIND: u32 = 4;
const HEADER_BYTES: usize = 128;
const CHECKSUM_BYTES: usize = 4;

impl EncryptedArray {
    /// Serializes the array for a file or a message.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if it belongs to another key.
    pub fn to_bytes(&self, key: &PublicKey) -> Result<Vec<u8>, Error> {
        key.check_id("the encrypted array", self.key_id())?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + 8 * key.width() * (1 + 2 * self.len()) + CHECKSUM_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&KIND.to_le_bytes());
        bytes.extend_from_slice(key.id().as_bytes());
        bytes.extend_from_slice(&(key.parameters().key_len() as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&self.exponent().to_le_bytes());
        bytes.resize(SCHEME, 0);
        bytes.extend_from_slice(&scheme_code::of(key.parameters().scheme()).to_le_bytes());
        bytes.resize(HEADER_BYTES - CHECKSUM_BYTES, 0);
        seal(&mut bytes, 0);
        bytes.extend_from_slice(bytemuck::cast_slice(&limbs(self.bound(), key.width())));
        bytes.extend_from_slice(bytemuck::cast_slice(self.ciphertexts().rows().limbs()));
        seal(&mut bytes, HEADER_BYTES);
        Ok(bytes)
    }

    /// Writes the array to a file atomically.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::WrongKey`] if it belongs to another key.
    pub fn save(&self, path: &Path, key: &PublicKey) -> Result<(), Error> {
        atomic_file::write(path, Content::Numbers, &self.to_bytes(key)?)
    }

    /// Checks a header and returns how many bytes must follow it.
    fn body_bytes(key: &PublicKey, header: &[u8]) -> Result<u64, Error> {
        if header.len() != HEADER_BYTES || !header.starts_with(MAGIC) {
            return Err(Error::format("not a hushvec file"));
        }
        let version = u32::from_le_bytes(array(header, 8));
        if !(1..=VERSION).contains(&version) {
            return Err(Error::format(format!(
                "version {version} of the format; this build reads versions 1 to {VERSION}. Use a newer hushvec"
            )));
        }
        opened(header).ok_or_else(|| {
            Error::format("the header is damaged (its checksum does not match); restore the file from a copy")
        })?;
        let kind = u32::from_le_bytes(array(header, 12));
        if kind != KIND {
            return Err(Error::format(format!(
                "a hushvec file of kind {kind}, expected encrypted numbers (kind {KIND}); give a file of encrypted \
                 numbers"
            )));
        }
        let is_unused = |at: &usize| version == 1 || !(SCHEME..SCHEME + 4).contains(at);
        let mut unused = (68..HEADER_BYTES - CHECKSUM_BYTES).filter(is_unused);
        if unused.any(|at| header.get(at).is_none_or(|byte| *byte != 0)) {
            return Err(Error::format(format!(
                "the header uses bytes that version {version} of the format reserves; a newer hushvec may have \
                 written the file, or it is forged"
            )));
        }
        let scheme = u32::from_le_bytes(array(header, SCHEME));
        let scheme = if version == 1 { None } else { Some(scheme_code::scheme(scheme)?) };
        key.check_id("the encrypted array", PublicId(array(header, 16)))?;
        if scheme.is_some_and(|scheme| scheme != key.parameters().scheme()) {
            let message =
                "the header names this key, but another scheme than the key has; restore the file from a copy";
            return Err(Error::format(message));
        }
        let (key_len, count) = (u64::from_le_bytes(array(header, 48)), u64::from_le_bytes(array(header, 56)));
        let width = 8 * key.width() as u64;
        let bytes = count.checked_mul(2 * width).and_then(|rows| rows.checked_add(width + CHECKSUM_BYTES as u64));
        let bytes = bytes.filter(|_| key_len == key.parameters().key_len() as u64);
        bytes.ok_or_else(|| {
            let expected = key.parameters().key_len();
            Error::format(format!(
                "the header has key_len {key_len} and {count} numbers; the key has key_len {expected}, and the file \
                 must be smaller than 2^64 bytes. Restore the file from a copy"
            ))
        })
    }

    fn from_parts(key: &PublicKey, device: &OpenDevice, header: &[u8], body: &[u8]) -> Result<Self, Error> {
        let (expected, actual) = (Self::body_bytes(key, header)?, body.len());
        if expected != actual as u64 {
            return Err(Error::format(format!(
                "{actual} bytes follow the header, expected {expected}; copy the file again"
            )));
        }
        let body = opened(body)
            .ok_or_else(|| Error::format("damaged: the checksum does not match; restore the file from a copy"))?;
        let (bound, rows) = body.split_at(8 * key.width());
        let bound = check_bound(key, "reading encrypted numbers", BigUint::from_bytes_le(bound))?;
        let mut limbs = vec![0u64; rows.len() / 8];
        bytemuck::cast_slice_mut(&mut limbs).copy_from_slice(rows);
        let ciphertexts = Ciphertexts::from_limbs(key, limbs);
        validate::check_rows(key, device, ciphertexts.rows(), 0)?;
        Ok(Self::new(ciphertexts, i32::from_le_bytes(array(header, 64)), bound))
    }

    fn from_bytes(key: &PublicKey, device: &OpenDevice, bytes: &[u8]) -> Result<Self, Error> {
        let (header, body) = bytes.split_at(HEADER_BYTES.min(bytes.len()));
        Self::from_parts(key, device, header, body)
    }

    /// Reads a file, at most one byte more than its header announces.
    fn load(key: &PublicKey, device: &OpenDevice, path: &Path) -> Result<Self, Error> {
        let mut file = open_regular(path)?;
        let mut read = |most: u64| {
            let mut bytes = Vec::new();
            let read = file.by_ref().take(most).read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(Error::io("read", path))
        };
        let header = read(HEADER_BYTES as u64)?;
        let expected = Self::body_bytes(key, &header).map_err(|error| error.in_file(path))?;
        let body = read(expected.saturating_add(1))?;
        Self::from_parts(key, device, &header, &body).map_err(|error| error.in_file(path))
    }
}

impl NumberEvaluator {
    /// Reads the output of [`EncryptedArray::to_bytes`] and checks each ciphertext. Exponent and bound are trusted.
    ///
    /// # Errors
    /// [`Error::Format`] if the bytes are damaged or not encrypted numbers; [`Error::WrongKey`]; [`Error::Magnitude`];
    /// [`Error::Ciphertext`].
    pub fn numbers_from_bytes(&self, bytes: &[u8]) -> Result<EncryptedArray, Error> {
        EncryptedArray::from_bytes(self.public_key(), self.open_device(), bytes)
    }

    /// Reads a file that [`EncryptedArray::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`NumberEvaluator::numbers_from_bytes`].
    pub fn load_numbers(&self, path: &Path) -> Result<EncryptedArray, Error> {
        EncryptedArray::load(self.public_key(), self.open_device(), path)
    }
}

#[cfg(feature = "owner")]
impl ExecutionContext {
    /// Reads the output of [`EncryptedArray::to_bytes`] and checks each ciphertext. Exponent and bound are trusted, but
    /// decrypting a number beyond its bound fails.
    ///
    /// # Errors
    /// [`Error::Format`] if the bytes are damaged or not encrypted numbers; [`Error::WrongKey`]; [`Error::Magnitude`];
    /// [`Error::Ciphertext`].
    pub fn numbers_from_bytes(&self, bytes: &[u8]) -> Result<EncryptedArray, Error> {
        EncryptedArray::from_bytes(self.public_key(), self.public_device(), bytes)
    }

    /// Reads a file that [`EncryptedArray::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`ExecutionContext::numbers_from_bytes`].
    pub fn load_numbers(&self, path: &Path) -> Result<EncryptedArray, Error> {
        EncryptedArray::load(self.public_key(), self.public_device(), path)
    }
}

/// Appends the checksum of the bytes from `start` on.
fn seal(bytes: &mut Vec<u8>, start: usize) {
    let checksum = crc32fast::hash(bytes.get(start..).unwrap_or_default());
    bytes.extend_from_slice(&checksum.to_le_bytes());
}

/// Returns the bytes before the checksum that [`seal`] appended, or `None` if the checksum does not match.
fn opened(bytes: &[u8]) -> Option<&[u8]> {
    let (content, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    (crc32fast::hash(content).to_le_bytes() == *checksum).then_some(content)
}

/// Returns N bytes of a header. Callers only ask for bytes within its length.
fn array<const N: usize>(header: &[u8], at: usize) -> [u8; N] {
    header.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}
