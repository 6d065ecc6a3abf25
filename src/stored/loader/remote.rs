//! Loads contexts from remote stores.

use super::Loader;
use crate::context::ExecutionContext;
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::context::remote::RemoteStore;
use crate::error::Error;

impl ExecutionContext {
    /// Fetches a context from a remote store and checks that it has the requested id.
    ///
    /// # Errors
    /// As [`Loader::load_from_remote`].
    pub async fn load_from_remote(
        store: &impl RemoteStore,
        context_id: &str,
        provider: &dyn KeyProvider,
    ) -> Result<Self, Error> {
        Self::loader().load_from_remote(store, context_id, provider).await
    }
}

impl Loader {
    /// Fetches a context from a remote store. The store is not trusted to send the requested context: its
    /// [`ExecutionContext::id`] must be `context_id`.
    ///
    /// # Security
    /// The native format authenticates an explicit id. XTrace's format does not. There, a `context_id` that looks
    /// like a hash (64 hexadecimal digits) must be the hash of the keys. Any other id is accepted as an explicit one,
    /// and then the store could send other keys under the same passphrase.
    ///
    /// # Errors
    /// [`Error::Remote`]; [`Error::Context`] with the field `context_id` if the store sent another context; and as
    /// [`Loader::from_serialized`].
    pub async fn load_from_remote(
        self,
        store: &impl RemoteStore,
        context_id: &str,
        provider: &dyn KeyProvider,
    ) -> Result<ExecutionContext, Error> {
        let value = store.get_serialized_exec_context(context_id).await?;
        let context = Self { context_id: None, ..self }.from_dict(value, provider)?;
        let id = context.id()?;
        if id == context_id {
            return Ok(context);
        }
        if context.format == Format::XTrace && !looks_like_hash(context_id) {
            return Ok(ExecutionContext { context_id: Some(context_id.to_owned()), ..context });
        }
        Err(Error::context("context_id", format!("is {id:?}, expected {context_id:?}: the store sent another context")))
    }
}

fn looks_like_hash(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}
