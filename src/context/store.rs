//! A context on its way out: as values, text, files and in remote stores.

use super::format::Format;
use super::info::ContextInfo;
use super::key_provider::KeyProvider;
use super::remote::RemoteStore;
use super::{ExecutionContext, native, stringify, xtrace};
use crate::atomic_file;
use crate::destination::{self, Content};
use crate::error::Error;
use crate::occupant::Occupant;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

impl ExecutionContext {
    /// The context as a JSON value with the secret key sealed: what is stored.
    ///
    /// # Errors
    /// [`Error::Random`], or what the key provider fails with.
    pub fn to_dict_enc(&self) -> Result<Value, Error> {
        match self.format {
            Format::Native => native::Document::seal(self)?.to_value(),
            Format::XTrace => {
                let fields = xtrace::fields(&self.client, &*self.key_provider)?;
                Ok(Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()))
            }
        }
    }

    /// The context as a JSON value with the secret key in plain text, in the SDK's shape. Do not store or send it; the
    /// value is not wiped when dropped.
    ///
    /// # Errors
    /// As [`ExecutionContext::hash`].
    pub fn to_dict_plain(&self) -> Result<Value, Error> {
        Ok(json!({
            "sk": *self.stringify_sk()?,
            "pk": self.stringify_pk(),
            "type": stringify::client_type(self.scheme()),
            "config": self.stringify_config(),
        }))
    }

    /// The public key as the SDK writes it. Touches nothing secret.
    pub fn stringify_pk(&self) -> String {
        stringify::public_key(self.public_key())
    }

    /// Scheme and sizes as the SDK writes them. Touches nothing secret.
    pub fn stringify_config(&self) -> String {
        stringify::config(self.parameters())
    }

    /// The secret key in plain text, as the SDK writes it. Wiped when dropped.
    ///
    /// # Errors
    /// As [`ExecutionContext::hash`].
    pub fn stringify_sk(&self) -> Result<Zeroizing<String>, Error> {
        stringify::secret_key(&self.client)
    }

    /// The context as text, the secret key sealed: what [`ExecutionContext::save_to_disk`] writes.
    ///
    /// # Errors
    /// As [`ExecutionContext::to_dict_enc`].
    pub fn serialize_exec_context(&self) -> Result<String, Error> {
        match self.format {
            Format::Native => native::Document::seal(self)?.text(),
            Format::XTrace => xtrace::serialize(&self.client, &*self.key_provider),
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
        let exported = Self { format, key_provider, xtrace_hash: OnceLock::new(), ..self };
        exported.to_dict_enc()?;
        Ok(exported)
    }
}
