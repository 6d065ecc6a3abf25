//! Chunks: an encrypted vector with sealed content, a name and metadata.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// The maximum number of chunks in one request.
pub const MOST_CHUNKS: usize = 500;

/// The maximum number of ids in a URL. Proxies limit the length of URLs.
const MOST_IDS: usize = 200;
/// The maximum size of a reply with contents, and of one without, in bytes.
const MOST_CONTENTS: usize = 256 << 20;
const MOST_REPLY: usize = 1 << 20;

/// How many names are fetched per page, and the maximum size of a page, in bytes.
const MOST_NAMES: usize = 1000;
const MOST_PAGE: usize = 16 << 20;

const PATH: &str = "chunk";

/// A chunk to store on a server.
#[derive(Debug, Clone, Serialize)]
pub struct NewChunk {
    #[serde(rename = "chunk_content")]
    content: String,
    index: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    meta_data: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_embedding: Option<String>,
}

impl NewChunk {
    /// Creates a chunk from an encrypted vector, a little-endian integer.
    #[must_use]
    pub fn new(integer: &[u8]) -> Self {
        let bytes = integer.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // XTrace's encoding has no trailing zeros.
        let wire = STANDARD.encode(integer.get(..bytes).unwrap_or_default());
        Self { content: String::new(), index: [wire], meta_data: None, name: None, sealed_embedding: None }
    }

    /// Sets the name, which the server can read. [`HttpStore::upsert`] identifies chunks by it.
    #[must_use]
    pub fn with_name(self, name: String) -> Self {
        Self { name: Some(name), ..self }
    }

    /// Sets the content. It is stored unchanged, so it should be the result of `ExecutionContext::encrypt_content_for`
    /// for the chunk's name.
    #[must_use]
    pub fn with_content(self, content: String) -> Self {
        Self { content, ..self }
    }

    /// Sets the metadata, which the server can read.
    #[must_use]
    pub fn with_metadata(self, metadata: Map<String, Value>) -> Self {
        Self { meta_data: Some(metadata), ..self }
    }

    /// Sets the embedding to rank by: the result of `ExecutionContext::seal_embedding` for the chunk's name. Only
    /// hushvec's server stores it.
    #[must_use]
    pub fn with_embedding(self, sealed: String) -> Self {
        Self { sealed_embedding: Some(sealed), ..self }
    }

    /// Returns its approximate size in a request, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let [vector] = &self.index;
        let others = [&self.name, &self.sealed_embedding].into_iter().flatten().map(String::len).sum::<usize>();
        self.content.len() + vector.len() + others + 128
    }
}

/// What to do with a chunk whose name is taken by another chunk of the same knowledge base and context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Refuse the request; nothing is stored.
    Error,
    /// Keep the stored chunk.
    Skip,
    /// Give the stored chunk the new vector and embedding, and the new content and metadata if given.
    Replace,
}

/// The result of storing chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Stored {
    /// The ids of the chunks on the server, in the order of the request. Empty if the server does not return them.
    #[serde(default)]
    pub chunk_ids: Vec<u64>,
    /// The number of new chunks.
    #[serde(default, rename = "inserted_count")]
    pub inserted: u64,
    /// The number of replaced chunks.
    #[serde(default, rename = "replaced_count")]
    pub replaced: u64,
    /// The number of chunks that already existed and were kept.
    #[serde(default, rename = "skipped_count")]
    pub skipped: u64,
}

#[derive(Serialize)]
struct Insert<'a> {
    kb_id: &'a str,
    context_id: &'a str,
    chunks: &'a [NewChunk],
    #[serde(skip_serializing_if = "Option::is_none")]
    on_conflict: Option<OnConflict>,
}

/// A stored chunk. Fields that were not requested are empty.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Chunk {
    /// Its id on the server.
    #[serde(default)]
    pub chunk_id: Option<u64>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its sealed content.
    #[serde(default)]
    pub chunk_content: Option<String>,
    /// Its sealed embedding to rank by.
    #[serde(default)]
    pub sealed_embedding: Option<String>,
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
struct Deleted {
    deleted_count: u64,
}

impl HttpStore {
    /// Stores up to [`MOST_CHUNKS`] new chunks. Returns their ids on the server, if the server returns them.
    ///
    /// Makes up to three attempts if the server fails or the connection is lost. If the connection is lost after
    /// storing but before the answer, the chunks are stored twice. [`HttpStore::upsert`] prevents that.
    ///
    /// # Errors
    /// [`Error`]; then no chunk was stored or, after a lost connection, possibly all.
    pub async fn insert(&self, knowledge_base: &str, context_id: &str, chunks: &[NewChunk]) -> Result<Vec<u64>, Error> {
        let body = Insert { kb_id: knowledge_base, context_id, chunks, on_conflict: None };
        Ok(self.store(&body, Retry::Twice).await?.chunk_ids)
    }

