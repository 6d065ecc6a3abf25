//! Response files: encrypted distances for the owner.

use super::ids::Ids;
use super::query::Query;
use super::record_file::{Header, Kind, WholeFile, records_block};
use super::schemes;
use crate::atomic_file::AtomicFile;
use crate::bignum::batch::Rows;
use crate::destination::Content;
use crate::error::Error;
use crate::paillier::public_key::{PublicId, PublicKey};
use crate::query_id::QueryId;
use std::path::Path;

/// The encrypted distances of every vector of an index to every query, read from a file block by block.
#[derive(Debug)]
pub struct Response {
    file: WholeFile,
}

impl Response {
    /// Opens a response file and checks its ids: they must be unique, and the same for all queries in the same order.
    /// The check takes up to 34 bytes of memory for each id that is not in a run of consecutive numbers.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is damaged, incomplete or not a response.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = WholeFile::open(path, Kind::Response, schemes::check)?;
        file.check_ids()?;
        Ok(Self { file })
    }

    /// Returns the id of the query that the response names. `None` if query or response is in version 1 of the format.
    pub fn query_id(&self) -> Option<QueryId> {
        self.file.header().query
    }

    /// Checks that it answers this query: compares the key, the query's id and the number of vectors.
    ///
    /// This detects mixed-up files. It does not detect a dishonest evaluator, which can repeat the id in a wrong
    /// response. A query in version 1 of the format has no id.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::WrongQuery`].
    pub fn check_query(&self, query: &Query) -> Result<(), Error> {
        let check = || {
            let (expected, actual) = (query.vectors().key_id(), self.public_id());
            if actual != expected {
                let [expected, actual] = [expected, actual].map(|id| id.to_string());
                return Err(Error::WrongKey { what: Kind::Response.name(), expected, actual });
            }
            let shown = |id: Option<QueryId>, vectors: usize| {
                let id = id.map_or_else(|| "without an id".to_owned(), |id| id.to_string());
                format!("{id} ({vectors} vector{})", if vectors == 1 { "" } else { "s" })
            };
            let (expected, actual) = ((query.id(), query.vectors().len()), (self.query_id(), self.queries()));
            if expected == actual {
                return Ok(());
            }
            Err(Error::WrongQuery { expected: shown(expected.0, expected.1), actual: shown(actual.0, actual.1) })
        };
        check().map_err(|error| error.in_file(self.file.path()))
    }

    /// Returns the public id of the key that encrypts the distances.
    pub fn public_id(&self) -> PublicId {
        self.file.header().key
    }

    /// Returns how many queries it answers.
    pub fn queries(&self) -> usize {
        self.file.header().groups
    }

    /// Returns how many distances there are for each query.
    pub fn len(&self) -> u64 {
        self.file.header().vectors
    }

    /// Returns whether the index was empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[cfg(feature = "owner")]
    pub(super) fn file(&self) -> &WholeFile {
        &self.file
    }
}

/// Writes a response file, which appears when it is finished.
pub(super) struct ResponseWriter {
    file: AtomicFile,
}

impl ResponseWriter {
    /// Starts a response to a query, with `rows` distances for each query vector.
    pub(super) fn create(path: &Path, key: &PublicKey, query: &Query, rows: u64) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path, Content::Response)?;
        let header = schemes::header(Kind::Response, key, query.vectors().len(), rows)?;
        file.write(&Header { query: query.id(), ..header }.to_bytes())?;
        Ok(Self { file })
    }

    /// Writes the distances of one block of an index to one query.
    pub(super) fn write(&mut self, query: usize, ids: &Ids, rows: Rows<'_>) -> Result<(), Error> {
        self.file.write(&records_block(query, ids, rows))
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        self.file.finish()
    }
}
