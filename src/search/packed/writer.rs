//! Appends to index files of packed search.

use super::encoder::{Encoded, Encoder};
use super::index::PackedIndex;
use super::layout;
use crate::error::Error;
use crate::packed_context::owner::PackedContext;
use crate::rlwe::packed::{PlainVectors, Vectors};
use crate::search::ids::Ids;
use crate::search::index::Recovery;
use crate::search::index::writer::IndexWriter;
use crate::search::record_file::{Form, Header, Kind};
use crate::search::shard::Shard;
use std::path::{Path, PathBuf};

/// Appends to an index file of packed search. The file is locked, so there is one writer at a time.
///
/// Vectors that fill blocks of 4,096 are encrypted together. The rest is appended to the tail. When the tail and the
/// appended vectors together fill a block, the block replaces the tail.
///
/// A block is on disk before the next one is written. After a crash of the program or the machine, all blocks but the
/// last are complete, and an incomplete last block is detected.
#[derive(Debug)]
pub struct PackedIndexWriter {
    writer: IndexWriter,
    encoder: Encoder,
    path: PathBuf,
    /// Vectors in the tail, without deleted ones.
    tail: usize,
}

impl PackedIndexWriter {
    /// Creates a new index. The file must not exist.
    ///
    /// # Errors
    /// [`Error::Occupied`]; [`Error::Io`].
    pub fn create(path: &Path, context: &PackedContext) -> Result<Self, Error> {
        Self::begin(path, context, None)
    }

    /// Creates a new index for one shard of an input. [`PackedIndex::merge`] merges the shards.
    ///
    /// # Errors
    /// As [`PackedIndexWriter::create`].
    pub fn create_shard(path: &Path, context: &PackedContext, shard: Shard) -> Result<Self, Error> {
        Self::begin(path, context, Some(shard))
    }

    fn begin(path: &Path, context: &PackedContext, shard: Option<Shard>) -> Result<Self, Error> {
        let header = layout::header(Kind::Index, context.public_id(), context.parameters(), 1, 0)?;
        let writer = IndexWriter::begin(path, Header { shard, ..header }, layout::check)?;
        Ok(Self { writer, encoder: Encoder::of(context), path: path.to_owned(), tail: 0 })
    }

    /// Opens an index to append to it. Verifies all blocks first, and removes and reports the remains of an interrupted
    /// append.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is damaged or not an index of packed search; [`Error::WrongKey`].
    pub fn append_to(path: &Path, context: &PackedContext) -> Result<(Self, Option<Recovery>), Error> {
        PackedIndex::open(path)?.check_key(context.public_id(), context.parameters())?;
        let (writer, recovery) = IndexWriter::open_checked(path, layout::check)?;
        let mut writer = Self { writer, encoder: Encoder::of(context), path: path.to_owned(), tail: 0 };
        // Again, because the file could have been replaced before it was locked.
        writer.open_index()?.check_key(context.public_id(), context.parameters())?;
        writer.count_tail()?;
        Ok((writer, recovery))
    }

    /// Returns how many vectors the index has, without the deleted ones.
    pub fn len(&self) -> u64 {
        self.writer.len()
    }

    /// Returns whether the index has no vectors, apart from deleted ones.
    pub fn is_empty(&self) -> bool {
        self.writer.is_empty()
    }

    /// Returns how many vectors were appended since the index was created or compacted, including deleted ones.
    pub fn appended(&self) -> u64 {
        self.writer.appended()
    }

    /// Returns how many vectors are in the tail, without deleted ones. There is no tail after an append that fills its
    /// last block of [`Parameters::vectors_per_block`](crate::packed::Parameters::vectors_per_block).
    pub fn tail(&self) -> usize {
        self.tail
    }

    /// Returns the shard that this index holds, if it was created as a shard.
    pub fn shard(&self) -> Option<Shard> {
        self.writer.shard()
    }

