//! Encrypts document content and embeddings under the context's content key.

use crate::compat::xtrace::content::XTraceContent;
use crate::context::ExecutionContext;
use crate::context::format::Format;
use crate::embedding::Embedding;
use crate::error::{ContentProblem, Error};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The first byte of content that is bound to a chunk. Content that is not bound to a chunk begins with its nonce.
const BOUND: u8 = 2;
/// The beginning of the associated data of bound content. The chunk's name follows.
const CONTENT: &[u8] = b"hushvec content 2\0";
/// The beginning of the associated data of embeddings. The chunk's name follows.
const EMBEDDING: &[u8] = b"hushvec embedding 1\0";

impl ExecutionContext {
    /// Encrypts document content with AES-256-GCM and returns it as base64 text.
    ///
    /// In XTrace's format the result is the SDK's blob under the SDK's key, which comes from the passphrase. The
    /// native format has a separate content key, which stays the same when the passphrase changes.
    ///
    /// # Security
    /// Nothing binds the result to a chunk: a server that stores it can return it as the content of another chunk. To
    /// prevent that, use [`ExecutionContext::encrypt_content_for`].
    ///
    /// # Errors
    /// [`Error::Content`] in XTrace's format, if the content reads as a secret key; [`Error::Random`]; the errors of
    /// the key provider.
    pub fn encrypt_content(&self, content: &[u8]) -> Result<String, Error> {
        match self.format {
            Format::XTrace => XTraceContent::new(self.key_provider.get_key()?).encrypt(content),
            Format::Native => Ok(STANDARD.encode(self.content_key.seal(content, b"")?)),
        }
    }

    /// Decrypts what [`ExecutionContext::encrypt_content`] encrypted.
    ///
    /// # Errors
    /// [`Error::Unseal`] if it belongs to another context or was changed; [`Error::Content`] if it was sealed for a
    /// chunk, or if it is a secret key in XTrace's format.
    pub fn decrypt_content(&self, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self.format {
            Format::XTrace => XTraceContent::new(self.key_provider.get_key()?).decrypt(sealed),
            Format::Native => {
                let sealed = STANDARD.decode(sealed).map_err(|_| Error::Unseal)?;
                let content = self.content_key.open(&sealed, b"");
                content.map_err(|error| match sealed.first() {
                    Some(&BOUND) => Error::Content { problem: ContentProblem::NeedsName },
                    _ => error,
                })
            }
        }
    }

    /// Encrypts the content of one chunk, so that it cannot be opened as the content of another. `name` is the
    /// chunk's name or id on the client's side; it is authenticated but not stored.
    ///
    /// XTrace's format cannot bind content to a chunk: there this is the same as [`ExecutionContext::encrypt_content`].
    ///
    /// # Errors
    /// As [`ExecutionContext::encrypt_content`].
    pub fn encrypt_content_for(&self, name: &str, content: &[u8]) -> Result<String, Error> {
        match self.format {
            Format::XTrace => self.encrypt_content(content),
            Format::Native => {
                let sealed = self.content_key.seal(content, &associated(CONTENT, name))?;
                Ok(STANDARD.encode([&[BOUND], sealed.as_slice()].concat()))
            }
        }
    }

    /// Decrypts what [`ExecutionContext::encrypt_content_for`] encrypted for the chunk `name`.
    ///
    /// # Security
    /// Also decrypts what [`ExecutionContext::encrypt_content`] encrypted. Such content is not bound to a chunk.
    ///
    /// # Errors
    /// [`Error::Content`] if it was sealed for another chunk, belongs to another context or was changed; otherwise as
    /// [`ExecutionContext::decrypt_content`].
    pub fn decrypt_content_for(&self, name: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        if self.format == Format::XTrace {
            return self.decrypt_content(sealed);
        }
        let bytes = STANDARD.decode(sealed).map_err(|_| Error::Unseal)?;
        let Some((&BOUND, bound)) = bytes.split_first() else { return self.content_key.open(&bytes, b"") };
        // One in 256 nonces begins with the same byte as bound content. So both ways are tried: the tag rejects the
        // wrong one.
        self.content_key
            .open(bound, &associated(CONTENT, name))
            .or_else(|_| self.content_key.open(&bytes, b""))
            .map_err(|_| Error::Content { problem: ContentProblem::NotOfChunk })
    }

    /// Encrypts the embedding of one chunk, as [`ExecutionContext::encrypt_content_for`] encrypts content. The result
    /// can only be opened as an embedding.
    ///
    /// # Security
    /// In XTrace's format nothing binds it to the chunk, so a server can swap embeddings, which changes ranks.
    ///
    /// # Errors
    /// As [`ExecutionContext::encrypt_content`].
    pub fn seal_embedding(&self, name: &str, embedding: &Embedding) -> Result<String, Error> {
        let bytes = embedding.to_bytes();
        match self.format {
            Format::XTrace => self.encrypt_content(&bytes),
            Format::Native => Ok(STANDARD.encode(self.content_key.seal(&bytes, &associated(EMBEDDING, name))?)),
        }
    }

    /// Decrypts what [`ExecutionContext::seal_embedding`] encrypted for the chunk `name`.
    ///
    /// # Errors
    /// [`Error::Content`] if it was sealed for another chunk, belongs to another context or was changed.
    pub fn open_embedding(&self, name: &str, sealed: &str) -> Result<Embedding, Error> {
        let wrong = Error::Content { problem: ContentProblem::NotOfChunk };
        let bytes = match self.format {
            Format::XTrace => self.decrypt_content(sealed)?,
            Format::Native => {
                let sealed = STANDARD.decode(sealed).map_err(|_| Error::Unseal)?;
                let opened = self.content_key.open(&sealed, &associated(EMBEDDING, name));
                opened.map_err(|_| Error::Content { problem: ContentProblem::NotOfChunk })?
            }
        };
        Embedding::from_bytes(&bytes).ok_or(wrong)
    }
}

fn associated(purpose: &[u8], name: &str) -> Vec<u8> {
    [purpose, name.as_bytes()].concat()
}
