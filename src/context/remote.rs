//! Remote stores, which keep contexts for other machines.

use crate::error::Error;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;

/// A place to store serialised contexts: XTrace's service, your own server, or memory.
///
/// It stores the values that [`ExecutionContext::to_dict_enc`] returns, in which the secret key is sealed.
///
/// [`ExecutionContext::to_dict_enc`]: super::ExecutionContext::to_dict_enc
pub trait RemoteStore: Sync {
    /// Stores a context under an id. Returns the id that the store assigned, usually the same one.
    fn store_exec_context(
        &self,
        context: Value,
        context_id: &str,
    ) -> impl Future<Output = Result<String, Error>> + Send;

    /// Fetches the context stored under an id.
    fn get_serialized_exec_context(&self, context_id: &str) -> impl Future<Output = Result<Value, Error>> + Send;
}

/// An in-memory store, for tests and for sharing contexts within one process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    contexts: Mutex<HashMap<String, Value>>,
}

impl MemoryStore {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl RemoteStore for MemoryStore {
    async fn store_exec_context(&self, context: Value, context_id: &str) -> Result<String, Error> {
        let poisoned = |_| Error::Remote("a thread panicked while it used the store".to_owned());
        self.contexts.lock().map_err(poisoned)?.insert(context_id.to_owned(), context);
        Ok(context_id.to_owned())
    }

    async fn get_serialized_exec_context(&self, context_id: &str) -> Result<Value, Error> {
        let poisoned = |_| Error::Remote("a thread panicked while it used the store".to_owned());
        let found = self.contexts.lock().map_err(poisoned)?.get(context_id).cloned();
        found.ok_or_else(|| Error::Remote(format!("no context with id {context_id:?}")))
    }
}
