//! Chunks on their way to a server, some at a time.

use crate::failure::Failure;
use crate::remote::Remote;
use hushvec::{ExecutionContext, Id, IdRef, Progress};
use hushvec_client::{MOST_CHUNKS, NewChunk, PushedWriter};
use serde_json::{Map, Value};

/// About how many bytes are sent at once, so that slow lines are not given up.
const MOST_BYTES: usize = 8 << 20;

/// What a chunk has beside its vector.
#[derive(Default)]
pub struct Content {
    sealed: String,
    metadata: Map<String, Value>,
}

impl Content {
    /// Seals text for the chunk of an id.
    pub fn seal(id: &Id, text: &str, metadata: Map<String, Value>, owner: &ExecutionContext) -> Result<Self, Failure> {
        Ok(Self { sealed: owner.encrypt_content_for(&id.to_string(), text.as_bytes())?, metadata })
    }
}

/// Collects chunks until there are enough to be sent.
pub struct Sender<'a> {
    remote: &'a Remote,
    kb: &'a str,
    context_id: &'a str,
    list: PushedWriter,
    progress: &'a Progress,
    waiting: Vec<NewChunk>,
    ids: Vec<Id>,
    bytes: usize,
    stored: u64,
    unlisted: u64,
}

impl<'a> Sender<'a> {
    pub fn new(
        remote: &'a Remote,
        kb: &'a str,
        context_id: &'a str,
        list: PushedWriter,
        progress: &'a Progress,
    ) -> Self {
        let (waiting, ids) = (Vec::new(), Vec::new());
        Self { remote, kb, context_id, list, progress, waiting, ids, bytes: 0, stored: 0, unlisted: 0 }
    }

    /// How many the server has.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// How many of them could not be listed, since the server did not tell their numbers.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// One more. Sends those before it, if it would be one too many.
    pub fn add(&mut self, id: IdRef<'_>, integer: &[u8], content: Content) -> Result<(), Failure> {
        let chunk = NewChunk::new(integer, content.sealed, content.metadata, Some(id.to_string()));
        if self.waiting.len() == MOST_CHUNKS || self.bytes + chunk.size() > MOST_BYTES {
            self.flush()?;
        }
        self.bytes += chunk.size();
        self.waiting.push(chunk);
        self.ids.push(id.to_owned());
        Ok(())
    }

    /// Sends those that wait.
    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.progress.check()?;
        let chunks = self.remote.wait(self.remote.store().insert(self.kb, self.context_id, &self.waiting))?;
        let sent = self.waiting.len() as u64;
        self.progress.add(sent);
        self.stored += sent;
        self.waiting.clear();
        self.bytes = 0;
        let ids = std::mem::take(&mut self.ids);
        if chunks.is_empty() {
            self.unlisted += sent;
            return Ok(());
        }
        Ok(self.list.add(chunks.into_iter().zip(ids.iter().map(Id::as_ref)))?)
    }
}