    /// Upserts up to [`MOST_CHUNKS`] chunks by name. Every chunk needs a name of its own. Only hushvec's server
    /// supports this.
    ///
    /// Makes up to three attempts if the server fails or the connection is lost, except with [`OnConflict::Error`].
    ///
    /// # Errors
    /// [`Error`]; then no chunk was stored or, after a lost connection, possibly all. A conflict (409) if a name is
    /// taken and `on_conflict` is [`OnConflict::Error`], or if several stored chunks have the same name.
    pub async fn upsert(
        &self,
        knowledge_base: &str,
        context_id: &str,
        chunks: &[NewChunk],
        on_conflict: OnConflict,
    ) -> Result<Stored, Error> {
        let body = Insert { kb_id: knowledge_base, context_id, chunks, on_conflict: Some(on_conflict) };
        // A retry could conflict with the first attempt.
        let retry = if on_conflict == OnConflict::Error { Retry::Never } else { Retry::Twice };
        self.store(&body, retry).await
    }

    async fn store(&self, body: &Insert<'_>, retry: Retry) -> Result<Stored, Error> {
        let count = body.chunks.len();
        if count > MOST_CHUNKS {
            let reason = format!("there are {count}; the maximum is {MOST_CHUNKS} chunks per request");
            return Err(Error::Argument { what: "the chunks", reason });
        }
        let request = with_json(self.request(Method::POST, PATH, &[])?, body)?;
        let stored: Stored = self.json(request, retry, MOST_REPLY).await?;
        if !stored.chunk_ids.is_empty() && stored.chunk_ids.len() != count {
            let reason = format!("the server returned {} ids for {count} stored chunks", stored.chunk_ids.len());
            return Err(Error::reply(self.host(), reason));
        }
        Ok(stored)
    }

    /// Deletes chunks by their ids on the server. Returns the number of chunks deleted.
    ///
    /// # Errors
    /// [`Error`]; some chunks may have been deleted.
    pub async fn delete(&self, knowledge_base: &str, ids: &[u64]) -> Result<u64, Error> {
        let mut deleted = 0;
        for some in ids.chunks(MOST_IDS) {
            let mut url = self.address(&[PATH, &self.organisation])?;
            url.query_pairs_mut()
                .append_pair("kb_id", knowledge_base)
                .extend_pairs(some.iter().map(|id| ("chunk_ids", id.to_string())));
            let reply: Deleted = self.json(self.request_at(Method::DELETE, url)?, Retry::Twice, MOST_REPLY).await?;
            deleted += reply.deleted_count;
        }
        Ok(deleted)
    }

    /// Fetches chunks by their ids on the server, with the fields in `projection` (`chunk_id`, `chunk_content`,
    /// `sealed_embedding`, `name`, `index`, `meta_data`, …). Chunks that do not exist are left out.
    ///
    /// # Security
    /// The server sees which chunks are fetched. After a search, this reveals the nearest neighbours. If the server
    /// forged the distances, it also reveals bits of stored vectors.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Reply`] if the answer has a chunk that was not requested, or a duplicate chunk.
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
                // The contents exceed the size limit of a reply: fetch half of the chunks at a time.
                Err(Error::Status { status, .. }) if status.as_u16() == 413 && some.len() > 1 => {
                    let (first, second) = some.split_at(some.len() / 2);
                    left.extend([second, first]);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(wrong) = found.iter().filter_map(|chunk| chunk.chunk_id).find(|chunk| !awaited.remove(chunk)) {
                let reason = format!("the answer has chunk {wrong}, which was not requested or is a duplicate");
                return Err(Error::reply(self.host(), reason));
            }
            chunks.extend(found);
        }
        Ok(chunks)
    }

    /// Returns the ids and names on the server of all chunks of a knowledge base and context, sorted by id.
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
                // Ensures that the loop ends if the server repeats a page.
                let last = names.last().map(|(chunk, _)| *chunk);
                let Some(number) = chunk.chunk_id.filter(|number| last.is_none_or(|last| last < *number)) else {
                    return Err(Error::reply(self.host(), "the chunks are not sorted by chunk_id"));
                };
                names.push((number, chunk.name.clone()));
            }
            if !page.has_more || page.results.is_empty() {
                return Ok(names);
            }
        }
    }
}
