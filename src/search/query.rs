//! Query files: encrypted queries on their way to an evaluator.

use super::ids::Ids;
use super::record_file::{Header, Kind, MOST_ROWS, RecordFile, records_block};
use crate::atomic_file::{Access, AtomicFile};
use crate::backend::Backend;
use crate::error::Error;
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::public_key::PublicKey;
use crate::paillier::validate;
use std::path::Path;

/// One or several encrypted query vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    vectors: Ciphertexts,
}

impl Query {
    /// A query of these encrypted vectors.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is none, or more than 65,536.
    pub fn new(vectors: Ciphertexts) -> Result<Self, Error> {
        if vectors.is_empty() || vectors.len() > MOST_ROWS {
            let limit = format!("must be from 1 to {MOST_ROWS}");
            return Err(Error::Parameter { name: "the number of queries", actual: vectors.len(), limit });
        }
        Ok(Self { vectors })
    }

    /// The vectors.
    pub fn vectors(&self) -> &Ciphertexts {
        &self.vectors
    }

    /// Writes them to a file, in one step.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::WrongKey`] if they are not of this key.
    pub fn save(&self, path: &Path, key: &PublicKey) -> Result<(), Error> {
        key.check_id("the query", self.vectors.key_id())?;
        let mut file = AtomicFile::create(path, Access::Public)?;
        file.write(&Header::new(Kind::Query, key, 1, self.vectors.len() as u64).to_bytes())?;
        file.write(&records_block(0, &Ids::from(0..self.vectors.len() as u64), self.vectors.rows()))?;
        file.finish()
    }

    /// Reads them from a file and checks each ciphertext.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no query or incomplete; [`Error::WrongKey`]; [`Error::Ciphertext`].
    pub(crate) fn load(path: &Path, key: &PublicKey, backend: &Backend) -> Result<Self, Error> {
        let file = RecordFile::open(path, Kind::Query)?;
        let read = || {
            file.header().check_key(key)?;
            file.check_complete()?;
            let mut limbs = Vec::new();
            for block in file.blocks() {
                limbs.extend_from_slice(block?.rows.limbs());
            }
            let vectors = Ciphertexts::from_limbs(key, limbs);
            validate::check_rows(key, backend, vectors.rows(), 0)?;
            Self::new(vectors)
        };
        read().map_err(|error| error.in_file(path))
    }
}
