//! Saves and loads the owner's contexts of packed search.

use super::document::Document;
use super::owner::PackedContext;
use crate::atomic_file;
use crate::context::key_provider::KeyProvider;
use crate::destination::{self, Content};
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::occupant::Occupant;
use crate::rlwe::packed::Parameters;
use std::path::Path;
use std::sync::Arc;

/// The largest context file that is read.
const LARGEST_FILE: u64 = 1 << 20;

impl PackedContext {
    /// Generates a new key and saves it. The file must not exist or must be empty, because an existing file could hold
    /// the only copy of another key.
    ///
    /// # Errors
    /// [`Error::Occupied`], before a key is generated, if the file exists; and as [`PackedContext::generate`] and
    /// [`PackedContext::save_to_disk`].
    pub fn create_on_disk(
        path: &Path,
        parameters: Parameters,
        device: OpenDevice,
        key_provider: Arc<dyn KeyProvider>,
    ) -> Result<Self, Error> {
        destination::check_nothing_lost(path)?;
        let context = Self::generate(parameters, device, key_provider)?;
        context.save_to_disk(path)?;
        Ok(context)
    }

    /// Returns the context as text to store, with the secret key sealed.
    ///
    /// # Errors
    /// [`Error::Random`], and the errors of the key provider.
    pub fn serialize(&self) -> Result<String, Error> {
        Document::seal(self)?.text()
    }

    /// Restores a context from its text, on an open device or else on the stored one.
    ///
    /// # Errors
    /// [`Error::Context`] or [`Error::Format`] if the text is not a context of packed search; [`Error::Unseal`] for a
    /// wrong passphrase or a changed file; [`Error::KeyDerivation`]; [`Error::Device`].
    pub fn from_serialized(text: &str, provider: &dyn KeyProvider, device: Option<OpenDevice>) -> Result<Self, Error> {
        Document::parse(text)?.open(provider, device)
    }

    /// Writes the context atomically to a file that only the file's owner can read. It replaces a file with the same
    /// key, such as the same context under another passphrase, but never a file with another key.
    ///
    /// # Errors
    /// [`Error::Occupied`]; [`Error::Io`]; and as [`PackedContext::serialize`]. These leave an existing file unchanged.
    /// [`Error::NotDurable`] if the new file is in place, but a power failure may bring back the old one.
    pub fn save_to_disk(&self, path: &Path) -> Result<(), Error> {
        destination::check(path, Content::OwnerContext)?;
        if destination::holds_secret_key(path)? {
            let old = atomic_file::read_text(path, LARGEST_FILE).and_then(|text| Document::parse(&text));
            match old {
                Ok(old) if old.public_id() == self.public_id.to_string() => {}
                Err(error @ Error::Io { .. }) => return Err(error),
                _ => return Err(Error::Occupied { path: path.to_owned(), occupant: Occupant::SecretKey }),
            }
        }
        atomic_file::write(path, Content::OwnerContext, self.serialize()?.as_bytes())
    }

    /// Loads a context from a file.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`PackedContext::from_serialized`], naming the file.
    pub fn load_from_disk(path: &Path, provider: &dyn KeyProvider, device: Option<OpenDevice>) -> Result<Self, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        Self::from_serialized(&text, provider, device).map_err(|error| error.in_file(path))
    }
}
