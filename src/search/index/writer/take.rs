//! The ids of appended vectors: given or numbered, and unique.

use super::IndexWriter;
use crate::error::Error;
use crate::id::IdKind;
use crate::search::ids::Ids;
use crate::search::index::Index;

impl IndexWriter {
    /// Takes the given ids for `count` vectors, or numbers them. Returns their ids.
    ///
    /// # Errors
    /// As [`IndexWriter::append`].
    pub(in crate::search) fn take_ids(&mut self, count: usize, ids: Option<&Ids>) -> Result<Ids, Error> {
        let ids = match ids {
            Some(ids) => ids.clone(),
            None => self.numbers(count).map_err(|error| error.in_file(&self.path))?,
        };
        self.take(count, &ids).map_err(|error| error.in_file(&self.path))?;
        Ok(ids)
    }

    /// Returns ids for vectors without given ids.
    fn numbers(&self, count: usize) -> Result<Ids, Error> {
        if self.kind == Some(IdKind::Strings) {
            return Err(Error::format("its ids are strings; give ids for these vectors too"));
        }
        let range = self.next_number.and_then(|first| Some(first..first.checked_add(count as u64)?));
        range
            .map(Ids::from)
            .ok_or_else(|| Error::format("no numbers are left after the highest id; give ids for these vectors"))
    }

    /// Checks the ids of `count` vectors and marks them as taken.
    fn take(&mut self, count: usize, ids: &Ids) -> Result<(), Error> {
        if ids.len() != count {
            return Err(Error::format(format!("{} ids were given for {count} vectors; give one for each", ids.len())));
        }
        if let (Some(kind), Some(id)) = (self.kind, ids.get(0))
            && kind != id.kind()
        {
            return Err(Error::BadId { number: 0, reason: format!("{id:?} among {kind}; give ids of one kind") });
        }
        let is_new = match (ids.run(), self.next_number) {
            (Some(first), Some(next)) => first >= next,
            _ => ids.is_empty(),
        };
        if is_new && self.taken.is_none() {
            return Ok(());
        }
        let taken = match &mut self.taken {
            Some(taken) => taken,
            None => self.taken.insert(Index::open_checked(&self.path, self.check)?.taken()?),
        };
        taken.insert_all(ids).map_err(|row| match ids.get(row) {
            Some(id) => Error::IdTaken { id: id.to_owned(), vector: row as u64 },
            None => Error::format("duplicate id"),
        })
    }
}
