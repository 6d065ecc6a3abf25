//! Searching: an encrypted query goes out, encrypted distances come back.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::http_store::HttpStore;
use crate::rows::{Block, Rows};
use hushvec::{Ciphertext, PublicKey};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};
use serde::Serialize;
use serde_json::Value;

const MESSAGE_PACK: &str = "application/x-msgpack";

/// What to search for, and where.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The id of the knowledge base.
    pub knowledge_base: &'a str,
    /// The id of the context that query and vectors are encrypted with.
    pub context_id: &'a str,
    /// The encrypted query.
    pub query: &'a Ciphertext,
    /// Its key.
    pub key: &'a PublicKey,
    /// Which chunks by their metadata, in the manner of MongoDB; all if not given.
    pub filter: Option<&'a Value>,
    /// The first and the last number of the chunks to look at.
    pub range: Option<(u64, u64)>,
}

#[derive(Serialize)]
struct Body<'a> {
    kb_id: &'a str,
    context_id: &'a str,
    query: [String; 1],
    /// As text here, unlike elsewhere: so XTrace's service has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta_filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<(u64, u64)>,
}

impl HttpStore {
    /// Has the server combine a query with every vector of a knowledge base that the filter and the range leave. Tried
    /// three times, until the answer begins.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn search(&self, search: &Search<'_>) -> Result<EncryptedDistances, Error> {
        let body = Body {
            kb_id: search.knowledge_base,
            context_id: search.context_id,
            query: [search.query.to_wire(search.key)?],
            meta_filter: search.filter.map(Value::to_string),
            range: search.range,
        };
        let request =
            with_json(self.request(Method::POST, "compute_hamming", &[])?, &body)?.header(ACCEPT, MESSAGE_PACK);
        let response = self.send(request, Retry::Twice).await?;
        EncryptedDistances::open(self.host.clone(), response, search.key.parameters().ciphertext_bytes()).await
    }
}

/// Encrypted distances on their way here, of chunks in the order of their numbers.
#[derive(Debug)]
pub struct EncryptedDistances {
    host: String,
    response: Response,
    rows: Rows,
    len: u64,
}

impl EncryptedDistances {
    async fn open(host: String, response: Response, size: usize) -> Result<Self, Error> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some(MESSAGE_PACK) {
            let kind: String = kind.chars().take(40).collect();
            return Err(Error::reply(&host, format!("the distances come as {kind:?}, expected {MESSAGE_PACK}")));
        }
        let mut opened = Self { host, response, rows: Rows::new(size), len: 0 };
        loop {
            if let Some(len) = opened.rows.left().map_err(|what| opened.malformed(what))? {
                opened.len = u64::from(len);
                return Ok(opened);
            }
            opened.receive().await?;
        }
    }

    /// How many distances there are, in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The next up to `most` distances; `None` when all have come.
    ///
    /// # Errors
    /// [`Error::Connection`] if the answer is cut short; [`Error::Reply`] if it is not what it should be.
    pub async fn next_block(&mut self, most: usize) -> Result<Option<Block>, Error> {
        let mut block = Block::default();
        while block.chunk_ids.len() < most.max(1) {
            if self.rows.next(&mut block).map_err(|what| self.malformed(what))? {
                continue;
            }
            if self.rows.is_done() {
                break;
            }
            self.receive().await?;
        }
        if self.rows.has_more() {
            return Err(self.malformed("there is something behind the last row"));
        }
        Ok((!block.chunk_ids.is_empty()).then_some(block))
    }

    async fn receive(&mut self) -> Result<(), Error> {
        let piece = self.response.chunk().await.map_err(|error| Error::connection(&self.host, &error))?;
        let Some(piece) = piece else {
            return Err(Error::reply(&self.host, "the distances ended before they were complete"));
        };
        self.rows.push(&piece);
        Ok(())
    }

    fn malformed(&self, what: &str) -> Error {
        Error::reply(&self.host, format!("the distances cannot be read: {what}"))
    }
}
