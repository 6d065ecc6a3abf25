//! The content of documents, under the context's key for it.

use super::{ExecutionContext, Format};
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

impl ExecutionContext {
    /// Encrypts document content with AES-256-GCM, as base64 text. In XTrace's format it is the SDK's blob under the
    /// SDK's key, which comes from the passphrase; else under a key of its own, which stays when the passphrase changes.
    ///
    /// # Errors
    /// [`Error::Random`], or what the key provider fails with.
    pub fn encrypt_content(&self, content: &[u8]) -> Result<String, Error> {
        match self.format {
            Format::XTrace => EnvelopeKey::new(self.key_provider.get_key()?).seal_xtrace(content),
            Format::Native => Ok(STANDARD.encode(self.content_key.seal(content, b"")?)),
        }
    }

    /// What [`ExecutionContext::encrypt_content`] encrypted.
    ///
    /// # Errors
    /// [`Error::Unseal`] if it is not of this context or was changed.
    pub fn decrypt_content(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self.format {
            Format::XTrace => EnvelopeKey::new(self.key_provider.get_key()?).open_xtrace(sealed),
            Format::Native => {
                let sealed = STANDARD.decode(sealed).map_err(|_| Error::Unseal)?;
                self.content_key.open(&sealed, b"")
            }
        }
    }
}