    /// Appends vectors. They survive a crash of the program, and after [`PackedIndexWriter::sync`] also one of the
    /// machine. Without `ids`, vectors are numbered from 0, continuing after the highest number ever used as an id
    /// here.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotANumber`] or [`Error::Unsupported`] for vectors that do not suit the key;
    /// [`Error::Format`] if the number of ids differs from that of the vectors; [`Error::BadId`] if integer and string
    /// ids are mixed; [`Error::IdTaken`]; [`Error::Random`]; [`Error::Io`]. Blocks written before are kept.
    pub fn append(&mut self, vectors: &Vectors<'_>, ids: Option<&Ids>) -> Result<(), Error> {
        let rows = vectors.rows(self.encoder.parameters())?;
        if rows == 0 && ids.is_none_or(Ids::is_empty) {
            return Ok(());
        }
        let ids = self.writer.take_ids(rows, ids)?;
        let appended = self.append_taken(vectors, rows, &ids);
        if appended.is_err() {
            self.writer.forget_ids();
        }
        appended
    }

    fn append_taken(&mut self, vectors: &Vectors<'_>, rows: usize, ids: &Ids) -> Result<(), Error> {
        let per_block = self.encoder.parameters().vectors_per_block();
        let mut done = 0;
        // A merge can leave a longer tail, which only a compaction packs.
        if self.tail > 0 && self.tail < per_block && self.tail + rows >= per_block {
            done = per_block - self.tail;
            self.replace_tail(vectors, done, ids)?;
        }
        let full = done + (rows - done) / per_block * per_block;
        let writer = &mut self.writer;
        let write = |block: Encoded<'_>| writer.write_vectors(block.form, 0, block.ids, block.parts);
        self.encoder.blocks(vectors, done..full, &ids.slice(done..full), Form::RECORDS, write)?;
        let writer = &mut self.writer;
        let write = |block: Encoded<'_>| writer.write_vectors(block.form, 0, block.ids, block.parts);
        self.encoder.rows(vectors, full..rows, &ids.slice(full..rows), write)?;
        self.tail += rows - full;
        Ok(())
    }

    /// Writes a block with the vectors of the tail and the first `rows` of `vectors`.
    fn replace_tail(&mut self, vectors: &Vectors<'_>, rows: usize, ids: &Ids) -> Result<(), Error> {
        let index = self.open_index()?;
        let mut all = PlainVectors::with_capacity(self.encoder.parameters(), self.tail + rows);
        let mut all_ids = Ids::new();
        for number in index.row_blocks() {
            let (ids, plain) = index.live_plain(&self.encoder, &index.block(number)?)?;
            self.encoder.push(&mut all, &plain.as_vectors(), 0..ids.len())?;
            ids.iter().try_for_each(|id| all_ids.push(id))?;
        }
        let moved = all_ids.len();
        self.encoder.push(&mut all, vectors, 0..rows)?;
        ids.slice(0..rows).iter().try_for_each(|id| all_ids.push(id))?;
        let (form, writer) = (Form::Records { replaces_rows: true }, &mut self.writer);
        let write = |block: Encoded<'_>| writer.write_vectors(block.form, moved, block.ids, block.parts);
        self.encoder.blocks(&all.as_vectors(), 0..all_ids.len(), &all_ids, form, write)?;
        self.tail = 0;
        Ok(())
    }

    /// Deletes the vectors with these ids, all of them or, on error, none. Returns how many.
    ///
    /// # Errors
    /// As [`PackedIndex::delete`].
    pub fn delete(&mut self, ids: &Ids) -> Result<u64, Error> {
        let deleted = self.writer.delete(ids)?;
        self.count_tail()?;
        Ok(deleted)
    }

    /// Like [`PackedIndexWriter::delete`], but ignores ids that no vector has.
    ///
    /// # Errors
    /// As [`PackedIndex::delete`].
    pub fn delete_if_there(&mut self, ids: &Ids) -> Result<u64, Error> {
        let deleted = self.writer.delete_if_there(ids)?;
        self.count_tail()?;
        Ok(deleted)
    }

    /// Syncs everything written so far to disk.
    ///
    /// # Errors
    /// [`Error::Io`]. Nothing can be written after that: open the index again to find out which blocks it has.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.writer.sync()
    }

    /// Syncs everything to disk and renames the index atomically. A file of the new name must not exist.
    ///
    /// # Errors
    /// [`Error::Io`]: the index has its old name. [`Error::NotDurable`]: it has its new name.
    pub fn rename(self, to: &Path) -> Result<(), Error> {
        self.writer.rename(to)
    }

    fn open_index(&self) -> Result<PackedIndex, Error> {
        PackedIndex::open(&self.path)
    }

    fn count_tail(&mut self) -> Result<(), Error> {
        self.tail = usize::try_from(self.open_index()?.tail()?).unwrap_or(usize::MAX);
        Ok(())
    }
}
