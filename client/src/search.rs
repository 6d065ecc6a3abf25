//! Searching: an encrypted query goes out, encrypted distances come back.

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
    /// Which chunks may be in the answer.
    pub expected: Expected<'a>,
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
    /// # Security
    /// A malicious server can put anything into an answer, such as a stored vector that it has added a number to, and then
    /// learns from what the client does with it. So nothing that the server can see should depend on what an answer
    /// decrypts to: fetching the chunks that were found, giving up in the middle of an answer
    /// ([`EncryptedDistances::skip_rest`] prevents that), asking something else or not at all.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Rows`] if there are more rows than chunks that are expected.
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

/// Encrypted distances on their way here. Their chunks are checked: see [`Expected`].
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
            return Err(Error::reply(&host, format!("the distances come as {kind:?}, expected {MESSAGE_PACK}")));
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
    /// [`Error::Connection`] if the answer is cut short; [`Error::Reply`] if it is not what it should be; [`Error::Rows`] if
    /// its chunks are not those that are expected. Chunks that are missing are noticed with the last block only.
    pub async fn next_block(&mut self, most: usize) -> Result<Option<Block>, Error> {
        let mut block = Block::default();
        while block.chunk_ids.len() < most.max(1) && self.next_row(&mut block).await? {}
        if self.checker.has_failed() {
            // How many there are of what must not be there is worth knowing.
            self.skip_rest().await?;
        }
        if self.rows.is_done() {
            self.check_end()?;
        }
        Ok((!block.chunk_ids.is_empty()).then_some(block))
    }

    /// Receives what is left of the answer, and drops it. To be called before giving up for a reason that the server should
    /// not learn, such as a distance that does not decrypt: else it could tell where that was.
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
            return Err(self.malformed("there is something behind the last row"));
        }
        self.checker.checked(&self.host)
    }

    /// One more row, unless all have come.
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
