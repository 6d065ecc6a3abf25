//! Response files: encrypted distances on their way back to the owner.

use super::ids::Ids;
use super::query::Query;
use super::query_id::QueryId;
use super::record_file::{Header, Kind, WholeFile, records_block};
use super::schemes;
use crate::atomic_file::AtomicFile;
use crate::bignum::batch::Rows;
use crate::destination::Content;
use crate::error::Error;
use crate::paillier::public_key::{PublicId, PublicKey};
use std::path::Path;

/// Encrypted distances of every vector of an index to every query, read from a file block by block.
#[derive(Debug)]
pub struct Response {
    file: WholeFile,
}

impl Response {
    /// Opens a response file and checks its ids: all queries have the same, in the same order, and none is there twice. Ids
    /// that are no runs of numbers take up to 34 bytes of memory each meanwhile.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no response, damaged or incomplete.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = WholeFile::open(path, Kind::Response, schemes::check)?;
        file.check_ids()?;
        Ok(Self { file })
    }

    /// The id of the query that it says it answers. None if query or response is in version 1 of the format.
    pub fn query_id(&self) -> Option<QueryId> {
        self.file.header().query
    }

    /// Checks that it answers this query: its key, its id and the number of vectors. An evaluator that does not follow the
    /// protocol can repeat the id all the same: this tells mixed-up files, not a lie. A query in version 1 of the format has no id.
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

    /// The key that it is encrypted with.
    pub fn public_id(&self) -> PublicId {
        self.file.header().key
    }

    /// How many queries it answers.
    pub fn queries(&self) -> usize {
        self.file.header().groups
    }

    /// How many distances there are for each query.
    pub fn len(&self) -> u64 {
        self.file.header().vectors
    }

    /// Whether the index was empty.
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
    /// Begins a response to a query about `rows` vectors.
    pub(super) fn create(path: &Path, key: &PublicKey, query: &Query, rows: u64) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path, Content::Response)?;
        let header = schemes::header(Kind::Response, key, query.vectors().len(), rows)?;
        file.write(&Header { query: query.id(), ..header }.to_bytes())?;
        Ok(Self { file })
    }

    /// The distances of one block of an index to one query.
    pub(super) fn write(&mut self, query: usize, ids: &Ids, rows: Rows<'_>) -> Result<(), Error> {
        self.file.write(&records_block(query, ids, rows))
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        self.file.finish()
    }
}
