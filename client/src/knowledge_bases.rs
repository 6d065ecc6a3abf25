//! Knowledge bases. Creating and deleting them needs the admin key.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The maximum size of a reply, in bytes.
const MOST: usize = 16 << 20;
/// The maximum number of knowledge bases that an error lists.
const MOST_NAMED: usize = 10;

const PATH: &str = "kbs";

/// A collection of chunks on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KnowledgeBase {
    /// The id that names it in requests.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The number of its chunks, if the server returns it.
    #[serde(default, alias = "numberOfVectors")]
    pub number_of_vectors: Option<u64>,
    /// When it was created, as in `2026-01-31T12:00:00.000Z`, if the server returns it.
    #[serde(default, alias = "createdAt")]
    pub created_at: Option<String>,
    /// When its chunks last changed.
    #[serde(default, alias = "updatedAt")]
    pub updated_at: Option<String>,
}

impl HttpStore {
    /// Returns the knowledge bases of the organisation. Without the admin key, only those that the API key may read.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn knowledge_bases(&self) -> Result<Vec<KnowledgeBase>, Error> {
        self.json(self.reader_request(&[PATH])?, Retry::Twice, MOST).await
    }

    /// Finds a knowledge base by its id, or by its name if that is unique.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Name`] if there is no such knowledge base, or several have that name.
    pub async fn find_knowledge_base(&self, id_or_name: &str) -> Result<KnowledgeBase, Error> {
        let mut all = self.knowledge_bases().await?;
        if let Some(place) = all.iter().position(|base| base.id == id_or_name) {
            return Ok(all.swap_remove(place));
        }
        let mut named: Vec<&KnowledgeBase> = all.iter().filter(|base| base.name == id_or_name).collect();
        let refused = |reason| Err(Error::Name { host: self.host().to_owned(), reason });
        match (named.pop(), named.len()) {
            (Some(base), 0) => Ok(base.clone()),
            (Some(last), _) => {
                let ids: Vec<&str> = named.iter().take(MOST_NAMED).map(|base| base.id.as_str()).collect();
                let ids = format!("{}, {}", ids.join(", "), last.id);
                refused(format!("several knowledge bases are named {id_or_name:?}; give the id of one: {ids}"))
            }
            (None, _) if all.is_empty() => {
                refused(format!("there is no knowledge base {id_or_name:?}; this key has access to none"))
            }
            (None, _) => {
                let names: Vec<&str> = all.iter().take(MOST_NAMED).map(|base| base.name.as_str()).collect();
                let more = if all.len() > MOST_NAMED { ", …" } else { "" };
                let names = names.join(", ");
                refused(format!("there is no knowledge base {id_or_name:?}; this key has access to {names}{more}"))
            }
        }
    }

    /// Returns the id of a knowledge base, given its id or its name. If the server lists knowledge bases only to the
    /// admin key, the argument is taken for an id.
    ///
    /// # Errors
    /// As [`HttpStore::find_knowledge_base`].
    pub async fn knowledge_base_id(&self, id_or_name: &str) -> Result<String, Error> {
        match self.find_knowledge_base(id_or_name).await {
            Ok(base) => Ok(base.id),
            Err(error) if matches!(error.status(), Some(401 | 403 | 404 | 405)) => Ok(id_or_name.to_owned()),
            Err(error) => Err(error),
        }
    }

    /// Creates a knowledge base.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_knowledge_base(&self, name: &str, description: &str) -> Result<KnowledgeBase, Error> {
        let request = self.admin_request(Method::POST, &[PATH])?;
        let request = with_json(request, &json!({ "name": name, "description": description }))?;
        self.json(request, Retry::Never, MOST).await
    }

    /// Deletes a knowledge base by its id, with everything in it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn delete_knowledge_base(&self, id: &str) -> Result<(), Error> {
        let _: Value = self.json(self.admin_request(Method::DELETE, &[PATH, id])?, Retry::Never, MOST).await?;
        Ok(())
    }
}
