//! Deletes vectors by id.

use super::IndexWriter;
use crate::error::Error;
use crate::id::IdRef;
use crate::search::ids::Ids;
use crate::search::index::Index;
use crate::search::record_file::deletions_block;
use std::collections::HashSet;

impl IndexWriter {
    /// Deletes the vectors with these ids, all of them or, on error, none. Returns how many.
    ///
    /// Searches no longer return them, and their ids can be used again. Their ciphertexts stay in the file until
    /// [`Index::compact`].
    ///
    /// # Errors
    /// [`Error::UnknownId`] if no vector has an id; [`Error::Format`] if the index is damaged; [`Error::Io`].
    pub fn delete(&mut self, ids: &Ids) -> Result<u64, Error> {
        self.delete_rows(ids, true)
    }

    /// Like [`IndexWriter::delete`], but ignores ids that no vector has.
    ///
    /// # Errors
    /// [`Error::Format`] if the index is damaged; [`Error::Io`].
    pub fn delete_if_there(&mut self, ids: &Ids) -> Result<u64, Error> {
        self.delete_rows(ids, false)
    }

    fn delete_rows(&mut self, ids: &Ids, all: bool) -> Result<u64, Error> {
        let index = Index::open_checked(&self.path, self.check)?;
        let mut wanted: HashSet<IdRef<'_>> = ids.iter().collect();
        let mut vectors = Vec::new();
        for number in 0..index.blocks() {
            let block = index.file.block(number)?;
            let first = index.file.first_vector(number);
            let found = block.live_vectors().filter(|vector| wanted.remove(&block.id(*vector)));
            vectors.extend(found.map(|vector| first + vector as u64));
        }
        if all && let Some(id) = ids.iter().find(|id| wanted.contains(id)) {
            let error = Error::UnknownId { id: id.to_owned(), others: wanted.len() - 1 };
            return Err(error.in_file(&self.path));
        }
        if vectors.is_empty() {
            return Ok(0);
        }
        if u32::try_from(vectors.len()).is_err() {
            let limit = format!("the maximum is {} vectors at once", u32::MAX);
            return Err(Error::Parameter { name: "the number of deletions", actual: vectors.len(), limit });
        }
        self.write_block(&[&deletions_block(&vectors)])?;
        self.len -= vectors.len() as u64;
        if let Some(taken) = &mut self.taken {
            ids.iter().filter(|id| !wanted.contains(id)).for_each(|id| taken.remove(id));
        }
        Ok(vectors.len() as u64)
    }
}
