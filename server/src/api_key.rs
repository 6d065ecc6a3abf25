//! API keys: random, shown once, stored as hashes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The prefix of admin keys. Other keys have none, which is how the SDK tells them apart.
pub const ADMIN_PREFIX: &str = "hvk_";

/// The SHA-256 hash of a key. A key is 256 random bits, so a slow password hash is not needed.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Hashes a key that a client sent.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads a stored hash. Returns `None` if it is not 32 bytes long.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// Returns all 32 bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the first half of the hash, which the database looks keys up by. [`KeyHash::matches`] compares the rest.
    pub fn selector(&self) -> &[u8] {
        &self.0[..16]
    }

    /// Returns the key's name in URLs: the selector in hexadecimal.
    pub fn name(&self) -> String {
        self.selector().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Compares two hashes in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "KeyHash({})", self.name())
    }
}

/// Generates a key: 256 random bits, encoded as 43 characters.
///
/// # Errors
/// If the operating system returns no random numbers.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Generates an admin key.
///
/// # Errors
/// As [`generate`].
pub fn generate_admin() -> Result<String, getrandom::Error> {
    Ok(format!("{ADMIN_PREFIX}{}", generate()?))
}

/// Generates the id of a knowledge base: a random UUID, version 4.
///
/// # Errors
/// As [`generate`].
pub fn generate_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let number = u128::from_be_bytes(bytes) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{number:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_and_differ() {
        let [a, b] = [(); 2].map(|()| generate().unwrap());
        assert_eq!((a.len(), a == b), (43, false));
        assert!(KeyHash::of(&a).matches(&KeyHash::of(&a)) && !KeyHash::of(&a).matches(&KeyHash::of(&b)));
        assert_eq!(KeyHash::of("abc").name(), "ba7816bf8f01cfea414140de5dae2223");
    }

    #[test]
    fn ids_are_uuids_of_version_4() {
        let id = generate_id().unwrap();
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
    }
}
