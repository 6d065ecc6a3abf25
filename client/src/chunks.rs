//! Chunks: an encrypted vector, sealed content and a name.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The most chunks that are inserted at once.
pub const MOST_CHUNKS: usize = 500;

/// The most ids in an address, which proxies do not take at any length.
const MOST_IDS: usize = 200;
/// The longest reply with contents in it, and without.
const MOST_CONTENTS: usize = 256 << 20;
const MOST_REPLY: usize = 1 << 20;

/// How many names are fetched at a time, and the longest reply with them.
const MOST_NAMES: usize = 1000;
const MOST_PAGE: usize = 16 << 20;

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
    /// `ExecutionContext::encrypt_content_for` returned for this name; `metadata` and `name` are readable to the server.
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
struct Page {
    results: Vec<Chunk>,
    has_more: bool,
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
    /// # Security
    /// The server sees which chunks are fetched. After a search that tells it the neighbours; and if it has made up the
    /// distances, bits of stored vectors.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Reply`] if there is a chunk that was not asked for, or one is there twice.
    pub async fn chunks(&self, knowledge_base: &str, ids: &[u64], projection: &[&str]) -> Result<Vec<Chunk>, Error> {
        let mut chunks = Vec::new();
        let mut awaited: HashSet<u64> = ids.iter().copied().collect();
        let mut left: Vec<&[u64]> = ids.chunks(MOST_IDS).rev().collect();
        while let Some(some) = left.pop() {
            let mut url = self.address(&[PATH, &self.organisation])?;
            url.query_pairs_mut()
                .append_pair("kb_id", knowledge_base)
                .extend_pairs(some.iter().map(|id| ("chunk_ids", id.to_string())))
                .extend_pairs(projection.iter().map(|field| ("projection", field)));
            let request = self.request_at(Method::GET, url)?;
            let found = match self.json::<Vec<Chunk>>(request, Retry::Twice, MOST_CONTENTS).await {
                Ok(found) => found,
                // The contents of so many are more than the server sends at once.
                Err(Error::Status { status, .. }) if status.as_u16() == 413 && some.len() > 1 => {
                    let (first, second) = some.split_at(some.len() / 2);
                    left.extend([second, first]);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(wrong) = found.iter().filter_map(|chunk| chunk.chunk_id).find(|chunk| !awaited.remove(chunk)) {
                let reason = format!("chunk {wrong} was not asked for, or has come before");
                return Err(Error::reply(self.host(), reason));
            }
            chunks.extend(found);
        }
        Ok(chunks)
    }

    /// The numbers and names of all chunks of a knowledge base under a context, as the server has them, in the order of their
    /// numbers.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn names(&self, knowledge_base: &str, context_id: &str) -> Result<Vec<(u64, Option<String>)>, Error> {
        let mut names: Vec<(u64, Option<String>)> = Vec::new();
        loop {
            let body = json!({
                "kb_id": knowledge_base,
                "context_id": context_id,
                "meta_filter": {},
                "projection": ["chunk_id", "name"],
                "limit": MOST_NAMES,
                "offset": names.len(),
                "sort_by": "chunk_id",
                "sort_order": "asc",
            });
            let request = with_json(self.request(Method::POST, "chunk/meta/page", &[])?, &body)?;
            let page: Page = self.json(request, Retry::Twice, MOST_PAGE).await?;
            for chunk in &page.results {
                // So that a page that is sent again and again comes to an end.
                let last = names.last().map(|(chunk, _)| *chunk);
                let Some(number) = chunk.chunk_id.filter(|number| last.is_none_or(|last| last < *number)) else {
                    return Err(Error::reply(self.host(), "the chunks are not in the order of their numbers"));
                };
                names.push((number, chunk.name.clone()));
            }
            if !page.has_more || page.results.is_empty() {
                return Ok(names);
            }
        }
    }
}
