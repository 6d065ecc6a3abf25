//! Contexts from remote stores.

use super::Loader;
use crate::context::ExecutionContext;
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::context::remote::RemoteStore;
use crate::error::Error;

impl ExecutionContext {
    /// Fetches a context from a remote store and checks that it is the one of that id.
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
    /// Fetches a context from a remote store, which is not trusted to send the one that was asked for: the keys must have the
    /// id `context_id`, as [`ExecutionContext::id`] has it.
    ///
    /// # Security
    /// The native format has an id given by hand inside of what is authenticated. XTrace's has not: there `context_id` must
    /// be the hash of the keys if it looks like one (64 hexadecimal digits); any other is taken as given by hand, and then
    /// the store could send other keys under the same passphrase.
    ///
    /// # Errors
    /// [`Error::Remote`]; [`Error::Context`] of the field `context_id` if it is another context; and as
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
        Err(Error::context(
            "context_id",
            format!("is {id:?}, though {context_id:?} was asked for: the store sent another one"),
        ))
    }
}

fn looks_like_hash(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}
