//! API keys: random, shown once, stored as hashes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What an admin key begins with. Other keys are random from their first character, by which the SDK tells them apart.
pub const ADMIN_PREFIX: &str = "hvk_";

/// The SHA-256 of a key. Keys are 256 random bits, so that nothing slower is needed.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key that somebody sent.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// A stored hash.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What keys are looked up by: half of it. The rest is compared in constant time.
    pub fn selector(&self) -> &[u8] {
        &self.0[..16]
    }

    /// The name of a key in URLs: its selector in hexadecimal.
    pub fn name(&self) -> String {
        self.selector().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether they are the same, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "KeyHash({})", self.name())
    }
}

/// A new key: 256 random bits as 43 characters.
///
/// # Errors
/// If the operating system gives no random numbers.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A new admin key.
///
/// # Errors
/// As [`generate`].
pub fn generate_admin() -> Result<String, getrandom::Error> {
    Ok(format!("{ADMIN_PREFIX}{}", generate()?))
}

/// A new id of a knowledge base: 128 random bits in the form of a UUID of version 4.
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
