//! Stores, fetches and deletes contexts on a server.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use hushvec::{ExecutionContext, PublicContext, RemoteStore};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// The maximum size of a context, in bytes. Contexts with the SDK's tables can be over a hundred megabytes.
const MOST_CONTEXT: usize = 256 << 20;
/// The maximum size of any other reply, in bytes.
const MOST_IDS: usize = 16 << 20;

const PATH: &str = "exec_context";

#[derive(Deserialize)]
struct Stored {
    context_id: String,
}

#[derive(Deserialize)]
struct Contexts {
    contexts: Vec<String>,
}

#[derive(Deserialize)]
struct ContextIds {
    context_ids: Vec<String>,
}

impl HttpStore {
    /// Stores a context, the result of `ExecutionContext::to_dict_enc`, under an id. Returns its id on the server.
    ///
    /// # Errors
    /// [`Error`]; a conflict if another context is stored under that id.
    pub async fn store_context(&self, context: &Value, context_id: &str) -> Result<String, Error> {
        let request = self.request(Method::POST, PATH, &[])?;
        let request = with_json(request, &json!({ "data": context, "context_id": context_id }))?;
        let stored: Stored = self.json(request, Retry::Never, MOST_IDS).await?;
        Ok(stored.context_id)
    }

    /// Fetches the context stored under an id, if there is one. The context is not checked.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn context(&self, context_id: &str) -> Result<Option<Value>, Error> {
        match self.stored_context(context_id).await {
            Ok(context) => Ok(Some(context)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether the server has the context with this id.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Reply`] if the stored context has another key.
    pub async fn has_context(&self, context_id: &str, public: &PublicContext) -> Result<bool, Error> {
        let Some(stored) = self.context(context_id).await? else { return Ok(false) };
        if PublicContext::of_stored(&stored, true)?.public_id() != public.public_id() {
            let reason = format!("the context {context_id} on the server has another key than the local context");
            return Err(Error::reply(self.host(), reason));
        }
        Ok(true)
    }

    /// Stores a context unless the server has it. Returns its id, and whether it is new.
    ///
    /// # Errors
    /// As [`HttpStore::has_context`].
    pub async fn ensure_context(&self, context: &ExecutionContext) -> Result<(String, bool), Error> {
        let id = context.id()?;
        if self.has_context(&id, &context.public_context()).await? {
            return Ok((id, false));
        }
        Ok((self.store_context(&context.to_dict_enc()?, &id).await?, true))
    }

    async fn stored_context(&self, context_id: &str) -> Result<Value, Error> {
        let request = self.request(Method::GET, PATH, &[context_id])?;
        self.json(request, Retry::Never, MOST_CONTEXT).await
    }

    /// Deletes the context stored under an id. No stored vector may be encrypted under it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_context(&self, context_id: &str) -> Result<(), Error> {
        let request = self.request(Method::DELETE, PATH, &[context_id])?;
        let _: Value = self.json(request, Retry::Never, MOST_IDS).await?;
        Ok(())
    }

    /// Returns the ids of all contexts of the organisation.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn contexts(&self) -> Result<Vec<String>, Error> {
        let reply: Contexts = self.json(self.request(Method::GET, PATH, &[])?, Retry::Never, MOST_IDS).await?;
        Ok(reply.contexts)
    }

    /// Returns the ids of the contexts that a knowledge base is bound to.
    ///
    /// # Errors
    /// [`Error`]; not found if there is no such knowledge base.
    pub async fn contexts_of(&self, knowledge_base: &str) -> Result<Vec<String>, Error> {
        let request = self.request(Method::GET, PATH, &[knowledge_base, "context"])?;
        let reply: ContextIds = self.json(request, Retry::Never, MOST_IDS).await?;
        Ok(reply.context_ids)
    }
}

impl RemoteStore for HttpStore {
    async fn store_exec_context(&self, context: Value, context_id: &str) -> Result<String, hushvec::Error> {
        Ok(self.store_context(&context, context_id).await?)
    }

    async fn get_serialized_exec_context(&self, context_id: &str) -> Result<Value, hushvec::Error> {
        Ok(self.stored_context(context_id).await?)
    }
}
