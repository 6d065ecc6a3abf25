//! Document content as XTrace's SDK seals it.

use super::{blob, secret_text};
use crate::context::key_provider::Key;
use crate::envelope::EnvelopeKey;
use crate::error::{ContentProblem, Error};
use zeroize::Zeroizing;

/// Encrypts content under a raw key, as the `AESClient` of XTrace's SDK does. The result is that of
/// [`ExecutionContext::encrypt_content`](crate::ExecutionContext::encrypt_content) in XTrace's format, without a
/// context.
///
/// # Security
/// Nothing binds the result to a chunk. The SDK seals secret keys under the same key, so content that reads as a
/// secret key is refused in both directions.
#[derive(Debug)]
pub struct XTraceContent(EnvelopeKey);

impl XTraceContent {
    /// Uses this key for content.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self(EnvelopeKey::new(key))
    }

    /// Encrypts content with AES-256-GCM and returns it as base64 text.
    ///
    /// # Errors
    /// [`Error::Content`] if the content reads as a secret key; [`Error::Random`].
    pub fn encrypt(&self, content: &[u8]) -> Result<String, Error> {
        refuse_secret_key(content)?;
        blob::seal(&self.0, content)
    }

    /// Decrypts content that [`XTraceContent::encrypt`] or the SDK encrypted.
    ///
    /// # Errors
    /// [`Error::Unseal`] if it was changed or is sealed under another key; [`Error::Content`] if it is a secret key.
    pub fn decrypt(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let content = blob::open(&self.0, sealed)?;
        refuse_secret_key(&content)?;
        Ok(content)
    }
}

/// Refuses content that reads as a secret key. XTrace's format seals secret keys and content under one key without a
/// type, so either could be passed off as the other.
fn refuse_secret_key(content: &[u8]) -> Result<(), Error> {
    if secret_text::is_secret_key(content) {
        return Err(Error::Content { problem: ContentProblem::SecretKey });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_under_a_raw_key() {
        let [ours, twin, other] = [1, 1, 2].map(|byte| XTraceContent::new(Key::new([byte; 32])));
        for content in ["", "päyload"] {
            let sealed = ours.encrypt(content.as_bytes()).unwrap();
            assert_ne!(sealed, ours.encrypt(content.as_bytes()).unwrap());
            assert_eq!(*twin.decrypt(&sealed).unwrap(), content.as_bytes());
            assert!(matches!(other.decrypt(&sealed), Err(Error::Unseal)));
            assert!(matches!(ours.decrypt(&sealed[4..]), Err(Error::Unseal)));
        }
        let secret_key = br#"{"phi": "12", "inv": "5"}"#;
        let sealed = blob::seal(&ours.0, secret_key).unwrap();
        for result in [ours.encrypt(secret_key).map(drop), ours.decrypt(&sealed).map(drop)] {
            assert!(matches!(result, Err(Error::Content { problem: ContentProblem::SecretKey })));
        }
    }
}
