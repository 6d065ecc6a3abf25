//! Seals and opens short secrets with AES-256-GCM.

use crate::bignum::random::{OsRandom, RandomSource};
use crate::error::Error;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// A 256-bit AES key, wiped when dropped. Because nonces are random, a key is good for 2^32 messages.
#[derive(Clone)]
pub(crate) struct EnvelopeKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for EnvelopeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EnvelopeKey(…)")
    }
}

impl EnvelopeKey {
    /// The length of a key in bytes.
    pub(crate) const BYTES: usize = 32;

    /// Draws a new key.
    pub(crate) fn random() -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; Self::BYTES]);
        OsRandom.fill(&mut *key)?;
        Ok(Self(key))
    }

    /// Returns the key's bytes, to seal them under another key.
    pub(crate) fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Wraps the bytes of a key.
    pub(crate) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self(key)
    }

    /// Derives a key for one purpose from a master key (HKDF, RFC 5869, with SHA-256 and no salt).
    pub(crate) fn derive(master: &[u8; 32], purpose: &str) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let expanded = Hkdf::<Sha256>::new(None, master).expand(purpose.as_bytes(), &mut *key);
        debug_assert!(expanded.is_ok(), "32 bytes are always available");
        Self(key)
    }

    /// Encrypts `plaintext` to nonce\[12\] ‖ ciphertext ‖ tag\[16\], with `data` as associated data.
    pub(crate) fn seal(&self, plaintext: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = vec![0; 12];
        OsRandom.fill(&mut sealed)?;
        let payload = Payload { msg: plaintext, aad: data };
        let nonce = <&Nonce<U12>>::try_from(sealed.as_slice()).map_err(|_| Error::Unseal)?;
        let ciphertext = AesGcm::<Aes256, U12>::new((&*self.0).into()).encrypt(nonce, payload);
        sealed.extend(ciphertext.map_err(|_| Error::Unseal)?);
        Ok(sealed)
    }

    /// Decrypts what [`EnvelopeKey::seal`] returned.
    pub(crate) fn open(&self, sealed: &[u8], data: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (nonce, ciphertext) = sealed.split_at_checked(12).ok_or(Error::Unseal)?;
        let nonce = <&Nonce<U12>>::try_from(nonce).map_err(|_| Error::Unseal)?;
        let payload = Payload { msg: ciphertext, aad: data };
        let plaintext = AesGcm::<Aes256, U12>::new((&*self.0).into()).decrypt(nonce, payload);
        Ok(Zeroizing::new(plaintext.map_err(|_| Error::Unseal)?))
    }

    /// Encrypts `plaintext` to ciphertext ‖ tag\[16\] and returns it after its nonce of 16 random bytes. There is no
    /// associated data.
    pub(crate) fn seal_with_long_nonce(&self, plaintext: &[u8]) -> Result<([u8; 16], Vec<u8>), Error> {
        let mut nonce = [0; 16];
        OsRandom.fill(&mut nonce)?;
        let sealed = AesGcm::<Aes256, U16>::new((&*self.0).into()).encrypt(&nonce.into(), plaintext);
        Ok((nonce, sealed.map_err(|_| Error::Unseal)?))
    }

    /// Decrypts what [`EnvelopeKey::seal_with_long_nonce`] returned.
    pub(crate) fn open_with_long_nonce(&self, nonce: [u8; 16], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let plaintext = AesGcm::<Aes256, U16>::new((&*self.0).into()).decrypt(&nonce.into(), sealed);
        Ok(Zeroizing::new(plaintext.map_err(|_| Error::Unseal)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16: AES-256, 96-bit nonce, associated data.
    #[test]
    fn known_answer() {
        let key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let key = EnvelopeKey::new(Zeroizing::new(key.try_into().unwrap()));
        let plaintext = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let sealed = hex(concat!(
            "cafebabefacedbaddecaf888",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b"
        ));
        let data = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        assert_eq!(*key.open(&sealed, &data).unwrap(), plaintext);
    }

    /// Key schedules and hash states are wiped too: this compiles only with their `zeroize` features.
    #[test]
    fn key_schedules_are_wiped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>() {}
        wiped::<AesGcm<Aes256, U12>>();
        wiped::<AesGcm<Aes256, U16>>();
        wiped::<Sha256>();
    }

    #[test]
    fn every_change_is_detected() {
        let key = EnvelopeKey::derive(&[7; 32], "test");
        let sealed = key.seal(b"secret", b"data").unwrap();
        assert_eq!(*key.open(&sealed, b"data").unwrap(), b"secret");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(key.open(&changed, b"data"), Err(Error::Unseal)), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(matches!(key.open(&sealed[..length], b"data"), Err(Error::Unseal)));
        }
        assert!(key.open(&sealed, b"other").is_err());
        assert!(EnvelopeKey::derive(&[7; 32], "other").open(&sealed, b"data").is_err());
    }
}
