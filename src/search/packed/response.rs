//! Response files of packed search.

use super::layout::{self, ID_BYTES, note_bytes};
use super::query::PackedQuery;
use crate::error::Error;
use crate::paillier::public_key::PublicId;
use crate::query_id::QueryId;
use crate::rlwe::packed::{Parameters, Query};
use crate::search::record_file::{Kind, WholeFile};
use std::path::Path;

/// The encrypted scores of every vector of an index for every query, read from a file block by block.
#[derive(Debug)]
pub struct PackedResponse {
    file: WholeFile,
    parameters: Parameters,
    parts: Vec<Part>,
}

/// The part of a response that all answers to one query share.
#[derive(Debug)]
#[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
pub(super) struct Part {
    pub(super) query: QueryId,
    /// A0 and A1.
    pub(super) shared: Vec<u32>,
    /// The sealed note.
    pub(super) note: Vec<u8>,
}

impl PackedResponse {
    /// Opens a response file and checks its ids: they must be unique, and the same for all queries in the same order.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is damaged, incomplete or not a response of packed search.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = WholeFile::open(path, Kind::Response, layout::check)?;
        file.check_ids()?;
        let parameters = layout::parameters(file.header()).map_err(|error| error.in_file(path))?;
        let parts = file.shared_parts()?;
        if parts.len() != file.header().groups {
            return Err(Error::format("the parts of its queries are missing; copy the file again").in_file(path));
        }
        let bytes = layout::shared_bytes(&parameters);
        let read = |part: &Vec<u8>| Part::read(part, &parameters).filter(|_| part.len() == bytes);
        let parts: Option<Vec<Part>> = parts.iter().map(read).collect();
        let parts = parts
            .ok_or_else(|| Error::format("the part of a query is malformed; copy the file again").in_file(path))?;
        Ok(Self { file, parameters, parts })
    }

    /// Returns the id of the query file that it answers.
    pub fn query_id(&self) -> Option<QueryId> {
        self.file.header().query
    }

    /// Returns the public id of the key that encrypts the scores.
    pub fn public_id(&self) -> PublicId {
        self.file.header().key
    }

    /// Returns the metric and the number of dimensions.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns how many queries it answers.
    pub fn queries(&self) -> usize {
        self.file.header().groups
    }

    /// Returns how many scores of blocks there are for each query, including those of deleted vectors. The rows of the
    /// tail are not counted: see [`PackedResponse::tail`].
    pub fn len(&self) -> u64 {
        self.file.header().vectors
    }

    /// Returns whether there are no scores of blocks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many rows of the index's tail it contains, which the owner compares with each query.
    pub fn tail(&self) -> u64 {
        self.file.row_count()
    }

    /// Checks that it answers this query: compares the key, the query's id, and the ids of its vectors.
    ///
    /// This detects mixed-up files. It does not detect a dishonest evaluator.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::WrongQuery`].
    pub fn check_query(&self, query: &PackedQuery) -> Result<(), Error> {
        let check = || {
            if self.public_id() != query.public_id() {
                let [expected, actual] = [query.public_id(), self.public_id()].map(|id| id.to_string());
                return Err(Error::WrongKey { what: Kind::Response.name(), expected, actual });
            }
            let ids = self.parts.iter().map(|part| part.query);
            if self.query_id() == Some(query.id()) && ids.eq(query.queries.iter().map(Query::id)) {
                return Ok(());
            }
            let shown = |id: Option<QueryId>| id.map_or_else(|| "without an id".to_owned(), |id| id.to_string());
            Err(Error::WrongQuery { expected: shown(Some(query.id())), actual: shown(self.query_id()) })
        };
        check().map_err(|error| error.in_file(self.file.path()))
    }

    #[cfg(feature = "owner")]
    pub(super) fn file(&self) -> &WholeFile {
        &self.file
    }

    #[cfg(feature = "owner")]
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl Part {
    /// Reads a part of a response.
    fn read(bytes: &[u8], parameters: &Parameters) -> Option<Self> {
        let (shared, rest) = bytes.split_at_checked(parameters.shared_bytes())?;
        let (id, rest) = rest.split_first_chunk::<ID_BYTES>()?;
        let (note, padding) = rest.split_at_checked(note_bytes(parameters))?;
        let shared = shared.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let valid = padding.iter().all(|byte| *byte == 0);
        QueryId::from_bytes(*id).filter(|_| valid).map(|query| Self { query, shared, note: note.to_vec() })
    }
}
