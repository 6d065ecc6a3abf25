//! Where the AES key of a context comes from.

use super::format::Format;
use crate::bignum::random::{OsRandom, RandomSource};
use crate::error::Error;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// A 256-bit key.
pub type Key = Zeroizing<[u8; 32]>;

/// Supplies the key that a context's secret part is sealed with, and what has to be stored to find it again.
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// A short name of the kind of provider, stored with the context.
    fn provider_id(&self) -> &str;

    /// The key.
    ///
    /// # Errors
    /// If it cannot be derived or fetched.
    fn get_key(&self) -> Result<Key, Error>;

    /// What to store beside the sealed context: enough to get the key again with the same credentials, and useless
    /// without them.
    fn wrap_key(&self) -> Vec<u8>;

    /// A provider with the same credentials for what another one's [`KeyProvider::wrap_key`] returned, in a context of
    /// that format.
    ///
    /// # Errors
    /// If `wrapped` is not of this kind, or asks for more work than is reasonable.
    #[expect(clippy::wrong_self_convention, reason = "the name is the SDK's, where the credentials are arguments")]
    fn from_wrapped(&self, format: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error>;
}

/// Derives the key from a passphrase: argon2id (RFC 9106) for the native format, scrypt with XTrace's parameters for
/// XTrace's.
///
/// Holds the passphrase, so that one provider opens any context of that passphrase; it is wiped when dropped and never
/// shown. Deriving takes a fraction of a second, once, when the key is first needed.
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

/// How a passphrase becomes a key. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Derivation {
    /// The native format's: argon2id (RFC 9106).
    Argon2id {
        /// Memory that each guess takes, in KiB.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes that can be computed at once.
        lanes: u32,
        /// The salt.
        salt: Vec<u8>,
    },
    /// XTrace's: scrypt (RFC 7914) with N = 2^14, r = 8, p = 1, which takes 16 MiB.
    Scrypt {
        /// The salt.
        salt: Vec<u8>,
    },
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2id { memory_kib, passes, lanes, salt } => {
                write!(f, "argon2id ({} MiB, {passes} passes, {lanes} lanes", memory_kib / 1024)?;
                write!(f, ", a salt of {} bytes)", salt.len())
            }
            Self::Scrypt { salt } => {
                write!(f, "scrypt (N = 2^14, r = 8, p = 1: 16 MiB, ")?;
                if self.has_shared_salt() {
                    return f.write_str("the salt that XTrace's SDK gives everyone)");
                }
                write!(f, "a salt of {} bytes)", salt.len())
            }
        }
    }
}

/// XTrace's salt when none is given.
const XTRACE_SALT: &[u8] = b"xtrace-aes-gcm-v1";
/// The limits of what a file may ask for: least and most.
const MEMORY_KIB: (u32, u32) = (8 * 1024, 256 * 1024);
const PASSES: (u32, u32) = (1, 10);
const LANES: (u32, u32) = (1, 16);
const SALT_BYTES: (usize, usize) = (8, 64);

impl PassphraseKeyProvider {
    /// Its [`KeyProvider::provider_id`].
    pub(super) const ID: &str = "passphrase";

    /// For the native format: argon2id with 64 MiB, 3 passes, 4 lanes and a random salt.
    ///
    /// # Errors
    /// [`Error::Missing`] if the passphrase is empty; [`Error::Random`].
    pub fn new(passphrase: impl Into<String>) -> Result<Self, Error> {
        // Whatever fails, it is wiped.
        let passphrase = Zeroizing::new(passphrase.into());
        let mut salt = vec![0; 16];
        OsRandom.fill(&mut salt)?;
        Self::argon2id(passphrase, salt)
    }

    /// For the native format, with a salt of 8 to 64 bytes of one's own.
    ///
    /// # Errors
    /// [`Error::Missing`] if the passphrase is empty; [`Error::KeyDerivation`] for a salt too short or too long.
    pub fn with_salt(passphrase: impl Into<String>, salt: &[u8]) -> Result<Self, Error> {
        Self::argon2id(Zeroizing::new(passphrase.into()), salt.to_vec())
    }

    fn argon2id(passphrase: Zeroizing<String>, salt: Vec<u8>) -> Result<Self, Error> {
        let derivation = Derivation::Argon2id { memory_kib: 64 * 1024, passes: 3, lanes: 4, salt };
        derivation.check()?;
        Self::from_derivation(passphrase, derivation)
    }

    /// For XTrace's format: scrypt with N = 2^14, r = 8, p = 1. Without a salt a random one is used; the SDK would use
    /// the same for everyone.
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
        match &self.derivation {
            Derivation::Argon2id { memory_kib, passes, lanes, salt } => {
                let salt = STANDARD_NO_PAD.encode(salt);
                format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}").into_bytes()
            }
            Derivation::Scrypt { salt } => salt.clone(),
        }
    }

    fn from_wrapped(&self, format: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error> {
        let derivation = Derivation::read(format, wrapped)?;
        Ok(Arc::new(Self { passphrase: Arc::clone(&self.passphrase), derivation, key: OnceLock::new() }))
    }
}

