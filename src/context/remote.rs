//! Where contexts are kept for other machines.

use crate::error::Error;
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;

/// A place to store serialised contexts: XTrace's service, a server of one's own, or memory.
///
/// What is stored is what [`ExecutionContext::to_dict_enc`] returns; the secret key in it is sealed.
///
/// [`ExecutionContext::to_dict_enc`]: super::ExecutionContext::to_dict_enc
pub trait RemoteStore: Sync {
    /// Stores a context under an id and returns the id that the store gave it, usually the same.
    fn store_exec_context(
        &self,
        context: Value,
        context_id: &str,
    ) -> impl Future<Output = Result<String, Error>> + Send;

    /// The context stored under an id.
    fn get_serialized_exec_context(&self, context_id: &str) -> impl Future<Output = Result<Value, Error>> + Send;
}

/// A store in memory, for tests and for sharing contexts within one process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    contexts: Mutex<HashMap<String, Value>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl RemoteStore for MemoryStore {
    async fn store_exec_context(&self, context: Value, context_id: &str) -> Result<String, Error> {
        let poisoned = |_| Error::Remote("the store is broken".to_owned());
        self.contexts.lock().map_err(poisoned)?.insert(context_id.to_owned(), context);
        Ok(context_id.to_owned())
    }

    async fn get_serialized_exec_context(&self, context_id: &str) -> Result<Value, Error> {
        let poisoned = |_| Error::Remote("the store is broken".to_owned());
        let found = self.contexts.lock().map_err(poisoned)?.get(context_id).cloned();
        found.ok_or_else(|| Error::Remote(format!("there is no context {context_id:?}")))
    }
}
