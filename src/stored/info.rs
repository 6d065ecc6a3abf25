//! What can be told of a stored context without its passphrase.

use super::derivation::Derivation;
use super::document::{Document, LARGEST_FILE};
use super::passphrase::PassphraseKeyProvider;
use crate::atomic_file;
use crate::context::format::Format;
use crate::device::Device;
use crate::error::Error;
use crate::paillier::parameters::Parameters;
use crate::paillier::public_context::PublicContext;
use std::path::Path;

/// What a stored context says about itself without its passphrase. Nothing of it is verified, except that its public
/// parts fit each other.
#[derive(Debug)]
pub struct ContextInfo {
    /// The format.
    pub format: Format,
    /// Scheme and sizes.
    pub parameters: Parameters,
    /// The device stored with it.
    pub device: Device,
    /// Whether secrets have to stay on the processor.
    pub secrets_on_cpu: bool,
    /// The kind of key provider, `"passphrase"` or another.
    pub key_provider: String,
    /// What the provider needs to find its key again: for a passphrase, how it is derived.
    pub wrapped_key: Vec<u8>,
    /// The public key. Weak ones too: look at [`Parameters::weakness`].
    pub public: PublicContext,
    /// The id, which for XTrace's format takes the secret key to compute.
    pub id: Option<String>,
}

impl ContextInfo {
    /// Reads it from a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Context`] if the file is no context.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        Self::from_serialized(&text).map_err(|error| error.in_file(path))
    }

    /// Reads it from text.
    ///
    /// # Errors
    /// [`Error::Context`] if the text is no context.
    pub fn from_serialized(text: &str) -> Result<Self, Error> {
        Self::of(&Document::parse(text)?)
    }

    /// What a parsed context says about itself.
    pub(super) fn of(document: &Document) -> Result<Self, Error> {
        let public = PublicContext::new(document.public_key()?);
        let id = match document {
            Document::Native(document) => {
                Some(document.context_id().map_or_else(|| public.public_id().to_string(), str::to_owned))
            }
            Document::XTrace(_) => None,
        };
        let (key_provider, wrapped_key) = document.wrapped_key()?;
        Ok(Self {
            format: document.format(),
            parameters: document.parameters()?,
            device: document.device()?,
            secrets_on_cpu: document.secrets_on_cpu(),
            key_provider,
            wrapped_key,
            public,
            id,
        })
    }

    /// Checks that this is the context that was expected, by its public id or, in the native format, by its id.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if it is another, or if only the secret key could tell: the id of a context in XTrace's format
    /// takes the passphrase ([`Loader::expect_id`](crate::Loader::expect_id)).
    pub fn check_id(&self, expected: &str) -> Result<(), Error> {
        if self.id.as_deref() == Some(expected) {
            return Ok(());
        }
        self.public.check_id(expected)
    }

    /// How the passphrase becomes the key; `None` for other key providers.
    ///
    /// # Errors
    /// [`Error::Context`] or [`Error::KeyDerivation`] if opening the context would be refused for it.
    pub fn derivation(&self) -> Result<Option<Derivation>, Error> {
        let passphrase = self.key_provider == PassphraseKeyProvider::ID;
        passphrase.then(|| Derivation::read(self.format, &self.wrapped_key)).transpose()
    }
}
