//! Describes stored contexts without their passphrase.

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

/// The description of a stored context, read without its passphrase. Only the consistency of the public parts is
/// verified.
#[derive(Debug)]
pub struct ContextInfo {
    /// The format.
    pub format: Format,
    /// The scheme and its sizes.
    pub parameters: Parameters,
    /// The stored device.
    pub device: Device,
    /// Whether secrets have to stay on the CPU.
    pub secrets_on_cpu: bool,
    /// The kind of key provider, `"passphrase"` or another.
    pub key_provider: String,
    /// The data from which the provider recovers its key. For a passphrase it describes the derivation.
    pub wrapped_key: Vec<u8>,
    /// The public key. It may be weak: see [`Parameters::weakness`].
    pub public: PublicContext,
    /// The id; `None` for XTrace's format, where it is computed from the secret key.
    pub id: Option<String>,
}

impl ContextInfo {
    /// Reads the description of a context file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Context`] or [`Error::Format`] if the file is not a context.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        Self::from_serialized(&text).map_err(|error| error.in_file(path))
    }

    /// Reads the description of a context given as text.
    ///
    /// # Errors
    /// [`Error::Context`] or [`Error::Format`] if the text is not a context.
    pub fn from_serialized(text: &str) -> Result<Self, Error> {
        Self::of(&Document::parse(text)?)
    }

    /// Describes a parsed context.
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

    /// Checks that this is the expected context, by its public id or, in the native format, by its id.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if it is another context, or if the id cannot be checked: the id of a context in
    /// XTrace's format takes the passphrase to compute ([`Loader::expect_id`](crate::Loader::expect_id)).
    pub fn check_id(&self, expected: &str) -> Result<(), Error> {
        if self.id.as_deref() == Some(expected) {
            return Ok(());
        }
        self.public.check_id(expected)
    }

    /// Returns how the key is derived from the passphrase; `None` for other key providers.
    ///
    /// # Errors
    /// [`Error::Context`] or [`Error::KeyDerivation`] if the derivation is malformed or outside the limits. The
    /// context then cannot be opened either.
    pub fn derivation(&self) -> Result<Option<Derivation>, Error> {
        let passphrase = self.key_provider == PassphraseKeyProvider::ID;
        passphrase.then(|| Derivation::read(self.format, &self.wrapped_key)).transpose()
    }
}
