//! Knowledge bases, which take the admin key.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The longest list of them.
const MOST: usize = 16 << 20;

const PATH: &str = "kbs";

/// A collection of chunks on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KnowledgeBase {
    /// What it is asked for by.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

impl HttpStore {
    /// All knowledge bases of the organisation.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn knowledge_bases(&self) -> Result<Vec<KnowledgeBase>, Error> {
        self.json(self.admin_request(Method::GET, &[PATH])?, Retry::Never, MOST).await
    }

    /// Makes a knowledge base.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_knowledge_base(&self, name: &str, description: &str) -> Result<KnowledgeBase, Error> {
        let request = self.admin_request(Method::POST, &[PATH])?;
        let request = with_json(request, &json!({ "name": name, "description": description }))?;
        self.json(request, Retry::Never, MOST).await
    }
}
