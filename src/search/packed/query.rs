//! Query files of packed search.

use super::layout::{self, note_bytes, query_bytes};
use crate::atomic_file::AtomicFile;
use crate::destination::Content;
use crate::error::Error;
use crate::paillier::public_key::PublicId;
use crate::query_id::QueryId;
use crate::rlwe::packed::{Parameters, Query};
use crate::search::ids::Ids;
use crate::search::record_file::{Form, Header, Kind, WholeFile, vectors_block};
use std::path::Path;

/// The memory that the expanded queries of a file may take.
const EXPANDED_BYTES: usize = 512 << 20;

/// One or more encrypted query vectors for packed search. Each contains a sealed note for its owner, which responses
/// repeat.
#[derive(Debug, Clone)]
pub struct PackedQuery {
    pub(super) key: PublicId,
    parameters: Parameters,
    pub(super) id: QueryId,
    pub(super) queries: Vec<Query>,
    /// The sealed note of each query.
    pub(super) notes: Vec<Vec<u8>>,
}

/// Returns the maximum number of query vectors in a file: those that fit into 512 MiB when they are expanded.
pub(crate) fn most_queries(parameters: &Parameters) -> usize {
    (EXPANDED_BYTES / parameters.expanded_bytes()).clamp(1, 64)
}

impl PackedQuery {
    pub(super) fn new(
        key: PublicId,
        parameters: &Parameters,
        id: QueryId,
        queries: Vec<Query>,
        notes: Vec<Vec<u8>>,
    ) -> Result<Self, Error> {
        let most = most_queries(parameters);
        if queries.is_empty() || queries.len() > most {
            let dimensions = parameters.dimensions();
            let limit = format!("a query file holds from 1 to {most} queries of {dimensions} dimensions");
            return Err(Error::Parameter { name: "the number of queries", actual: queries.len(), limit });
        }
        Ok(Self { key, parameters: parameters.clone(), id, queries, notes })
    }

    /// Returns its random id, which responses repeat.
    pub fn id(&self) -> QueryId {
        self.id
    }

    /// Returns the public id of the key that encrypts it.
    pub fn public_id(&self) -> PublicId {
        self.key
    }

    /// Returns how many vectors it has, at least one.
    pub fn vectors(&self) -> usize {
        self.queries.len()
    }

    /// Returns the metric and the number of dimensions.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Writes the query to a file atomically.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Occupied`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let count = self.queries.len();
        let header = layout::header(Kind::Query, self.key, &self.parameters, 1, count as u64)?;
        let mut records = Vec::with_capacity(count * header.layout.record_bytes());
        for (i, (query, note)) in self.queries.iter().zip(&self.notes).enumerate() {
            records.extend(query.to_bytes());
            records.extend_from_slice(note);
            records.resize((i + 1) * header.layout.record_bytes(), 0);
        }
        let mut file = AtomicFile::create(path, Content::Query)?;
        file.write(&Header { query: Some(self.id), ..header }.to_bytes())?;
        file.write(&vectors_block(Form::RECORDS, 0, &Ids::from(0..count as u64), &records))?;
        file.finish()
    }

    /// Reads a query from a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is damaged, incomplete or not a query of packed search;
    /// [`Error::Parameter`] if it has too many vectors.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = WholeFile::open(path, Kind::Query, layout::check)?;
        let read = || {
            let header = file.header();
            let parameters = layout::parameters(header)?;
            let most = most_queries(&parameters);
            if header.vectors > most as u64 {
                let limit = format!("the maximum for its dimensions is {most}");
                let actual = usize::try_from(header.vectors).unwrap_or(usize::MAX);
                return Err(Error::Parameter { name: "the number of queries", actual, limit });
            }
            let (mut queries, mut notes, mut blocks) = (Vec::new(), Vec::new(), file.blocks());
            let used = query_bytes(&parameters);
            while let Some(block) = blocks.next_block()? {
                for record in block.records.iter() {
                    let (bytes, padding) = bytemuck::cast_slice(record).split_at_checked(used).unwrap_or_default();
                    let (query, note) = bytes.split_at_checked(used - note_bytes(&parameters)).unwrap_or_default();
                    if padding.iter().any(|byte| *byte != 0) {
                        return Err(Error::format("a query has padding that is not zero; copy the file again"));
                    }
                    queries.push(Query::from_bytes(&parameters, query)?);
                    notes.push(note.to_vec());
                }
            }
            let id = header.query.ok_or(Error::Missing("the query has no id"))?;
            Self::new(header.key, &parameters, id, queries, notes)
        };
        read().map_err(|error| error.in_file(path))
    }
}

/// Returns the bytes of the part of a response that all blocks share, for one query.
pub(super) fn shared_part(query: QueryId, shared: &[u32], note: &[u8], bytes: usize) -> Vec<u8> {
    let mut part = Vec::with_capacity(bytes);
    part.extend_from_slice(bytemuck::cast_slice(shared));
    part.extend_from_slice(query.as_bytes());
    part.extend_from_slice(note);
    debug_assert!(part.len() <= bytes);
    part.resize(bytes, 0);
    part
}
