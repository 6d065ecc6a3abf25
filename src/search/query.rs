//! Query files: encrypted queries for an evaluator.

use super::ids::Ids;
use super::record_file::{Header, Kind, MOST_VECTORS, WholeFile, records_block};
use super::schemes;
use crate::atomic_file::AtomicFile;
use crate::destination::Content;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::public_key::PublicKey;
use crate::paillier::validate;
use crate::query_id::QueryId;
use std::path::Path;

/// One or more encrypted query vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    vectors: Ciphertexts,
    id: Option<QueryId>,
}

impl Query {
    /// Creates a query from encrypted vectors, with a random id.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are no vectors or more than 65,536; [`Error::Random`].
    pub fn new(vectors: Ciphertexts) -> Result<Self, Error> {
        Self::of(vectors, Some(QueryId::random()?))
    }

    /// Creates a query from encrypted vectors with an existing id, so that several evaluators can share one query.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are no vectors or more than 65,536.
    pub fn with_id(vectors: Ciphertexts, id: QueryId) -> Result<Self, Error> {
        Self::of(vectors, Some(id))
    }

    fn of(vectors: Ciphertexts, id: Option<QueryId>) -> Result<Self, Error> {
        if vectors.is_empty() || vectors.len() > MOST_VECTORS {
            let limit = format!("it must be from 1 to {MOST_VECTORS}");
            return Err(Error::Parameter { name: "the number of queries", actual: vectors.len(), limit });
        }
        Ok(Self { vectors, id })
    }

    /// Returns the vectors.
    pub fn vectors(&self) -> &Ciphertexts {
        &self.vectors
    }

    /// Returns its random id, which responses repeat. `None` if it was read from a file in version 1 of the format.
    pub fn id(&self) -> Option<QueryId> {
        self.id
    }

    /// Writes the query to a file atomically.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::WrongKey`] if the vectors belong to another key.
    pub fn save(&self, path: &Path, key: &PublicKey) -> Result<(), Error> {
        key.check_id("the query", self.vectors.key_id())?;
        let mut file = AtomicFile::create(path, Content::Query)?;
        let header = schemes::header(Kind::Query, key, 1, self.vectors.len() as u64)?;
        // A query without an id stays in version 1 of the format.
        let scheme = header.scheme.filter(|_| self.id.is_some());
        file.write(&Header { query: self.id, scheme, ..header }.to_bytes())?;
        file.write(&records_block(0, &Ids::from(0..self.vectors.len() as u64), self.vectors.rows()))?;
        file.finish()
    }

    /// Reads a query from a file and checks each ciphertext.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is incomplete or not a query; [`Error::WrongKey`]; [`Error::Ciphertext`].
    pub(crate) fn load(path: &Path, key: &PublicKey, device: &OpenDevice) -> Result<Self, Error> {
        let file = WholeFile::open(path, Kind::Query, schemes::check)?;
        let read = || {
            schemes::check_key(file.header(), key)?;
            let (mut blocks, mut limbs) = (file.blocks(), Vec::new());
            while let Some(block) = blocks.next_block()? {
                limbs.extend_from_slice(block.records.limbs());
            }
            let vectors = Ciphertexts::from_limbs(key, limbs);
            validate::check_rows(key, device, vectors.rows(), 0)?;
            Self::of(vectors, file.header().query)
        };
        read().map_err(|error| error.in_file(path))
    }
}

#[cfg(feature = "owner")]
impl crate::context::ExecutionContext {
    /// Reads a query file and checks its ciphertexts, for [`Response::check_query`](crate::Response::check_query).
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is incomplete or not a query; [`Error::WrongKey`]; [`Error::Ciphertext`].
    pub fn load_query(&self, path: &Path) -> Result<Query, Error> {
        Query::load(path, self.public_key(), self.public_device())
    }
}
