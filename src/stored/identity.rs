//! Which context it is.

use crate::compat::xtrace;
use crate::context::ExecutionContext;
use crate::context::format::Format;
use crate::error::Error;

impl ExecutionContext {
    /// For a context in XTrace's format the SDK's `hash()`, which covers the secret key; else the public id.
    ///
    /// # Errors
    /// [`Error::Context`] if the secret key contradicts itself, which loading excludes.
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

    /// The id given when it was made or loaded, else [`ExecutionContext::hash`].
    ///
    /// # Errors
    /// As [`ExecutionContext::hash`].
    pub fn id(&self) -> Result<String, Error> {
        self.context_id.clone().map_or_else(|| self.hash(), Ok)
    }

    /// Checks that a context is the one that was expected. `stored_id` is an id given by hand that was authenticated with
    /// the keys.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if it is another one.
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
