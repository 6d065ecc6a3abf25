//! Saves contexts: as JSON values, as text, in files and in remote stores.

use super::info::ContextInfo;
use crate::atomic_file;
use crate::compat::xtrace;
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::context::remote::RemoteStore;
use crate::context::{ExecutionContext, native};
use crate::destination::{self, Content};
use crate::error::Error;
use crate::occupant::Occupant;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, OnceLock};

impl ExecutionContext {
    /// Returns the context as a JSON value to store, with the secret key sealed.
    ///
    /// # Errors
    /// [`Error::Random`], and the errors of the key provider.
    pub fn to_dict_enc(&self) -> Result<Value, Error> {
        match self.format {
            Format::Native => native::Document::seal(self)?.to_value(),
            Format::XTrace => {
                let fields = xtrace::document::fields(&self.client, &*self.key_provider)?;
                Ok(Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()))
            }
        }
    }

    /// Returns the context as the text that [`ExecutionContext::save_to_disk`] writes, with the secret key sealed.
    ///
    /// # Errors
    /// As [`ExecutionContext::to_dict_enc`].
    pub fn serialize_exec_context(&self) -> Result<String, Error> {
        match self.format {
            Format::Native => native::Document::seal(self)?.text(),
            Format::XTrace => xtrace::document::serialize(&self.client, &*self.key_provider),
        }
    }

    /// Writes the context atomically to a file that only the file's owner can read. It replaces a file with the same
    /// keys, such as the same context under another passphrase, but never a file with other keys.
    ///
    /// # Errors
    /// [`Error::Occupied`]; [`Error::Io`]; and as [`ExecutionContext::to_dict_enc`]. These leave an existing file
    /// unchanged. [`Error::NotDurable`] if the new file is in place, but a power failure may bring back the old one.
    pub fn save_to_disk(&self, path: &Path) -> Result<(), Error> {
        destination::check(path, Content::OwnerContext)?;
        if destination::holds_secret_key(path)? {
            let same = match ContextInfo::read(path) {
                Ok(old) => old.public.public_id() == self.client.public_key().id(),
                Err(error @ Error::Io { .. }) => return Err(error),
                Err(_) => false,
            };
            if !same {
                return Err(Error::Occupied { path: path.to_owned(), occupant: Occupant::SecretKey });
            }
        }
        atomic_file::write(path, Content::OwnerContext, self.serialize_exec_context()?.as_bytes())
    }

    /// Stores the context in a remote store under its id. Returns the id that the store assigned.
    ///
    /// # Errors
    /// [`Error::Remote`], and as [`ExecutionContext::to_dict_enc`].
    pub async fn save_to_remote(&self, store: &impl RemoteStore) -> Result<String, Error> {
        store.store_exec_context(self.to_dict_enc()?, &self.id()?).await
    }

    /// Returns the context in another format or under another key provider. Use it to change a passphrase. The keys,
    /// an explicit id and the device are kept.
    ///
    /// Document content that was encrypted earlier stays readable if both formats are native. XTrace's format
    /// encrypts content under the provider's key.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the format does not support the scheme or the key provider.
    pub fn export(self, format: Format, key_provider: Arc<dyn KeyProvider>) -> Result<Self, Error> {
        let exported = Self { format, key_provider, secret_hash: OnceLock::new(), ..self };
        exported.to_dict_enc()?;
        Ok(exported)
    }
}
