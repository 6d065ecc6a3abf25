//! The sealed text of XTrace's SDK: base64 of nonce\[16\] ‖ tag\[16\] ‖ ciphertext, of AES-256-GCM without associated
//! data.

use crate::envelope::EnvelopeKey;
use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub(super) fn seal(key: &EnvelopeKey, plaintext: &[u8]) -> Result<String, Error> {
    let (nonce, sealed) = key.seal_with_long_nonce(plaintext)?;
    let (ciphertext, tag) = sealed.split_at(plaintext.len());
    Ok(STANDARD.encode([&nonce, tag, ciphertext].concat()))
}

/// Decrypts text that the SDK or [`seal`] sealed.
///
/// # Errors
/// [`Error::Unseal`] if the text is malformed, was changed or is sealed under another key.
pub(super) fn open(key: &EnvelopeKey, blob: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let blob = STANDARD.decode(blob).map_err(|_| Error::Unseal)?;
    let (nonce, rest) = blob.split_first_chunk::<16>().ok_or(Error::Unseal)?;
    let (tag, ciphertext) = rest.split_first_chunk::<16>().ok_or(Error::Unseal)?;
    key.open_with_long_nonce(*nonce, &[ciphertext, tag].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_detected() {
        let key = EnvelopeKey::derive(&[7; 32], "test");
        let blob = seal(&key, b"secret").unwrap();
        assert_eq!(*open(&key, &blob).unwrap(), b"secret");
        for position in 0..blob.len() {
            let mut changed = blob.clone().into_bytes();
            changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
            assert!(matches!(open(&key, std::str::from_utf8(&changed).unwrap()), Err(Error::Unseal)));
        }
        assert!(open(&key, "").is_err() && open(&key, "AAAA").is_err());
    }
}
