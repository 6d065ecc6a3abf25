//! Index files: encrypted vectors with ids.

pub mod compact;
pub(super) mod lock;
pub mod merge;
mod packer;
mod verify;
pub mod writer;

use super::ids::Ids;
use super::record_file::{Check, LiveBlock, RecordFile};
use super::schemes;
use super::shard::Shard;
use crate::error::Error;
use crate::id::{Id, IdKind, IdRef};
use crate::paillier::ciphertext::{Ciphertext, Ciphertexts};
use crate::paillier::public_key::{PublicId, PublicKey};
use std::path::Path;

/// An interrupted append, found after the last complete block when an index is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Vectors in complete blocks, which are kept.
    pub kept: u64,
    /// Bytes of the incomplete block. Reading ignores them; the next append removes them.
    pub torn_bytes: u64,
}

/// An index file, memory-mapped for reading. It takes almost no memory of its own, however large the file.
#[derive(Debug)]
pub struct Index {
    pub(super) file: RecordFile,
}

impl Index {
    /// Opens an index file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is not an index, or is damaged before its last block.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_checked(path, schemes::check)
    }

    /// Like [`Index::open`], for the schemes that `check` accepts.
    pub(super) fn open_checked(path: &Path, check: Check) -> Result<Self, Error> {
        Ok(Self { file: RecordFile::open(path, check)? })
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns the public id of the key that encrypts the vectors.
    pub fn public_id(&self) -> PublicId {
        self.file.header().key
    }

    /// Returns the length of each prime of the key, in bits.
    pub fn key_len(&self) -> usize {
        schemes::key_len(self.file.header())
    }

    /// Returns the dimensions of a vector.
    pub fn embedding_length(&self) -> usize {
        schemes::dimensions(self.file.header())
    }

    /// Returns how many vectors it has, without the deleted ones.
    pub fn len(&self) -> u64 {
        self.appended() - self.file.deleted()
    }

    /// Returns how many vectors were appended since it was created or compacted, including deleted ones.
    pub(super) fn appended(&self) -> u64 {
        self.file.vectors() - self.file.replaced()
    }

    /// Returns whether it has no vectors, apart from deleted ones.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many deleted vectors are in the file. Compaction removes them.
    pub fn deleted(&self) -> u64 {
        self.file.deleted()
    }

    /// Returns the shard that this index holds, if it was created as a shard.
    pub fn shard(&self) -> Option<Shard> {
        self.file.header().shard
    }

    /// Returns the kind of the ids; `None` if no vector was ever appended.
    ///
    /// # Errors
    /// [`Error::Format`] if the first block is damaged.
    pub fn id_kind(&self) -> Result<Option<IdKind>, Error> {
        if self.file.len() == 0 {
            return Ok(None);
        }
        Ok(Some(self.file.block(0)?.id(0).kind()))
    }

    /// Returns how many blocks of vectors it has.
    pub fn blocks(&self) -> usize {
        self.file.len()
    }

    /// Returns the size of the header and all complete blocks, in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.end()
    }

    /// Returns the remains of an interrupted append, if any.
    pub fn recovery(&self) -> Option<Recovery> {
        let torn_bytes = self.file.torn_bytes();
        (torn_bytes > 0).then(|| Recovery { kept: self.len(), torn_bytes })
    }

    /// Returns the vector at a row, counted from 0 without deleted vectors, and its id; `None` beyond the end.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the index belongs to another key; [`Error::Format`] if the block is damaged.
    pub fn get(&self, key: &PublicKey, row: u64) -> Result<Option<(Id, Ciphertext)>, Error> {
        self.check_key(key)?;
        let Some((number, row)) = self.file.find(row) else { return Ok(None) };
        let block = self.file.block(number)?;
        Ok(block.record_of(row).map(|limbs| (block.id(row).to_owned(), Ciphertext::from_row(key.id(), limbs))))
    }

    /// Returns the last appended vector and its id, even if it was deleted later. An interrupted job resumes after it.
    ///
    /// # Errors
    /// As [`Index::get`].
    pub fn last_appended(&self, key: &PublicKey) -> Result<Option<(Id, Ciphertext)>, Error> {
        self.check_key(key)?;
        let Some(number) = self.file.len().checked_sub(1) else { return Ok(None) };
        let block = self.file.block(number)?;
        let row = block.vectors() - 1;
        Ok(block.record_of(row).map(|limbs| (block.id(row).to_owned(), Ciphertext::from_row(key.id(), limbs))))
    }

    /// Calls `visit` with each id, in the order of the rows.
    ///
    /// # Errors
    /// [`Error::Format`] if a block is damaged; errors of `visit`.
    pub fn for_each_id(&self, mut visit: impl FnMut(IdRef<'_>) -> Result<(), Error>) -> Result<(), Error> {
        for block in self.file.blocks() {
            let block = block?;
            block.live_vectors().try_for_each(|row| visit(block.id(row)))?;
        }
        Ok(())
    }

    /// Passes all vectors to `write` as little-endian integers with their ids, block by block. `hushvec index export`
    /// writes these.
    ///
    /// # Errors
    /// As [`Index::get`]; errors of `write`.
    pub fn export(
        &self,
        key: &PublicKey,
        device: &crate::search::evaluator::Evaluator,
        mut write: impl FnMut(&Ids, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check_key(key)?;
        for block in self.live_blocks() {
            let block = block?;
            if !block.is_empty() {
                let ciphertexts = Ciphertexts::from_limbs(key, block.rows().limbs().to_vec());
                write(&block.ids, &ciphertexts.to_integers(key, device.open_device())?)?;
            }
        }
        Ok(())
    }

    /// Iterates over the ids that are not deleted, block by block.
    pub(super) fn live_ids(&self) -> impl Iterator<Item = Result<Ids, Error>> {
        self.file.blocks().map(|block| Ok(block?.live_ids()))
    }

    /// Iterates over the vectors that are not deleted, block by block. A block can be empty.
    pub(super) fn live_blocks(&self) -> impl Iterator<Item = Result<LiveBlock<'_>, Error>> {
        self.file.blocks().map(|block| block?.live().map_err(|error| error.in_file(self.path())))
    }

    /// Returns the number after the highest numeric id ever used in this index; `None` if it would overflow.
    pub(super) fn next_number(&self) -> Result<Option<u64>, Error> {
        let mut next = Some(self.file.header().next_number);
        for block in self.file.blocks() {
            let block = block?;
            // The last id of a run is the highest.
            let first = if block.is_run() { block.vectors() - 1 } else { 0 };
            let highest = (first..block.vectors()).filter_map(|row| block.id(row).number()).max();
            if let Some(highest) = highest {
                next = next.and_then(|next| Some(next.max(highest.checked_add(1)?)));
            }
        }
        Ok(next)
    }

    /// Checks that the index belongs to a key.
    ///
    /// # Errors
    /// [`Error::WrongKey`], naming the file.
    pub(super) fn check_key(&self, key: &PublicKey) -> Result<(), Error> {
        schemes::check_key(self.file.header(), key).map_err(|error| error.in_file(self.path()))
    }
}
