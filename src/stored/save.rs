//! A context on its way out: as values, text, files and in remote stores.

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
    /// The context as a JSON value with the secret key sealed: what is stored.
    ///
    /// # Errors
    /// [`Error::Random`], or what the key provider fails with.
    pub fn to_dict_enc(&self) -> Result<Value, Error> {
        match self.format {
            Format::Native => native::Document::seal(self)?.to_value(),
            Format::XTrace => {
                let fields = xtrace::document::fields(&self.client, &*self.key_provider)?;
                Ok(Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()))
            }
        }
    }

    /// The context as text, the secret key sealed: what [`ExecutionContext::save_to_disk`] writes.
    ///
    /// # Errors
    /// As [`ExecutionContext::to_dict_enc`].
    pub fn serialize_exec_context(&self) -> Result<String, Error> {
        match self.format {
            Format::Native => native::Document::seal(self)?.text(),
            Format::XTrace => xtrace::document::serialize(&self.client, &*self.key_provider),
        }
    }

    /// Writes the context to a file, readable by its owner only, in one step. It takes the place of a file with the same
    /// keys, such as the same context under another passphrase, and never of one with other keys.
    ///
    /// # Errors
    /// [`Error::Occupied`]; [`Error::Io`], and as [`ExecutionContext::to_dict_enc`]. The old file, if any, is then as it was.
    /// [`Error::NotDurable`] if the new file is in place, but a power failure may bring back the old one.
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

    /// Stores the context in a remote store under its id; returns the id that the store gave it.
    ///
    /// # Errors
    /// [`Error::Remote`], and as [`ExecutionContext::to_dict_enc`].
    pub async fn save_to_remote(&self, store: &impl RemoteStore) -> Result<String, Error> {
        store.store_exec_context(self.to_dict_enc()?, &self.id()?).await
    }

    /// The same keys in this or another format, under another key provider: also the way to change a passphrase. Ids given
    /// by hand and the device stay.
    ///
    /// Document content that was encrypted before is readable after if both formats are native. XTrace's format encrypts
    /// it with the provider's own key.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the format does not know the scheme or cannot use the provider.
    pub fn export(self, format: Format, key_provider: Arc<dyn KeyProvider>) -> Result<Self, Error> {
        let exported = Self { format, key_provider, secret_hash: OnceLock::new(), ..self };
        exported.to_dict_enc()?;
        Ok(exported)
    }
}
