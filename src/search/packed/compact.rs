//! Compaction of an index of packed search, by its owner.

use super::encoder::{Encoded, Encoder};
use super::index::PackedIndex;
use crate::atomic_file::AtomicFile;
use crate::destination::Content;
use crate::error::Error;
use crate::packed_context::owner::PackedContext;
use crate::progress::Progress;
use crate::rlwe::packed::PlainVectors;
use crate::search::ids::Ids;
use crate::search::index::compact::Compaction;
use crate::search::index::lock::LockedFile;
use crate::search::record_file::{Form, Header, vectors_head};
use std::path::Path;

impl PackedIndex {
    /// Rewrites an index without its deleted vectors, in full blocks and a tail of fewer than 4,096 rows, and replaces
    /// the file atomically. Vectors, their order and their ids stay the same.
    ///
    /// Full blocks before the first deleted vector or row of the tail are copied. All later vectors are decrypted, and
    /// encrypted again with new secrets. The file is left as it is if it has no deleted vectors, no rows that a block
    /// replaced, no remains of an interrupted append, and fewer than 4,096 rows in the tail. Processes that have the
    /// old file open continue to read it. Compaction needs free disk space for the new file. `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Io`]; [`Error::Format`] if the file is not an index of packed search, is damaged,
    /// or is being written to; [`Error::Random`]; [`Error::Cancelled`]. The old file is unchanged then. After
    /// [`Error::NotDurable`] the new file is in place.
    pub fn compact(path: &Path, context: &PackedContext, progress: &Progress) -> Result<Compaction, Error> {
        // Replaces the target of a symbolic link, not the link.
        let path = &path.canonicalize().map_err(Error::io("open", path))?;
        let locked = LockedFile::open(path)?;
        let metadata = locked.metadata().map_err(Error::io("read", path))?;
        let index = Self::open(path)?;
        index.check_key(context.public_id(), context.parameters())?;
        let (kept, removed, recovery) = (index.len(), index.deleted(), index.recovery());
        let per_block = context.parameters().vectors_per_block();
        let mut bytes_after = metadata.len();
        let replaced = index.index.file.replaced() > 0;
        if removed > 0 || recovery.is_some() || replaced || index.tail()? >= per_block as u64 {
            let mut file = index.rewrite(path, context, progress)?;
            file.set_permissions(metadata.permissions())?;
            // Read here, because nothing may fail after the new file is in place.
            bytes_after = file.bytes()?;
            file.finish()?;
        }
        Ok(Compaction { kept, removed, bytes_before: metadata.len(), bytes_after, recovery })
    }

    /// Writes the live vectors to a new file, which is not in place yet.
    fn rewrite(&self, path: &Path, context: &PackedContext, progress: &Progress) -> Result<AtomicFile, Error> {
        let next_number = self.index.next_number()?.unwrap_or(u64::MAX);
        let mut file = AtomicFile::create(path, Content::Index)?;
        file.write(&Header { next_number, ..self.header().clone() }.to_bytes())?;
        let mut packer = Packer { encoder: Encoder::of(context), file, waiting: None };
        let per_record = self.parameters().vectors_per_block();
        for number in 0..self.index.file.len() {
            progress.check()?;
            let block = self.block(number)?;
            let full = block.dead().is_empty() && block.vectors().is_multiple_of(per_record);
            if matches!(block.form(), Form::Records { .. }) && full && packer.waiting.is_none() {
                let records = bytemuck::cast_slice(block.records.limbs());
                packer.write(Encoded { form: Form::RECORDS, ids: &block.ids(), parts: &[records] })?;
            } else if self.index.file.live(number) > 0 {
                let (ids, plain) = self.live_plain(&packer.encoder, &block)?;
                packer.push(&ids, &plain)?;
            }
            progress.add(self.index.file.live(number));
        }
        packer.into_file()
    }
}

/// Collects decrypted vectors into full blocks.
struct Packer {
    encoder: Encoder,
    file: AtomicFile,
    /// Vectors that do not fill a block yet.
    waiting: Option<(Ids, PlainVectors)>,
}

impl Packer {
    fn push(&mut self, ids: &Ids, plain: &PlainVectors) -> Result<(), Error> {
        let (before, waiting) = match self.waiting.take() {
            Some((ids, plain)) => (ids, Some(plain)),
            None => (Ids::new(), None),
        };
        let mut all = PlainVectors::with_capacity(self.encoder.parameters(), before.len() + ids.len());
        if let Some(waiting) = waiting {
            self.encoder.push(&mut all, &waiting.as_vectors(), 0..before.len())?;
        }
        self.encoder.push(&mut all, &plain.as_vectors(), 0..ids.len())?;
        let mut all_ids = before;
        ids.iter().try_for_each(|id| all_ids.push(id))?;
        let per_block = self.encoder.parameters().vectors_per_block();
        let full = all_ids.len() / per_block * per_block;
        let file = &mut self.file;
        let write = |block: Encoded<'_>| write(file, block);
        self.encoder.blocks(&all.as_vectors(), 0..full, &all_ids.slice(0..full), Form::RECORDS, write)?;
        if full < all_ids.len() {
            let mut rest = PlainVectors::with_capacity(self.encoder.parameters(), all_ids.len() - full);
            self.encoder.push(&mut rest, &all.as_vectors(), full..all_ids.len())?;
            self.waiting = Some((all_ids.slice(full..all_ids.len()), rest));
        }
        Ok(())
    }

    fn write(&mut self, block: Encoded<'_>) -> Result<(), Error> {
        write(&mut self.file, block)
    }

    /// Writes the rest as rows, and returns the file.
    fn into_file(mut self) -> Result<AtomicFile, Error> {
        if let Some((ids, plain)) = self.waiting.take() {
            let file = &mut self.file;
            self.encoder.rows(&plain.as_vectors(), 0..ids.len(), &ids, |block| write(file, block))?;
        }
        Ok(self.file)
    }
}

/// Writes a block to a new file.
fn write(file: &mut AtomicFile, Encoded { form, ids, parts }: Encoded<'_>) -> Result<(), Error> {
    file.write(&vectors_head(form, 0, ids, parts))?;
    parts.iter().try_for_each(|part| file.write(part))?;
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    file.write(&[0; 64][..bytes.next_multiple_of(64) - bytes])
}
