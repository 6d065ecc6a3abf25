//! Derives keys from passphrases.

use crate::compat::xtrace::scrypt;
use crate::context::format::Format;
use crate::context::key_provider::Key;
use crate::error::Error;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt;
use zeroize::Zeroizing;

/// How a key is derived from a passphrase. Contains no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Derivation {
    /// The native format: argon2id (RFC 9106).
    Argon2id {
        /// The memory that each guess takes, in KiB.
        memory_kib: u32,
        /// The number of passes over the memory.
        passes: u32,
        /// The number of lanes, which can be computed in parallel.
        lanes: u32,
        /// The salt.
        salt: Vec<u8>,
    },
    /// XTrace's format: scrypt (RFC 7914) with N = 2^14, r = 8, p = 1, which takes 16 MiB.
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
                    return f.write_str("the default salt of XTrace's SDK, shared by all its users)");
                }
                write!(f, "a salt of {} bytes)", salt.len())
            }
        }
    }
}

// The least and the most that a file may ask for.
const MEMORY_KIB: (u32, u32) = (8 * 1024, 256 * 1024);
const PASSES: (u32, u32) = (1, 10);
const LANES: (u32, u32) = (1, 16);
const SALT_BYTES: (usize, usize) = (8, 64);

impl Derivation {
    /// Parses the derivation that a context of this format stores.
    pub(super) fn read(format: Format, wrapped: &[u8]) -> Result<Self, Error> {
        Ok(match format {
            Format::Native => Self::from_phc(wrapped)?,
            Format::XTrace => Self::Scrypt { salt: scrypt::or_shared(wrapped).to_vec() },
        })
    }

    /// Returns whether the salt is the default of XTrace's SDK. Guesses of common passphrases then have to be
    /// computed only once for all contexts with that salt.
    pub fn has_shared_salt(&self) -> bool {
        matches!(self, Self::Scrypt { salt } if salt == scrypt::SHARED_SALT)
    }

    /// Returns the bytes that a context stores.
    pub(super) fn wrapped(&self) -> Vec<u8> {
        match self {
            Self::Argon2id { memory_kib, passes, lanes, salt } => {
                let salt = STANDARD_NO_PAD.encode(salt);
                format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}").into_bytes()
            }
            Self::Scrypt { salt } => salt.clone(),
        }
    }

    /// Derives the key of a passphrase.
    pub(super) fn derive(&self, passphrase: &[u8]) -> Result<Key, Error> {
        match self {
            Self::Argon2id { memory_kib, passes, lanes, salt } => {
                let failed = |error| Error::context("wrapped_key", format!("cannot be used: {error}"));
                let mut key = Zeroizing::new([0; 32]);
                let params = Params::new(*memory_kib, *passes, *lanes, Some(32)).map_err(failed)?;
                // The last blocks reveal the key, and argon2 does not wipe memory that it allocates itself.
                let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into_with_memory(passphrase, salt, &mut *key, &mut *memory)
                    .map_err(failed)?;
                Ok(key)
            }
            Self::Scrypt { salt } => scrypt::derive(passphrase, salt),
        }
    }

    /// Parses `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT` in this spelling only, and checks the limits.
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

    /// Checks the limits on work and on the length of the salt.
    ///
    /// # Errors
    /// [`Error::KeyDerivation`], naming the parameter that is outside its limits.
    pub(super) fn check(&self) -> Result<(), Error> {
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
