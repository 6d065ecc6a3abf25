//! API keys and admin keys for a server.

use crate::error::Error;
use reqwest::header::HeaderValue;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// An API key or admin key. Wiped when dropped, and never printed.
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl ApiKey {
    /// Checks a key. `what` names it in errors.
    ///
    /// # Errors
    /// [`Error::Argument`] if the key is empty, or has a character that keys do not have.
    pub fn new(what: &'static str, key: &str) -> Result<Self, Error> {
        let reason = if key.is_empty() {
            "it is empty"
        } else if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            "it has characters that keys do not have, such as spaces"
        } else {
            return Ok(Self(Zeroizing::new(key.to_owned())));
        };
        Err(Error::Argument { what, reason: reason.to_owned() })
    }

    /// Returns the key as a header value, marked as sensitive so that HTTP libraries do not log it.
    ///
    /// # Errors
    /// None in practice: [`ApiKey::new`] has checked it.
    pub fn header(&self) -> Result<HeaderValue, Error> {
        let unusable = |_| Error::Argument { what: "the key", reason: "it cannot be sent".to_owned() };
        let mut value = HeaderValue::from_str(&self.0).map_err(unusable)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Returns the hash that names the key on the server: the first half of its SHA-256, in hexadecimal.
    pub fn hash(&self) -> String {
        Sha256::digest(self.0.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Removes the key from a text that a server sent.
    pub fn redact(&self, text: &str) -> String {
        text.replace(self.0.as_str(), "…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_printed() {
        let key = ApiKey::new("the API key", "hvk_secret").unwrap();
        assert!(!format!("{key:?} {:?}", key.header().unwrap()).contains("secret"));
        assert_eq!(ApiKey::new("the API key", "abc").unwrap().hash(), "ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(key.redact("unknown key hvk_secret!"), "unknown key …!");
        for wrong in ["", "a b", "a\n", "schlüssel"] {
            assert!(ApiKey::new("the API key", wrong).is_err());
        }
    }
}
