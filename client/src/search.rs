//! Searches: sends an encrypted query and receives encrypted distances.

use crate::error::Error;
use crate::exchange::{Retry, with_json};
use crate::expected::{Checker, Expected};
use crate::http_store::HttpStore;
use crate::rows::{Block, Rows};
use hushvec::{Ciphertext, PublicKey};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};
use serde::Serialize;
use serde_json::Value;

const MESSAGE_PACK: &str = "application/x-msgpack";

/// A search request.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The id of the knowledge base.
    pub knowledge_base: &'a str,
    /// The id of the context that the query and the vectors are encrypted under.
    pub context_id: &'a str,
    /// The encrypted query.
    pub query: &'a Ciphertext,
    /// The public key of the query.
    pub key: &'a PublicKey,
    /// A metadata filter in MongoDB's syntax. `None` searches all chunks.
    pub filter: Option<&'a Value>,
    /// The first and the last chunk id to search, inclusive.
    pub range: Option<(u64, u64)>,
    /// The chunks that the answer may have.
    pub expected: Expected<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    kb_id: &'a str,
    context_id: &'a str,
    query: [String; 1],
    /// JSON text here and an object in other requests, as in XTrace's service.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta_filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<(u64, u64)>,
}

impl HttpStore {
    /// Asks the server to aggregate a query with all vectors of a knowledge base that match the filter and the range.
    /// Makes up to three attempts until the answer begins.
    ///
    /// # Security
    /// A malicious server can put anything into an answer, such as a stored vector plus a number of its choice, and
    /// learn from the client's reaction. So nothing that the server can see should depend on the decrypted answer.
    /// This includes fetching the chunks that were found, stopping in the middle of an answer (use
    /// [`EncryptedDistances::skip_rest`]), and what the client sends next, if anything.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Rows`] if there are more rows than expected chunks.
    pub async fn search<'a>(&self, search: &Search<'a>) -> Result<EncryptedDistances<'a>, Error> {
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
        EncryptedDistances::open(self.host.clone(), response, search).await
    }
}

/// A stream of encrypted distances. Their chunks are checked, see [`Expected`].
#[derive(Debug)]
pub struct EncryptedDistances<'a> {
    host: String,
    response: Response,
    rows: Rows,
    len: u64,
    checker: Checker<'a>,
}

impl<'a> EncryptedDistances<'a> {
    async fn open(host: String, response: Response, search: &Search<'a>) -> Result<Self, Error> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some(MESSAGE_PACK) {
            let kind: String = kind.chars().take(40).collect();
            return Err(Error::reply(
                &host,
                format!("the distances have the content type {kind:?}, expected {MESSAGE_PACK}"),
            ));
        }
        let checker = |len| Checker::new(search.expected, search.range, search.filter.is_none(), len);
        let refused = |problem| Error::Rows { host: host.clone(), problem };
        let rows = Rows::new(search.key.parameters().ciphertext_bytes());
        let mut opened = Self { checker: checker(0).map_err(refused)?, host, response, rows, len: 0 };
        loop {
            if let Some(len) = opened.rows.left().map_err(|what| opened.malformed(what))? {
                opened.len = u64::from(len);
                opened.checker =
                    checker(opened.len).map_err(|problem| Error::Rows { host: opened.host.clone(), problem })?;
                return Ok(opened);
            }
            opened.receive().await?;
        }
    }

    /// Returns the total number of distances.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether there are no distances.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Receives up to `most` distances. Returns `None` after the last one.
    ///
    /// # Errors
    /// [`Error::Connection`] if the connection is lost; [`Error::Reply`] if the answer is incomplete or malformed;
    /// [`Error::Rows`] if its chunks are not the expected ones. Missing chunks are noticed only with the last block.
    pub async fn next_block(&mut self, most: usize) -> Result<Option<Block>, Error> {
        let mut block = Block::default();
        while block.chunk_ids.len() < most.max(1) && self.next_row(&mut block).await? {}
        if self.checker.has_failed() {
            // Reads on, so that the error has the total number of wrong rows.
            self.skip_rest().await?;
        }
        if self.rows.is_done() {
            self.check_end()?;
        }
        Ok((!block.chunk_ids.is_empty()).then_some(block))
    }

    /// Receives and discards the rest of the answer. Call it before stopping for a reason that the server must not
    /// learn, such as a distance that cannot be decrypted. Otherwise the server could tell at which row the client
    /// stopped.
    ///
    /// # Errors
    /// As [`EncryptedDistances::next_block`].
    pub async fn skip_rest(&mut self) -> Result<(), Error> {
        let mut row = Block::default();
        while self.next_row(&mut row).await? {
            row.chunk_ids.clear();
            row.integers.clear();
        }
        self.check_end()
    }

    fn check_end(&self) -> Result<(), Error> {
        if self.rows.has_more() {
            return Err(self.malformed("there are bytes after the last row"));
        }
        self.checker.checked(&self.host)
    }

    /// Receives the next row. Returns `false` after the last one.
    async fn next_row(&mut self, block: &mut Block) -> Result<bool, Error> {
        loop {
            if self.rows.next(block).map_err(|what| self.malformed(what))? {
                if let Some(chunk) = block.chunk_ids.last() {
                    self.checker.see(*chunk);
                }
                return Ok(true);
            }
            if self.rows.is_done() {
                return Ok(false);
            }
            self.receive().await?;
        }
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
