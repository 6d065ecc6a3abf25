//! Stores vectors on a server in batches.

use crate::chunks::{MOST_CHUNKS, NewChunk, OnConflict};
use crate::error::Error;
use crate::http_store::HttpStore;
use crate::pushed::{PushedFile, PushedWriter};
use hushvec::{Embedding, ExecutionContext, Id, IdRef, Progress};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The approximate maximum size of a request, in bytes. It keeps requests on slow connections below the timeout.
const MOST_BYTES: usize = 8 << 20;

/// Options of a push.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// The id of the knowledge base.
    pub knowledge_base: &'a str,
    /// The id of the context that the vectors are encrypted under. The server must have it.
    pub context_id: &'a str,
    /// What to do with ids that are already stored.
    pub on_conflict: OnConflict,
    /// The list to add stored chunks to.
    pub list: &'a PushedFile,
}

/// The counts of a push so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushing {
    /// The number of new vectors.
    pub stored: u64,
    /// The number of replaced vectors.
    pub replaced: u64,
    /// The number of vectors that already existed and were kept.
    pub skipped: u64,
    /// The number of vectors that are not in the list, because the server did not return their ids.
    pub unlisted: u64,
}

impl Pushing {
    /// Returns the number of vectors that the server has.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.stored + self.replaced + self.skipped
    }
}

/// The sealed content, metadata and sealed embedding of a chunk.
#[derive(Debug, Clone, Default)]
pub struct SealedContent {
    content: Option<String>,
    metadata: Option<Map<String, Value>>,
    embedding: Option<String>,
}

impl SealedContent {
    /// Seals a text for the chunk with this id, and adds metadata. The server can read the metadata.
    ///
    /// # Errors
    /// Errors of sealing.
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

    /// Seals an embedding for ranking.
    ///
    /// # Errors
    /// Errors of sealing.
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

/// Collects vectors and sends them in batches.
#[derive(Debug)]
pub struct Pusher<'a> {
    store: &'a HttpStore,
    push: Push<'a>,
    list: PushedWriter,
    progress: &'a Progress,
    /// Ids that are stored and must be skipped.
    listed: HashSet<Id>,
    waiting: Vec<NewChunk>,
    ids: Vec<Id>,
    bytes: usize,
    done: Pushing,
}

impl<'a> Pusher<'a> {
    /// Creates a pusher. Creates the list if needed, and sends nothing yet.
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

    /// Returns the counts so far.
    #[must_use]
    pub fn done(&self) -> Pushing {
        self.done
    }

    /// With [`OnConflict::Error`], checks before anything is stored that the server has none of these ids.
    ///
    /// # Errors
    /// [`Error::Name`] if it has one of them.
    pub async fn check_new(&self, has: impl Fn(&str) -> bool) -> Result<(), Error> {
        if self.push.on_conflict != OnConflict::Error {
            return Ok(());
        }
        let names = self.store.names(self.push.knowledge_base, self.push.context_id).await?;
        let mut stored = names.iter().filter_map(|(_, name)| name.as_deref()).filter(|name| has(name));
        let Some(first) = stored.next() else { return Ok(()) };
        let first = short(first);
        let reason = match stored.count() {
            0 => format!("the id {first} is already stored; nothing was changed"),
            more => format!("the id {first} and {more} others are already stored; nothing was changed"),
        };
        Err(Error::Name { host: self.store.host().to_owned(), reason })
    }

    /// Returns whether a vector can be skipped because it is stored and must be kept. Counts it if so.
    pub fn pass_over(&mut self, id: IdRef<'_>) -> bool {
        let is_listed = !self.listed.is_empty() && self.listed.contains(&id.to_owned());
        if is_listed {
            self.done.skipped += 1;
            self.progress.add(1);
        }
        is_listed
    }

    /// Adds a vector, as a little-endian integer. Sends the batch first if it is full.
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

    /// Sends the current batch.
    ///
    /// # Errors
    /// [`Error`]; earlier batches are stored and listed.
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

/// Shortens an id that a server sent, and removes control characters.
fn short(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(64).collect()
}
