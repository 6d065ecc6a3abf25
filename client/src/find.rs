//! Complete searches: encrypts queries, decrypts distances, and optionally fetches and ranks the chunks that were
//! found.

use crate::chunks::Chunk;
use crate::error::Error;
use crate::expected::Expected;
use crate::http_store::HttpStore;
use crate::pushed::Pushed;
use crate::search::Search;
use hushvec::{BitMatrix, Ciphertext, ExecutionContext, HomomorphicClient, Id, IdRef, Neighbour, Progress, TopK};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;

/// Distances that are decrypted at a time. The server waits during decryption.
const BLOCK: usize = 2048;

/// What to fetch of the chunks that are found. Fetching reveals to the server which chunks these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Fetch {
    /// Nothing. The server does not learn what was found.
    #[default]
    Nothing,
    /// Names and metadata.
    Names,
    /// Names, metadata and content.
    Content,
}

/// Ranking by cosine similarity.
#[derive(Debug, Clone, Copy)]
pub struct Rerank<'a> {
    /// The number of candidates to fetch and rank, as a multiple of k.
    pub oversample: NonZeroUsize,
    /// The queries as real vectors, in the order of the encrypted queries.
    pub queries: &'a [Vec<f32>],
}

/// Options of a search.
#[derive(Debug, Clone, Copy)]
pub struct Find<'a> {
    /// The id of the knowledge base.
    pub knowledge_base: &'a str,
    /// The id of the context on the server.
    pub context_id: &'a str,
    /// The number of chunks to find for each query.
    pub k: usize,
    /// A metadata filter in MongoDB's syntax. `None` searches all chunks.
    pub filter: Option<&'a Value>,
    /// The first and the last chunk id to search, inclusive.
    pub range: Option<(u64, u64)>,
    /// The chunks that this client stored in the knowledge base. Answers are checked against it. With `None`, any
    /// chunks are accepted.
    pub pushed: Option<&'a Pushed>,
    /// What to fetch of the chunks that are found.
    pub fetch: Fetch,
    /// Fetches the embeddings of more candidates, and ranks these by cosine similarity.
    pub rerank: Option<Rerank<'a>>,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// Its id on the server.
    pub chunk: u64,
    /// The client's own id, if the list has one.
    pub id: Option<Id>,
    /// The Hamming distance to the query.
    pub distance: u32,
    /// The cosine similarity to the query, if candidates were ranked by it.
    pub cosine: Option<f32>,
    /// Its name, if it was fetched.
    pub name: Option<String>,
    /// Its metadata, if it was fetched.
    pub metadata: Option<Map<String, Value>>,
    /// Its content, if it was fetched. Empty if it was stored without content.
    pub content: Option<String>,
}

