//! The public part of an owner's stored context.

use crate::compat::xtrace::stringified::Stringified;
use crate::error::Error;
use crate::paillier::public_context::{CONTEXT_FORMAT, CONTEXT_VERSION, Config, Numbers, PublicContext, check_version};
use crate::paillier::public_key::PublicKey;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// The public part of the native format. The rest is the owner's business.
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
            return Err(Error::context("public_id", "is not that of the public key"));
        }
        Ok(key)
    }
}

impl PublicContext {
    /// The public part of an owner's context in either format, as the owner stores it elsewhere: what
    /// `ExecutionContext::to_dict_enc` returns. Nothing vouches for it but who sent it. Weak keys are refused unless `allow_weak`.
    ///
    /// # Errors
    /// [`Error::Context`] if it is no context, or public fields contradict each other; [`Error::WeakKey`].
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
