//! The key provider for passphrases.

use super::derivation::Derivation;
use crate::bignum::random::{OsRandom, RandomSource};
use crate::context::format::Format;
use crate::context::key_provider::{Key, KeyProvider};
use crate::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// Derives the key from a passphrase: with argon2id (RFC 9106) for the native format, with scrypt and XTrace's
/// parameters for XTrace's format.
///
/// The provider keeps the passphrase, so that it opens any context with that passphrase. The passphrase is wiped when
/// dropped, and Debug does not show it. The key is derived once, when it is first needed, which takes a fraction of a
/// second.
pub struct PassphraseKeyProvider {
    passphrase: Arc<Zeroizing<String>>,
    derivation: Derivation,
    key: OnceLock<Key>,
}

impl fmt::Debug for PassphraseKeyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PassphraseKeyProvider").field("derivation", &self.derivation).finish_non_exhaustive()
    }
}

impl PassphraseKeyProvider {
    /// The [`KeyProvider::provider_id`] of this provider.
    pub(super) const ID: &str = "passphrase";

    /// Makes a provider for the native format: argon2id with 64 MiB, 3 passes, 4 lanes and a random salt.
    ///
    /// # Errors
    /// [`Error::Missing`] if the passphrase is empty; [`Error::Random`].
    pub fn new(passphrase: impl Into<String>) -> Result<Self, Error> {
        // Wiped even if a later step fails.
        let passphrase = Zeroizing::new(passphrase.into());
        let mut salt = vec![0; 16];
        OsRandom.fill(&mut salt)?;
        Self::argon2id(passphrase, salt)
    }

    /// Makes a provider for the native format with the given salt of 8 to 64 bytes.
    ///
    /// # Errors
    /// [`Error::Missing`] if the passphrase is empty; [`Error::KeyDerivation`] if the salt is too short or too long.
    pub fn with_salt(passphrase: impl Into<String>, salt: &[u8]) -> Result<Self, Error> {
        Self::argon2id(Zeroizing::new(passphrase.into()), salt.to_vec())
    }

    fn argon2id(passphrase: Zeroizing<String>, salt: Vec<u8>) -> Result<Self, Error> {
        let derivation = Derivation::Argon2id { memory_kib: 64 * 1024, passes: 3, lanes: 4, salt };
        derivation.check()?;
        Self::from_derivation(passphrase, derivation)
    }

    /// Makes a provider for XTrace's format: scrypt with N = 2^14, r = 8, p = 1. The default salt is random, unlike
    /// the SDK's, which is the same for all users.
    ///
    /// # Errors
    /// [`Error::Missing`] if the passphrase is empty; [`Error::Random`].
    pub fn xtrace(passphrase: impl Into<String>, salt: Option<&[u8]>) -> Result<Self, Error> {
        let passphrase = Zeroizing::new(passphrase.into());
        let salt = match salt {
            Some(salt) => salt.to_vec(),
            None => {
                let mut salt = vec![0; 16];
                OsRandom.fill(&mut salt)?;
                salt
            }
        };
        Self::from_derivation(passphrase, Derivation::Scrypt { salt })
    }

    fn from_derivation(passphrase: Zeroizing<String>, derivation: Derivation) -> Result<Self, Error> {
        if passphrase.is_empty() {
            return Err(Error::Missing("the passphrase is empty"));
        }
        Ok(Self { passphrase: Arc::new(passphrase), derivation, key: OnceLock::new() })
    }
}

impl KeyProvider for PassphraseKeyProvider {
    fn provider_id(&self) -> &'static str {
        Self::ID
    }

    fn get_key(&self) -> Result<Key, Error> {
        if let Some(key) = self.key.get() {
            return Ok(key.clone());
        }
        let key = self.derivation.derive(self.passphrase.as_bytes())?;
        Ok(self.key.get_or_init(|| key).clone())
    }

    fn wrap_key(&self) -> Vec<u8> {
        self.derivation.wrapped()
    }

    fn from_wrapped(&self, format: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error> {
        let derivation = Derivation::read(format, wrapped)?;
        Ok(Arc::new(Self { passphrase: Arc::clone(&self.passphrase), derivation, key: OnceLock::new() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::xtrace::scrypt::SHARED_SALT;

    #[test]
    fn a_provider_finds_its_key_again() {
        let provider = PassphraseKeyProvider::new("test").unwrap();
        let again = provider.from_wrapped(Format::Native, &provider.wrap_key()).unwrap();
        assert_eq!(again.get_key().unwrap(), provider.get_key().unwrap());
        assert_eq!(again.wrap_key(), provider.wrap_key());
        assert_ne!(PassphraseKeyProvider::new("test").unwrap().wrap_key(), provider.wrap_key());
        assert!(!format!("{provider:?}").contains("test"));
        assert!(matches!(PassphraseKeyProvider::new(""), Err(Error::Missing(_))));
    }

    /// The key of the passphrase `test` without a salt, from xtrace/vectors.
    #[test]
    fn xtrace_keys() {
        let provider = PassphraseKeyProvider::new("test").unwrap();
        for wrapped in [&b""[..], SHARED_SALT] {
            let key = provider.from_wrapped(Format::XTrace, wrapped).unwrap().get_key().unwrap();
            assert_eq!(key[..8], [0x64, 0x52, 0xc1, 0xff, 0x68, 0x41, 0xa3, 0xbc]);
        }
    }

    /// RFC 9106 has no test vector without a secret and associated data. This one comes from the reference
    /// implementation: `echo -n password | argon2 somesalt -id -t 3 -k 65536 -p 4 -l 32 -r`.
    #[test]
    fn argon2id_known_answer() {
        let provider = PassphraseKeyProvider::with_salt("password", b"somesalt").unwrap();
        let key = provider.get_key().unwrap();
        let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, include_str!("../../tests/data/argon2id.txt").trim());
    }

    #[test]
    fn costs_outside_the_limits_are_refused_before_any_work() {
        let provider = PassphraseKeyProvider::new("test").unwrap();
        for (wrapped, parameter) in [
            ("$argon2id$v=19$m=4294967295,t=3,p=4$c29tZXNhbHQ", "memory in KiB"),
            ("$argon2id$v=19$m=262145,t=3,p=4$c29tZXNhbHQ", "memory in KiB"),
            ("$argon2id$v=19$m=8,t=3,p=4$c29tZXNhbHQ", "memory in KiB"),
            ("$argon2id$v=19$m=65536,t=4000000000,p=4$c29tZXNhbHQ", "passes"),
            ("$argon2id$v=19$m=65536,t=0,p=4$c29tZXNhbHQ", "passes"),
            ("$argon2id$v=19$m=65536,t=3,p=1000$c29tZXNhbHQ", "lanes"),
            ("$argon2id$v=19$m=65536,t=3,p=4$YQ", "salt length in bytes"),
        ] {
            match provider.from_wrapped(Format::Native, wrapped.as_bytes()) {
                Err(Error::KeyDerivation { parameter: p, .. }) => assert_eq!(p, parameter),
                other => panic!("{other:?}"),
            }
        }
        for wrapped in ["", "$argon2i$v=19$m=65536,t=3,p=4$c29tZXNhbHQ", "$argon2id$v=19$m=x,t=3,p=4$c29tZXNhbHQ"] {
            assert!(matches!(provider.from_wrapped(Format::Native, wrapped.as_bytes()), Err(Error::Context { .. })));
        }
    }
}