impl HttpStore {
    /// Finds the chunks nearest to each query, nearest first.
    ///
    /// # Security
    /// Without [`Find::fetch`] and [`Find::rerank`], nothing that is sent depends on an answer, so the server learns
    /// nothing even if it forges answers. An answer that cannot be decrypted is reported after the last query. With
    /// either option, the server sees which chunks are candidates. A server that forges distances then learns bits of
    /// stored vectors.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Chunk`] if a chunk has no embedding to rank by, or its embedding or content cannot be
    /// decrypted.
    pub async fn find(
        &self,
        context: &ExecutionContext,
        queries: &BitMatrix,
        find: &Find<'_>,
        progress: &Progress,
    ) -> Result<Vec<Vec<Found>>, Error> {
        if let Some(Rerank { queries: vectors, .. }) = find.rerank
            && vectors.len() != queries.len()
        {
            let reason = format!("there are {}, but {} encrypted queries", vectors.len(), queries.len());
            return Err(Error::Argument { what: "the queries to rank by", reason });
        }
        let candidates = find.rerank.map_or(find.k, |rerank| find.k.saturating_mul(rerank.oversample.get()));
        let encrypted = context.encrypt_vec_batch(queries)?;
        let (mut nearest, mut failure) = (Vec::new(), None);
        for query in encrypted.iter() {
            match self.nearest(context, &query, find, candidates, progress).await? {
                Ok(found) => nearest.push(found),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let Some(error) = failure {
            return Err(error.into());
        }
        let chunks = self.fetch(find, &nearest).await?;
        let ranked = nearest.into_iter().enumerate().map(|(query, neighbours)| {
            let found = neighbours.iter().map(|neighbour| self.found(context, find, neighbour, chunks.as_ref(), query));
            let mut found = found.collect::<Result<Vec<_>, _>>()?;
            // A stable sort: of two equal cosines, the nearer chunk comes first.
            found.sort_by(|a, b| b.cosine.partial_cmp(&a.cosine).unwrap_or(std::cmp::Ordering::Equal));
            found.truncate(find.k);
            Ok(found)
        });
        ranked.collect()
    }

    /// Finds the chunks nearest to a query. Errors of decryption are returned separately, in the inner result, because
    /// the server must not learn at which query or row they occurred.
    async fn nearest(
        &self,
        context: &ExecutionContext,
        query: &Ciphertext,
        find: &Find<'_>,
        k: usize,
        progress: &Progress,
    ) -> Result<Result<Vec<Neighbour>, hushvec::Error>, Error> {
        let Find { knowledge_base, context_id, filter, range, pushed, .. } = *find;
        let expected = pushed.map_or(Expected::Anything, Expected::Pushed);
        let key = context.public_key();
        let search = Search { knowledge_base, context_id, query, key, filter, range, expected };
        let mut answer = self.search(&search).await?;
        let mut nearest = TopK::new(k);
        while let Some(block) = answer.next_block(BLOCK).await? {
            progress.check()?;
            let distances = context.import(&block.integers);
            match distances.and_then(|distances| context.decode_hamming_client_batch(&distances)) {
                Ok(distances) => {
                    for (chunk, distance) in block.chunk_ids.iter().zip(distances) {
                        nearest.push(*chunk, distance);
                    }
                }
                Err(error) => {
                    answer.skip_rest().await?;
                    return Ok(Err(error));
                }
            }
            progress.add(block.chunk_ids.len() as u64);
        }
        Ok(Ok(nearest.into_sorted()))
    }

    /// Fetches the chunks that were found, and returns them by id. Returns `None` if there is nothing to fetch.
    async fn fetch(&self, find: &Find<'_>, nearest: &[Vec<Neighbour>]) -> Result<Option<HashMap<u64, Chunk>>, Error> {
        if find.fetch == Fetch::Nothing && find.rerank.is_none() {
            return Ok(None);
        }
        let fields = [
            (true, "chunk_id"),
            // Without a list, content and embeddings are bound to the name.
            (find.fetch >= Fetch::Names || find.pushed.is_none(), "name"),
            (find.fetch >= Fetch::Names, "meta_data"),
            (find.fetch >= Fetch::Content, "chunk_content"),
            (find.rerank.is_some(), "sealed_embedding"),
        ];
        let projection: Vec<&str> = fields.iter().filter(|(wanted, _)| *wanted).map(|(_, field)| *field).collect();
        let numbers = nearest.iter().flatten().filter_map(|neighbour| neighbour.id.as_ref().number());
        let numbers: Vec<u64> = numbers.collect::<BTreeSet<_>>().into_iter().collect();
        let chunks = self.chunks(find.knowledge_base, &numbers, &projection).await?;
        Ok(Some(chunks.into_iter().filter_map(|chunk| Some((chunk.chunk_id?, chunk))).collect()))
    }

    /// Builds the result for a chunk that was found by the query with index `query`.
    fn found(
        &self,
        context: &ExecutionContext,
        find: &Find<'_>,
        neighbour: &Neighbour,
        chunks: Option<&HashMap<u64, Chunk>>,
        query: usize,
    ) -> Result<Found, Error> {
        let chunk = neighbour.id.as_ref().number().unwrap_or_default();
        let id = find.pushed.and_then(|pushed| pushed.id(chunk)).map(IdRef::to_owned);
        let distance = neighbour.distance;
        let mut found = Found { chunk, id, distance, cosine: None, name: None, metadata: None, content: None };
        let Some(chunks) = chunks else { return Ok(found) };
        let wrong = |reason: &dyn std::fmt::Display| Error::Chunk {
            host: self.host().to_owned(),
            chunk,
            reason: reason.to_string(),
        };
        let fetched = chunks
            .get(&chunk)
            .ok_or_else(|| wrong(&"was found but cannot be fetched: the server did not return it"))?;
        // The name that the content was sealed for.
        let name = found.id.as_ref().map(ToString::to_string).or_else(|| fetched.name.clone());
        if let Some(vector) = find.rerank.and_then(|rerank| rerank.queries.get(query)) {
            let sealed = fetched.sealed_embedding.as_deref().filter(|sealed| !sealed.is_empty());
            let sealed = sealed.ok_or_else(|| {
                wrong(&"has no embedding to rank by; push it with one (--rerank-with, or rerank= in Python)")
            })?;
            let opened = context.open_embedding(name.as_deref().unwrap_or_default(), sealed);
            let cosine = opened.and_then(|embedding| embedding.cosine(vector));
            found.cosine = Some(cosine.map_err(|error| wrong(&format_args!("has an unusable embedding: {error}")))?);
        }
        if find.fetch >= Fetch::Names {
            found.name.clone_from(&fetched.name);
            found.metadata = Some(fetched.meta_data.clone());
        }
        if find.fetch >= Fetch::Content {
            let content = open(context, name.as_deref(), fetched);
            found.content =
                Some(content.map_err(|why| wrong(&format_args!("has content that cannot be decrypted: {why}")))?);
        }
        Ok(found)
    }
}

/// Decrypts the content of a chunk. It must have been sealed for the client's id of the chunk or, if that is not
/// known, for its name. Returns an empty string if the chunk was stored without content.
fn open(context: &ExecutionContext, name: Option<&str>, chunk: &Chunk) -> Result<String, String> {
    let sealed = chunk.chunk_content.as_deref().unwrap_or_default();
    if sealed.is_empty() {
        return Ok(String::new());
    }
    let content = match name {
        Some(name) => context.decrypt_content_for(name, sealed),
        None => context.decrypt_content(sealed),
    };
    let content = content.map_err(|error| error.to_string())?;
    std::str::from_utf8(&content).map(str::to_owned).map_err(|_| "it is not UTF-8 text".to_owned())
}