impl Derivation {
    /// What a context of that format stores of it.
    pub(super) fn read(format: Format, wrapped: &[u8]) -> Result<Self, Error> {
        Ok(match format {
            Format::Native => Self::from_phc(wrapped)?,
            Format::XTrace if wrapped.is_empty() => Self::Scrypt { salt: XTRACE_SALT.to_vec() },
            Format::XTrace => Self::Scrypt { salt: wrapped.to_vec() },
        })
    }

    /// Whether the salt is the one that XTrace's SDK uses unless told otherwise: then guesses of common passphrases need
    /// to be computed only once for all contexts.
    pub fn has_shared_salt(&self) -> bool {
        matches!(self, Self::Scrypt { salt } if salt == XTRACE_SALT)
    }

    fn derive(&self, passphrase: &[u8]) -> Result<Key, Error> {
        let mut key = Zeroizing::new([0; 32]);
        let failed = |error: &dyn fmt::Display| Error::context("wrapped_key", format!("cannot be used: {error}"));
        match self {
            Self::Argon2id { memory_kib, passes, lanes, salt } => {
                let params = Params::new(*memory_kib, *passes, *lanes, Some(32)).map_err(|e| failed(&e))?;
                // The last blocks give the key away, and argon2 wipes no memory that it allocates itself.
                let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into_with_memory(passphrase, salt, &mut *key, &mut *memory)
                    .map_err(|e| failed(&e))?;
            }
            Self::Scrypt { salt } => {
                let salt = if salt.is_empty() { XTRACE_SALT } else { salt };
                let params = scrypt::Params::new(14, 8, 1).map_err(|e| failed(&e))?;
                scrypt::scrypt(passphrase, salt, &params, &mut *key).map_err(|e| failed(&e))?;
            }
        }
        Ok(key)
    }

    /// Reads `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT` within the limits, and in its one canonical spelling.
    fn from_phc(wrapped: &[u8]) -> Result<Self, Error> {
        let malformed = || Error::context("wrapped_key", "does not describe an argon2id derivation");
        let text = std::str::from_utf8(wrapped).map_err(|_| malformed())?;
        let rest = text.strip_prefix("$argon2id$v=19$m=").ok_or_else(malformed)?;
        let (memory, rest) = rest.split_once(",t=").ok_or_else(malformed)?;
        let (passes, rest) = rest.split_once(",p=").ok_or_else(malformed)?;
        let (lanes, salt) = rest.split_once('$').ok_or_else(malformed)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| malformed());
        let derivation = Self::Argon2id {
            memory_kib: number(memory)?,
            passes: number(passes)?,
            lanes: number(lanes)?,
            salt: STANDARD_NO_PAD.decode(salt).map_err(|_| malformed())?,
        };
        derivation.check()?;
        Ok(derivation)
    }

    fn check(&self) -> Result<(), Error> {
        let Self::Argon2id { memory_kib, passes, lanes, salt } = self else { return Ok(()) };
        let salt_limits = (SALT_BYTES.0 as u64, SALT_BYTES.1 as u64);
        let wide = |(least, most): (u32, u32)| (u64::from(least), u64::from(most));
        for (parameter, actual, (least, most)) in [
            ("memory in KiB", u64::from(*memory_kib), wide(MEMORY_KIB)),
            ("passes", u64::from(*passes), wide(PASSES)),
            ("lanes", u64::from(*lanes), wide(LANES)),
            ("salt length in bytes", salt.len() as u64, salt_limits),
        ] {
            if actual < least || actual > most {
                return Err(Error::KeyDerivation { parameter, actual, least, most });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// The key in xtrace/vectors of the passphrase `test` without a salt.
    #[test]
    fn xtrace_keys() {
        let provider = PassphraseKeyProvider::new("test").unwrap();
        for wrapped in [&b""[..], XTRACE_SALT] {
            let key = provider.from_wrapped(Format::XTrace, wrapped).unwrap().get_key().unwrap();
            assert_eq!(key[..8], [0x64, 0x52, 0xc1, 0xff, 0x68, 0x41, 0xa3, 0xbc]);
        }
    }

    /// RFC 9106 has no vector without secret and associated data; this one was made by the reference implementation:
    /// `echo -n password | argon2 somesalt -id -t 3 -k 65536 -p 4 -l 32 -r`.
    #[test]
    fn argon2id_known_answer() {
        let provider = PassphraseKeyProvider::with_salt("password", b"somesalt").unwrap();
        let key = provider.get_key().unwrap();
        let hex: String = key.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, include_str!("../../tests/data/argon2id.txt").trim());
    }

    #[test]
    fn absurd_costs_are_refused_before_any_work() {
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
