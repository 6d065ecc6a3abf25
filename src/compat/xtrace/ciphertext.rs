//! Ciphertexts in the wire encoding of XTrace's SDK.

use crate::error::Error;
use crate::paillier::ciphertext::Ciphertext;
use crate::paillier::public_key::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

impl Ciphertext {
    /// Reads a ciphertext in XTrace's wire encoding: base64 of the minimal little-endian bytes.
    ///
    /// # Errors
    /// As [`Ciphertext::from_le_bytes`], and [`Error::Format`] if the text is not base64.
    pub fn from_wire(key: &PublicKey, text: &str) -> Result<Self, Error> {
        let bytes =
            STANDARD.decode(text).map_err(|error| Error::format(format!("a ciphertext is not base64: {error}")))?;
        Self::from_le_bytes(key, &bytes)
    }

    /// Returns the ciphertext in XTrace's wire encoding.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the ciphertext belongs to another key.
    pub fn to_wire(&self, key: &PublicKey) -> Result<String, Error> {
        Ok(STANDARD.encode(self.to_le_bytes(key)?))
    }
}
