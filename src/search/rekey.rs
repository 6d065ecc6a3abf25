//! Moving an index from one key to another: both owners are the same person.

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

/// What [`Index::rekey`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rekeyed {
    /// Vectors decrypted and encrypted anew.
    pub moved: u64,
    /// Vectors that the new index had already.
    pub skipped: u64,
    /// What was cut off the new index: an append that had been cut short.
    pub recovery: Option<Recovery>,
}

impl Index {
    /// Decrypts every vector with `old` and encrypts it with `new` into the index file `to`, in the same order and under
    /// the same ids; what is deleted stays behind. Vectors are in the clear in this process's memory only, a block at a time, and are wiped.
    ///
    /// What is finished when it fails or is cancelled stays in `to`; with `resume` it goes on from there, after checking
    /// that the ids there and the last vector are those of this index. `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the index is not of `old`, or `to` not of `new`; [`Error::Unsupported`] if both are one key
    /// or of different dimensions; [`Error::Decode`], naming the ciphertext that holds no vector; [`Error::Format`] if a
    /// file is damaged or `to` is no beginning of this; [`Error::Random`]; [`Error::Io`]; [`Error::Cancelled`].
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
        writer.sync()?;
        Ok(Rekeyed { moved: moved?, skipped, recovery })
    }

    /// Moves the vectors from number `start` on.
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

    /// Whether `begun` holds what moving this index would have put there first.
    fn check_beginning(&self, begun: &Self, old: &ExecutionContext, new: &ExecutionContext) -> Result<(), Error> {
        let differs = |row: u64, what: &str| {
            let reason = format!("vector {row} has another {what} than in {}", self.path().display());
            Error::format(format!("{reason}, so this is no beginning of its copy")).in_file(begun.path())
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

/// Vectors decrypted and encrypted between two looks at the progress: some seconds' work at most.
fn rows_at_once(scheme: Scheme) -> usize {
    match scheme {
        Scheme::Paillier => 256,
        Scheme::PaillierLookup | Scheme::PaillierSubgroup => 2048,
    }
}

/// # Errors
/// [`Error::Unsupported`] if nothing can be moved from one to the other, or need not be.
fn check_pair(old: &ExecutionContext, new: &ExecutionContext) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::Unsupported { operation: "moving an index to another key", reason });
    if old == new {
        return refuse(format!("both contexts have the same key, {}", old.public_id()));
    }
    if old.embed_len() != new.embed_len() {
        let lengths = (old.embed_len(), new.embed_len());
        return refuse(format!("the old one is for {} dimensions, the new one for {}", lengths.0, lengths.1));
    }
    Ok(())
}
