//! Response files: encrypted distances on their way back to the owner.

use super::ids::Ids;
use super::record_file::{Header, Kind, RecordFile, records_block};
use crate::arith::batch::Rows;
use crate::atomic_file::{Access, AtomicFile};
use crate::error::Error;
use crate::paillier::public_key::{PublicId, PublicKey};
use std::path::Path;

/// Encrypted distances of every vector of an index to every query, mapped into memory.
#[derive(Debug)]
pub struct Response {
    file: RecordFile,
}

impl Response {
    /// Opens a response file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no response, damaged or incomplete.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = RecordFile::open(path, Kind::Response)?;
        file.check_complete()?;
        Ok(Self { file })
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
        self.file.header().rows
    }

    /// Whether the index was empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[cfg(feature = "owner")]
    pub(super) fn file(&self) -> &RecordFile {
        &self.file
    }
}

/// Writes a response file, which appears when it is finished.
pub(super) struct ResponseWriter {
    file: AtomicFile,
}

impl ResponseWriter {
    /// Begins a response to `queries` queries about `rows` vectors.
    pub(super) fn create(path: &Path, key: &PublicKey, queries: usize, rows: u64) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path, Access::Public)?;
        file.write(&Header::new(Kind::Response, key, queries, rows).to_bytes())?;
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
