//! The ids of contexts.

use crate::compat::xtrace;
use crate::context::ExecutionContext;
use crate::context::format::Format;
use crate::error::Error;

impl ExecutionContext {
    /// Returns the hash that identifies the context: the public id in the native format, and the SDK's `hash()`,
    /// which covers the secret key, in XTrace's format.
    ///
    /// # Errors
    /// [`Error::Context`] if the secret key contradicts itself. Loading such a key already fails.
    pub fn hash(&self) -> Result<String, Error> {
        if self.format != Format::XTrace {
            return Ok(self.public_id().to_string());
        }
        if let Some(hash) = self.secret_hash.get() {
            return Ok(hash.clone());
        }
        let hash = xtrace::document::hash(&self.client)?;
        Ok(self.secret_hash.get_or_init(|| hash).clone())
    }

    /// Returns the explicit id that was given when the context was made or loaded, or else [`ExecutionContext::hash`].
    ///
    /// # Errors
    /// As [`ExecutionContext::hash`].
    pub fn id(&self) -> Result<String, Error> {
        self.context_id.clone().map_or_else(|| self.hash(), Ok)
    }

    /// Checks that this is the expected context. `stored_id` is its explicit id, if one is authenticated with the keys.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if it is another context.
    pub(super) fn check_id(&self, expected: &str, stored_id: Option<&str>) -> Result<(), Error> {
        if stored_id == Some(expected) || self.public_id().to_string() == expected {
            return Ok(());
        }
        let actual = stored_id.map_or_else(|| self.hash(), |id| Ok(id.to_owned()))?;
        if actual == expected {
            return Ok(());
        }
        Err(Error::WrongContext { expected: expected.to_owned(), actual })
    }
}
