//! Chunks: an encrypted vector, sealed content and a name.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The most chunks that are inserted at once.
pub const MOST_CHUNKS: usize = 500;

/// The most ids in an address, which proxies do not take at any length.
const MOST_IDS: usize = 200;
/// The longest reply with contents in it, and without.
const MOST_CONTENTS: usize = 256 << 20;
const MOST_REPLY: usize = 1 << 20;

const PATH: &str = "chunk";

/// A chunk on its way to a server.
#[derive(Debug, Clone, Serialize)]
pub struct NewChunk {
    #[serde(rename = "chunk_content")]
    content: String,
    index: [String; 1],
    meta_data: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl NewChunk {
    /// A chunk with an encrypted vector, as a little-endian integer. `content` is stored as it is, so it should be what
    /// `ExecutionContext::encrypt_content` returned; `metadata` and `name` are readable to the server.
    #[must_use]
    pub fn new(integer: &[u8], content: String, metadata: Map<String, Value>, name: Option<String>) -> Self {
        let bytes = integer.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // XTrace's encoding has no zeros at the end.
        let wire = STANDARD.encode(integer.get(..bytes).unwrap_or_default());
        Self { content, index: [wire], meta_data: metadata, name }
    }

    /// About as many bytes as it takes in a request.
    #[must_use]
    pub fn size(&self) -> usize {
        let [vector] = &self.index;
        self.content.len() + vector.len() + self.name.as_ref().map_or(0, String::len) + 128
    }
}

/// A chunk as it is stored, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Chunk {
    /// The number that the server gave it.
    #[serde(default)]
    pub chunk_id: Option<u64>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its content, sealed.
    #[serde(default)]
    pub chunk_content: Option<String>,
    /// Its metadata.
    #[serde(default)]
    pub meta_data: Map<String, Value>,
    /// Its vector in XTrace's encoding.
    #[serde(default)]
    pub index: Vec<String>,
}

#[derive(Deserialize)]
struct Inserted {
    #[serde(default)]
    chunk_ids: Vec<u64>,
}

impl HttpStore {
    /// Inserts up to [`MOST_CHUNKS`] chunks: the numbers that the server gave them, if it says so.
    ///
    /// Tried three times if the server fails or the connection is lost. Should a connection be lost between storing and
    /// answering, chunks are there twice.
    ///
    /// # Errors
    /// [`Error`]; then none of them was stored, or, after a lost connection, perhaps all.
    pub async fn insert(&self, knowledge_base: &str, context_id: &str, chunks: &[NewChunk]) -> Result<Vec<u64>, Error> {
        if chunks.len() > MOST_CHUNKS {
            let reason = format!("there are {}, at most {MOST_CHUNKS} are inserted at once", chunks.len());
            return Err(Error::Argument { what: "the chunks", reason });
        }
        let body = json!({ "kb_id": knowledge_base, "context_id": context_id, "chunks": chunks });
        let request = with_json(self.request(Method::POST, PATH, &[])?, &body)?;
        let reply: Inserted = self.json(request, Retry::Twice, MOST_REPLY).await?;
        if !reply.chunk_ids.is_empty() && reply.chunk_ids.len() != chunks.len() {
            let reason = format!("of {} chunks the server says it stored {}", chunks.len(), reply.chunk_ids.len());
            return Err(Error::reply(self.host(), reason));
        }
        Ok(reply.chunk_ids)
    }

    /// Fetches chunks by their numbers, with the fields that `projection` names (`chunk_id`, `chunk_content`, `name`, `index`,
    /// `meta_data`, …). Those that are not there are left out.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn chunks(&self, knowledge_base: &str, ids: &[u64], projection: &[&str]) -> Result<Vec<Chunk>, Error> {
        let mut chunks = Vec::new();
        let mut left: Vec<&[u64]> = ids.chunks(MOST_IDS).rev().collect();
        while let Some(some) = left.pop() {
            let mut url = self.address(&[PATH, &self.organisation])?;
            url.query_pairs_mut()
                .append_pair("kb_id", knowledge_base)
                .extend_pairs(some.iter().map(|id| ("chunk_ids", id.to_string())))
                .extend_pairs(projection.iter().map(|field| ("projection", field)));
            let request = self.request_at(Method::GET, url)?;
            match self.json::<Vec<Chunk>>(request, Retry::Twice, MOST_CONTENTS).await {
                Ok(found) => chunks.extend(found),
                // The contents of so many are more than the server sends at once.
                Err(Error::Status { status, .. }) if status.as_u16() == 413 && some.len() > 1 => {
                    let (first, second) = some.split_at(some.len() / 2);
                    left.extend([second, first]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(chunks)
    }
}
