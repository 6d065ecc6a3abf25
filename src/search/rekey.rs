//! Re-encrypts an index under another key of the same owner.

use super::index::writer::IndexWriter;
use super::index::{Index, Recovery};
use crate::context::ExecutionContext;
use crate::error::Error;
use crate::id::Id;
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::client::HomomorphicClient;
use crate::paillier::parameters::Scheme;
use crate::progress::Progress;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The result of [`Index::rekey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rekeyed {
    /// Vectors that were re-encrypted.
    pub moved: u64,
    /// Vectors that the new index already had.
    pub skipped: u64,
    /// The remains of an interrupted append, which were removed from the new index.
    pub recovery: Option<Recovery>,
}

impl Index {
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
    /// contexts have the same key or different dimensions; [`Error::Decode`], naming a ciphertext that does not hold a
    /// vector; [`Error::Format`] if a file is damaged or `to` does not begin like this index; [`Error::Random`];
    /// [`Error::Io`]; [`Error::Cancelled`].
    pub fn rekey(
        &self,
        old: &ExecutionContext,
        new: &ExecutionContext,
        to: &Path,
        resume: bool,
        progress: &Progress,
    ) -> Result<Rekeyed, Error> {
        self.check_key(old.public_key())?;
        check_pair(old, new)?;
        let key = Arc::clone(new.public_key());
        let (mut writer, recovery) =
            if resume { IndexWriter::append_to(to, key)? } else { (IndexWriter::create(to, key)?, None) };
        let skipped = writer.len();
        if skipped > 0 {
            self.check_beginning(&Index::open(to)?, old, new)?;
        }
        let moved = self.rekey_from(skipped, old, new, &mut writer, progress);
        let synced = writer.sync();
        // The first error says what happened; after a failed sync, the next one only refers to it.
        let moved = moved?;
        synced?;
        Ok(Rekeyed { moved, skipped, recovery })
    }

    /// Re-encrypts the vectors from number `start` on.
    fn rekey_from(
        &self,
        start: u64,
        old: &ExecutionContext,
        new: &ExecutionContext,
        writer: &mut IndexWriter,
        progress: &Progress,
    ) -> Result<u64, Error> {
        let at_once = rows_at_once(old.scheme()).min(rows_at_once(new.scheme()));
        let mut record = 0;
        for block in self.live_blocks() {
            let block = block?;
            let rows = block.len();
            let mut from = usize::try_from(start.saturating_sub(record)).unwrap_or(usize::MAX).min(rows);
            while from < rows {
                progress.check()?;
                let until = rows.min(from + at_once);
                let vectors = old
                    .client()
                    .decrypt_vector_rows(old.secret_device(), block.rows().slice(from..until), record + from as u64)
                    .map_err(|error| error.in_file(self.path()))?;
                writer.append(&new.encrypt_vec_batch(&vectors)?, Some(&block.ids.slice(from..until)))?;
                progress.add((until - from) as u64);
                from = until;
            }
            record += rows as u64;
        }
        Ok(record - start)
    }

    /// Checks that `begun` is a beginning of the re-encrypted index: all its ids and its last vector agree.
    fn check_beginning(&self, begun: &Self, old: &ExecutionContext, new: &ExecutionContext) -> Result<(), Error> {
        let differs = |row: u64, what: &str| {
            let reason = format!("vector {row} has another {what} than in {}", self.path().display());
            Error::format(format!("{reason}, so it cannot be resumed; write to another file")).in_file(begun.path())
        };
        let mut ids = self.ids();
        for (row, id) in (0..).zip(begun.ids()) {
            if ids.next().transpose()? != Some(id?) {
                return Err(differs(row, "id"));
            }
        }
        let last = begun.len().saturating_sub(1);
        let vector = |index: &Self, context: &ExecutionContext| {
            let Some((_, vector)) = index.get(context.public_key(), last)? else { return Ok(None) };
            let vector = Ciphertexts::from_ciphertexts(context.public_key(), [&vector])?;
            let vector = context.decrypt_vec_batch(&vector).map_err(|error| error.in_file(index.path()))?;
            Ok::<_, Error>(vector.row(0).map(Zeroizing::new))
        };
        if vector(self, old)? == vector(begun, new)? { Ok(()) } else { Err(differs(last, "content")) }
    }

    fn ids(&self) -> impl Iterator<Item = Result<Id, Error>> {
        self.live_ids().flat_map(|ids| match ids {
            Ok(ids) => ids.iter().map(|id| Ok(id.to_owned())).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    }
}

/// Vectors re-encrypted between two checks for cancellation: a few seconds of work at most.
fn rows_at_once(scheme: Scheme) -> usize {
    match scheme {
        Scheme::Paillier => 256,
        Scheme::PaillierLookup | Scheme::PaillierSubgroup => 2048,
    }
}

/// Checks that vectors can be re-encrypted from one context to the other.
///
/// # Errors
/// [`Error::Unsupported`] if the contexts have the same key or different dimensions.
fn check_pair(old: &ExecutionContext, new: &ExecutionContext) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::Unsupported { operation: "moving an index to another key", reason });
    if old == new {
        return refuse(format!(
            "both contexts have the same key, {}; give a context with another key",
            old.public_id()
        ));
    }
    if old.embed_len() != new.embed_len() {
        let lengths = (old.embed_len(), new.embed_len());
        return refuse(format!(
            "the old context has {} dimensions, the new one {}; create the new one with the same embedding_length",
            lengths.0, lengths.1
        ));
    }
    Ok(())
}
