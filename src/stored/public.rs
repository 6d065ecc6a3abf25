//! The public part of an owner's stored context.

use crate::compat::xtrace::stringified::Stringified;
use crate::error::Error;
use crate::paillier::public_context::{CONTEXT_FORMAT, CONTEXT_VERSION, Config, Numbers, PublicContext, check_version};
use crate::paillier::public_key::PublicKey;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The public part of the native format. The other fields are ignored.
#[derive(Deserialize)]
struct Native {
    config: Config,
    public_key: Numbers,
    public_id: String,
}

impl Native {
    fn public_key(context: &Value) -> Result<Arc<PublicKey>, Error> {
        let malformed = |error| Error::context("the context", format!("is not in the native format: {error}"));
        check_version(context, CONTEXT_FORMAT, CONTEXT_VERSION)?;
        let stored = Self::deserialize(context).map_err(malformed)?;
        let key = stored.public_key.public_key(stored.config.parameters()?)?;
        if key.id().to_string() != stored.public_id {
            return Err(Error::context("public_id", "does not match the public key"));
        }
        Ok(key)
    }
}

impl PublicContext {
    /// Reads the public part of an owner's context in either format, given as the value that
    /// `ExecutionContext::to_dict_enc` returns. The public part is not authenticated: trust it only as far as its
    /// sender. Weak keys are refused unless `allow_weak`.
    ///
    /// # Errors
    /// [`Error::Context`] if the value is not a context, or if public fields contradict each other; [`Error::WeakKey`].
    pub fn of_stored(context: &Value, allow_weak: bool) -> Result<Self, Error> {
        let key = if context.get("format").is_some() {
            Native::public_key(context)?
        } else {
            Stringified::of(context)?.public_key()?
        };
        key.parameters().check_strength(allow_weak)?;
        Ok(Self::new(key))
    }
}
