//! Vectors on their way to a server, many at a time.

use crate::chunks::{MOST_CHUNKS, NewChunk, OnConflict};
use crate::error::Error;
use crate::http_store::HttpStore;
use crate::pushed::{PushedFile, PushedWriter};
use hushvec::{Embedding, ExecutionContext, Id, IdRef, Progress};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// About how many bytes are sent at once, so that slow lines are not given up.
const MOST_BYTES: usize = 8 << 20;

/// Where vectors are stored, and how.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// The id of the knowledge base.
    pub knowledge_base: &'a str,
    /// The id of the context that the vectors are encrypted with, which the server has.
    pub context_id: &'a str,
    /// What becomes of an id that is stored already.
    pub on_conflict: OnConflict,
    /// The list that what was stored is added to.
    pub list: &'a PushedFile,
}

/// What became of the vectors so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushing {
    /// How many are new on the server.
    pub stored: u64,
    /// How many took the place of others.
    pub replaced: u64,
    /// How many were there, and stayed.
    pub skipped: u64,
    /// How many could not be listed, since the server did not tell their numbers.
    pub unlisted: u64,
}

impl Pushing {
    /// How many the server has.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.stored + self.replaced + self.skipped
    }
}

/// What a chunk has beside its vector.
#[derive(Debug, Clone, Default)]
pub struct SealedContent {
    content: Option<String>,
    metadata: Option<Map<String, Value>>,
    embedding: Option<String>,
}

impl SealedContent {
    /// Text and metadata for the chunk of an id. The server can read the metadata.
    ///
    /// # Errors
    /// What sealing fails with.
    pub fn with_text(
        self,
        id: IdRef<'_>,
        text: &str,
        metadata: Map<String, Value>,
        owner: &ExecutionContext,
    ) -> Result<Self, Error> {
        let content = owner.encrypt_content_for(&id.to_string(), text.as_bytes())?;
        Ok(Self { content: Some(content), metadata: Some(metadata), ..self })
    }

    /// An embedding that candidates are ranked by.
    ///
    /// # Errors
    /// What sealing fails with.
    pub fn with_embedding(self, id: IdRef<'_>, embedding: &Embedding, owner: &ExecutionContext) -> Result<Self, Error> {
        Ok(Self { embedding: Some(owner.seal_embedding(&id.to_string(), embedding)?), ..self })
    }

    fn chunk(self, id: IdRef<'_>, integer: &[u8]) -> NewChunk {
        let mut chunk = NewChunk::new(integer).with_name(id.to_string());
        if let Some(content) = self.content {
            chunk = chunk.with_content(content);
        }
        if let Some(metadata) = self.metadata {
            chunk = chunk.with_metadata(metadata);
        }
        if let Some(embedding) = self.embedding {
            chunk = chunk.with_embedding(embedding);
        }
        chunk
    }
}

/// Collects vectors until there are enough to be sent.
#[derive(Debug)]
pub struct Pusher<'a> {
    store: &'a HttpStore,
    push: Push<'a>,
    list: PushedWriter,
    progress: &'a Progress,
    /// Ids that are stored and stay.
    listed: HashSet<Id>,
    waiting: Vec<NewChunk>,
    ids: Vec<Id>,
    bytes: usize,
    done: Pushing,
}

impl<'a> Pusher<'a> {
    /// Gets ready, and makes the list if there is none. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::List`] if the list cannot be used.
    pub fn new(store: &'a HttpStore, push: Push<'a>, progress: &'a Progress) -> Result<Self, Error> {
        let list = push.list.writer(push.knowledge_base, push.context_id)?;
        let listed = match push.on_conflict {
            OnConflict::Skip => list.ids().cloned().collect(),
            OnConflict::Error | OnConflict::Replace => HashSet::new(),
        };
        let (waiting, ids, bytes, done) = (Vec::new(), Vec::new(), 0, Pushing::default());
        Ok(Self { store, push, list, progress, listed, waiting, ids, bytes, done })
    }

    /// What became of the vectors so far.
    #[must_use]
    pub fn done(&self) -> Pushing {
        self.done
    }

    /// With [`OnConflict::Error`]: asks the server whether it has any of these ids, before anything is stored.
    ///
    /// # Errors
    /// [`Error::Name`] if it has.
    pub async fn check_new(&self, has: impl Fn(&str) -> bool) -> Result<(), Error> {
        if self.push.on_conflict != OnConflict::Error {
            return Ok(());
        }
        let names = self.store.names(self.push.knowledge_base, self.push.context_id).await?;
        let mut stored = names.iter().filter_map(|(_, name)| name.as_deref()).filter(|name| has(name));
        let Some(first) = stored.next() else { return Ok(()) };
        let first = short(first);
        let reason = match stored.count() {
            0 => format!("the id {first} is stored already; nothing was changed"),
            more => format!("the id {first} and {more} others are stored already; nothing was changed"),
        };
        Err(Error::Name { host: self.store.host().to_owned(), reason })
    }

    /// Whether a vector need not be added, since it is stored and stays. It counts as done then.
    pub fn pass_over(&mut self, id: IdRef<'_>) -> bool {
        let is_listed = !self.listed.is_empty() && self.listed.contains(&id.to_owned());
        if is_listed {
            self.done.skipped += 1;
            self.progress.add(1);
        }
        is_listed
    }

    /// One more, as a little-endian integer. Sends those before it, if it would be one too many.
    ///
    /// # Errors
    /// As [`Pusher::flush`].
    pub async fn add(&mut self, id: IdRef<'_>, integer: &[u8], content: SealedContent) -> Result<(), Error> {
        let chunk = content.chunk(id, integer);
        if self.waiting.len() == MOST_CHUNKS || self.bytes + chunk.size() > MOST_BYTES {
            self.flush().await?;
        }
        self.bytes += chunk.size();
        self.waiting.push(chunk);
        self.ids.push(id.to_owned());
        Ok(())
    }

    /// Sends those that wait.
    ///
    /// # Errors
    /// [`Error`]; what was sent before is stored and listed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.progress.check()?;
        let Push { knowledge_base, context_id, on_conflict, .. } = self.push;
        let stored = self.store.upsert(knowledge_base, context_id, &self.waiting, on_conflict).await?;
        let sent = self.waiting.len() as u64;
        self.progress.add(sent);
        self.done.replaced += stored.replaced.min(sent);
        self.done.skipped += stored.skipped.min(sent);
        self.done.stored += sent.saturating_sub(stored.replaced).saturating_sub(stored.skipped);
        self.waiting.clear();
        self.bytes = 0;
        let ids = std::mem::take(&mut self.ids);
        if stored.chunk_ids.is_empty() {
            self.done.unlisted += sent;
            return Ok(());
        }
        self.list.add(stored.chunk_ids.into_iter().zip(ids.iter().map(Id::as_ref)))
    }
}

/// The start of an id that a server sent.
fn short(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(64).collect()
}
