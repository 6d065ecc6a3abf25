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
    #[serde(skip_serializing_if = "Option::is_none")]
    meta_data: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_embedding: Option<String>,
}

impl NewChunk {
    /// A chunk with an encrypted vector, as a little-endian integer, and nothing else.
    #[must_use]
    pub fn new(integer: &[u8]) -> Self {
        let bytes = integer.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        // XTrace's encoding has no zeros at the end.
        let wire = STANDARD.encode(integer.get(..bytes).unwrap_or_default());
        Self { content: String::new(), index: [wire], meta_data: None, name: None, sealed_embedding: None }
    }

    /// The same with a name, which the server can read. [`HttpStore::upsert`] goes by it.
    #[must_use]
    pub fn with_name(self, name: String) -> Self {
        Self { name: Some(name), ..self }
    }

    /// The same with content. It is stored as it is, so it should be what `ExecutionContext::encrypt_content_for` returned for
    /// the chunk's name.
    #[must_use]
    pub fn with_content(self, content: String) -> Self {
        Self { content, ..self }
    }

    /// The same with metadata, which the server can read.
    #[must_use]
    pub fn with_metadata(self, metadata: Map<String, Value>) -> Self {
        Self { meta_data: Some(metadata), ..self }
    }

    /// The same with an embedding to rank by, as `ExecutionContext::seal_embedding` returned it for the chunk's name. Only
    /// hushvec's server stores it.
    #[must_use]
    pub fn with_embedding(self, sealed: String) -> Self {
        Self { sealed_embedding: Some(sealed), ..self }
    }

    /// About as many bytes as it takes in a request.
    #[must_use]
    pub fn size(&self) -> usize {
        let [vector] = &self.index;
        let others = [&self.name, &self.sealed_embedding].into_iter().flatten().map(String::len).sum::<usize>();
        self.content.len() + vector.len() + others + 128
    }
}

/// What becomes of a chunk whose name another one has, among those of its knowledge base under its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Nothing of the request is stored.
    Error,
    /// The stored one stays as it is.
    Skip,
    /// The stored one gets the new vector and embedding, and the content and metadata if there are any.
    Replace,
}

/// What became of chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Stored {
    /// The numbers of the chunks in the order of the request, if the server says so.
    #[serde(default)]
    pub chunk_ids: Vec<u64>,
    /// How many are new.
    #[serde(default, rename = "inserted_count")]
    pub inserted: u64,
    /// How many took the place of others.
    #[serde(default, rename = "replaced_count")]
    pub replaced: u64,
    /// How many were there, and stayed.
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
    /// Its embedding to rank by, sealed.
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
    /// Stores up to [`MOST_CHUNKS`] chunks as new ones: the numbers that the server gave them, if it says so.
    ///
    /// Tried three times if the server fails or the connection is lost. Should a connection be lost between storing and
    /// answering, chunks are there twice; [`HttpStore::upsert`] prevents that.
    ///
    /// # Errors
    /// [`Error`]; then none of them was stored, or, after a lost connection, perhaps all.
    pub async fn insert(&self, knowledge_base: &str, context_id: &str, chunks: &[NewChunk]) -> Result<Vec<u64>, Error> {
        let body = Insert { kb_id: knowledge_base, context_id, chunks, on_conflict: None };
        Ok(self.store(&body, Retry::Twice).await?.chunk_ids)
    }

    /// Stores up to [`MOST_CHUNKS`] chunks by their names, which they must have and which must differ: what is stored twice is
    /// there once. Only hushvec's server knows of this.
    ///
    /// Tried three times if the server fails or the connection is lost, but for [`OnConflict::Error`].
    ///
    /// # Errors
    /// [`Error`]; then none of them was stored, or, after a lost connection, perhaps all. A conflict (409) with
    /// [`OnConflict::Error`], or if several stored chunks have one name.
    pub async fn upsert(
        &self,
        knowledge_base: &str,
        context_id: &str,
        chunks: &[NewChunk],
        on_conflict: OnConflict,
    ) -> Result<Stored, Error> {
        let body = Insert { kb_id: knowledge_base, context_id, chunks, on_conflict: Some(on_conflict) };
        // Again it would be in conflict with itself.
        let retry = if on_conflict == OnConflict::Error { Retry::Never } else { Retry::Twice };
        self.store(&body, retry).await
    }

    async fn store(&self, body: &Insert<'_>, retry: Retry) -> Result<Stored, Error> {
        let count = body.chunks.len();
        if count > MOST_CHUNKS {
            let reason = format!("there are {count}, at most {MOST_CHUNKS} are stored at once");
            return Err(Error::Argument { what: "the chunks", reason });
        }
        let request = with_json(self.request(Method::POST, PATH, &[])?, body)?;
        let stored: Stored = self.json(request, retry, MOST_REPLY).await?;
        if !stored.chunk_ids.is_empty() && stored.chunk_ids.len() != count {
            let reason = format!("of {count} chunks the server says it stored {}", stored.chunk_ids.len());
            return Err(Error::reply(self.host(), reason));
        }
        Ok(stored)
    }

    /// Deletes chunks by their numbers: how many of them there were.
    ///
    /// # Errors
    /// [`Error`]; some may be deleted then.
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

    /// Fetches chunks by their numbers, with the fields that `projection` names (`chunk_id`, `chunk_content`, `sealed_embedding`,
    /// `name`, `index`, `meta_data`, …). Those that are not there are left out.
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
