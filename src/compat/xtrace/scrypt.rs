//! The keys that XTrace's SDK derives from passphrases: scrypt (RFC 7914) with N = 2^14, r = 8, p = 1.

use crate::context::key_provider::Key;
use crate::error::Error;
use scrypt::{Params, scrypt};
use std::fmt::Display;
use zeroize::Zeroizing;

/// The SDK's default salt, which is the same for all its users.
pub(crate) const SHARED_SALT: &[u8] = b"xtrace-aes-gcm-v1";

/// Returns the salt that a context stores, or the default salt if it stores none.
pub(crate) fn or_shared(salt: &[u8]) -> &[u8] {
    if salt.is_empty() { SHARED_SALT } else { salt }
}

/// Derives the key of a passphrase.
pub(crate) fn derive(passphrase: &[u8], salt: &[u8]) -> Result<Key, Error> {
    let failed = |error: &dyn Display| Error::context("wrapped_key", format!("cannot be used: {error}"));
    let mut key = Zeroizing::new([0; 32]);
    let params = Params::new(14, 8, 1).map_err(|error| failed(&error))?;
    scrypt(passphrase, or_shared(salt), &params, &mut *key).map_err(|error| failed(&error))?;
    Ok(key)
}
