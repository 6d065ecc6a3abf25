//! Moves an index to a key of packed search: from Paillier, or from another such key.

use super::encoder::Encoder;
use super::index::PackedIndex;
use super::writer::PackedIndexWriter;
use crate::context::ExecutionContext;
use crate::error::Error;
use crate::id::Id;
use crate::packed_context::owner::PackedContext;
use crate::progress::Progress;
use crate::rlwe::packed::{Metric, PlainVectors};
use crate::search::ids::Ids;
use crate::search::index::Index;
use crate::search::rekey::Rekeyed;
use std::path::Path;

/// The old index with its key.
enum Source<'a> {
    Paillier(&'a Index, &'a ExecutionContext),
    Packed(&'a PackedIndex, Encoder),
}

/// Vectors of a Paillier index that are decrypted at once.
const ROWS: usize = 4096;

impl PackedIndex {
    /// Decrypts every vector with `old`, encrypts it with `new`, and appends it to the index file `to`.
    ///
    /// Order and ids stay the same, and deleted vectors are left out. Plaintext vectors exist only in this process's
    /// memory, one block at a time, and are wiped.
    ///
    /// Finished vectors stay in `to` after an error or cancellation. With `resume`, rekeying continues after them,
    /// once it has checked that the ids in `to` and its last vector agree with this index. `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the index does not belong to `old`, or `to` not to `new`; [`Error::Unsupported`] if both
    /// contexts have the same key, or different metrics, lengths or dimensions; [`Error::Format`] if a file is damaged
    /// or `to` does not begin like this index; [`Error::Random`]; [`Error::Io`]; [`Error::Cancelled`].
    pub fn rekey(
        &self,
        old: &PackedContext,
        new: &PackedContext,
        to: &Path,
        resume: bool,
        progress: &Progress,
    ) -> Result<Rekeyed, Error> {
        self.check_key(old.public_id(), old.parameters())?;
        if old == new {
            let id = old.public_id();
            return refuse(format!("both contexts have the same key, {id}; give a context with another key"));
        }
        if old.parameters() != new.parameters() {
            return refuse(
                "the contexts have different metrics, lengths or dimensions; create the new one with the same ones"
                    .to_owned(),
            );
        }
        Source::Packed(self, Encoder::of(old)).rekey(new, to, resume, progress)
    }
}

impl Index {
    /// Like [`Index::rekey`], to a key of packed search for Hamming distances.
    ///
    /// # Errors
    /// As [`Index::rekey`]; [`Error::Unsupported`] if the new context has another metric or other dimensions.
    pub fn rekey_to_packed(
        &self,
        old: &ExecutionContext,
        new: &PackedContext,
        to: &Path,
        resume: bool,
        progress: &Progress,
    ) -> Result<Rekeyed, Error> {
        self.check_key(old.public_key())?;
        if new.parameters().metric() != Metric::Hamming || new.parameters().dimensions() != old.embed_len() {
            let dimensions = old.embed_len();
            return refuse(format!(
                "the index has bits of {dimensions} dimensions; create the new context with the metric hamming and \
                 {dimensions} dimensions"
            ));
        }
        Source::Paillier(self, old).rekey(new, to, resume, progress)
    }
}

impl Source<'_> {
    fn rekey(&self, new: &PackedContext, to: &Path, resume: bool, progress: &Progress) -> Result<Rekeyed, Error> {
        let (mut writer, recovery) =
            if resume { PackedIndexWriter::append_to(to, new)? } else { (PackedIndexWriter::create(to, new)?, None) };
        let skipped = writer.len();
        if skipped > 0 {
            self.check_ids(&PackedIndex::open(to)?)?;
        }
        let last = if skipped > 0 { PackedIndex::open(to)?.last_appended(new)? } else { None };
        let moved = self.rekey_from(skipped, last.as_ref(), new, &mut writer, progress);
        let synced = writer.sync();
        // The first error says what happened; after a failed sync, the next one only refers to it.
        let moved = moved?;
        synced?;
        Ok(Rekeyed { moved, skipped, recovery })
    }

    /// Moves the vectors from number `start` on. The one before it must be `last`.
    fn rekey_from(
        &self,
        start: u64,
        last: Option<&(Id, PlainVectors)>,
        new: &PackedContext,
        writer: &mut PackedIndexWriter,
        progress: &Progress,
    ) -> Result<u64, Error> {
        let mut first = 0;
        self.for_each_part(|ids, plain| {
            progress.check()?;
            let rows = ids.len() as u64;
            let skip = usize::try_from(start.saturating_sub(first).min(rows)).unwrap_or(ids.len());
            if let Some((_, last)) = last
                && skip > 0
                && first + skip as u64 == start
                && !plain.has(skip - 1, last, new.parameters())?
            {
                return Err(self.differs(start - 1, "content"));
            }
            if skip < ids.len() {
                let encoder = Encoder::of(new);
                let mut rest = PlainVectors::with_capacity(new.parameters(), ids.len() - skip);
                encoder.push(&mut rest, &plain.as_vectors(), skip..ids.len())?;
                writer.append(&rest.as_vectors(), Some(&ids.slice(skip..ids.len())))?;
                progress.add((ids.len() - skip) as u64);
            }
            first += rows;
            Ok(())
        })?;
        Ok(first.saturating_sub(start))
    }

    /// Passes all live vectors to `visit`, in parts.
    fn for_each_part(&self, mut visit: impl FnMut(&Ids, &PlainVectors) -> Result<(), Error>) -> Result<(), Error> {
        match self {
            Self::Packed(index, encoder) => {
                for number in 0..index.index.file.len() {
                    if index.index.file.live(number) > 0 {
                        let (ids, plain) = index.live_plain(encoder, &index.block(number)?)?;
                        visit(&ids, &plain)?;
                    }
                }
            }
            Self::Paillier(index, old) => {
                let mut first = 0;
                for block in index.live_blocks() {
                    let block = block?;
                    for from in (0..block.len()).step_by(ROWS) {
                        let until = block.len().min(from + ROWS);
                        let rows = block.rows().slice(from..until);
                        let decrypted = old.client().decrypt_vector_rows(old.secret_device(), rows, first);
                        let plain = PlainVectors::Bits(decrypted.map_err(|error| error.in_file(index.path()))?);
                        visit(&block.ids.slice(from..until), &plain)?;
                        first += (until - from) as u64;
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks that the new index begins with the ids of the old one.
    fn check_ids(&self, begun: &PackedIndex) -> Result<(), Error> {
        let old = match self {
            Self::Paillier(index, _) => index,
            Self::Packed(index, _) => &index.index,
        };
        let mut expected = old.live_ids().flat_map(each);
        for (row, id) in (0..).zip(begun.index.live_ids().flat_map(each)) {
            if expected.next().transpose()? != Some(id?) {
                return Err(self.differs(row, "id").in_file(begun.path()));
            }
        }
        Ok(())
    }

    fn differs(&self, row: u64, what: &str) -> Error {
        let path = match self {
            Self::Paillier(index, _) => index.path(),
            Self::Packed(index, _) => index.path(),
        };
        let reason = format!("vector {row} has another {what} than in {}", path.display());
        Error::format(format!("{reason}, so it cannot be resumed; write to another file"))
    }
}

fn each(ids: Result<Ids, Error>) -> Vec<Result<Id, Error>> {
    match ids {
        Ok(ids) => ids.iter().map(|id| Ok(id.to_owned())).collect(),
        Err(error) => vec![Err(error)],
    }
}

fn refuse<T>(reason: String) -> Result<T, Error> {
    Err(Error::Unsupported { operation: "moving an index to another key", reason })
}
