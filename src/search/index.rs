//! Index files: stored encrypted vectors with ids.

pub mod compact;
mod lock;
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

/// What opening an index found after its last whole block: an append that was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// Vectors that are whole, and kept.
    pub kept: u64,
    /// Bytes of the unfinished rest. Reading leaves them alone; the next append cuts them off.
    pub torn_bytes: u64,
}

/// An index, mapped into memory for reading. Costs no memory of its own to speak of, however large the file.
#[derive(Debug)]
pub struct Index {
    pub(super) file: RecordFile,
}

impl Index {
    /// Opens an index file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no index, or damaged before its last block.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_checked(path, schemes::check)
    }

    /// [`Index::open`] of schemes that `check` accepts.
    pub(super) fn open_checked(path: &Path, check: Check) -> Result<Self, Error> {
        Ok(Self { file: RecordFile::open(path, check)? })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The key that its vectors are encrypted with.
    pub fn public_id(&self) -> PublicId {
        self.file.header().key
    }

    /// Length of each prime of that key, in bits.
    pub fn key_len(&self) -> usize {
        schemes::key_len(self.file.header())
    }

    /// Dimensions of a vector.
    pub fn embedding_length(&self) -> usize {
        schemes::dimensions(self.file.header())
    }

    /// How many vectors, without those that are deleted.
    pub fn len(&self) -> u64 {
        self.file.vectors() - self.file.deleted()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many vectors are deleted but still in the file, until it is compacted.
    pub fn deleted(&self) -> u64 {
        self.file.deleted()
    }

    /// The part of an input that this index is, if it was begun as one.
    pub fn shard(&self) -> Option<Shard> {
        self.file.header().shard
    }

    /// What its ids are; `None` as long as it has had no vector.
    ///
    /// # Errors
    /// [`Error::Format`] if the first block is damaged.
    pub fn id_kind(&self) -> Result<Option<IdKind>, Error> {
        if self.file.len() == 0 {
            return Ok(None);
        }
        Ok(Some(self.file.block(0)?.id(0).kind()))
    }

    /// How many blocks.
    pub fn blocks(&self) -> usize {
        self.file.len()
    }

    /// Bytes in all blocks and the header.
    pub fn bytes(&self) -> u64 {
        self.file.end()
    }

    /// What an append that was cut short left behind, if any.
    pub fn recovery(&self) -> Option<Recovery> {
        let torn_bytes = self.file.torn_bytes();
        (torn_bytes > 0).then(|| Recovery { kept: self.len(), torn_bytes })
    }

    /// The vector of that row, counted from 0 over those that are not deleted, and its id. `None` behind the end.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the index is not of this key; [`Error::Format`] if its block is damaged.
    pub fn get(&self, key: &PublicKey, row: u64) -> Result<Option<(Id, Ciphertext)>, Error> {
        self.check_key(key)?;
        let Some((number, row)) = self.file.find(row) else { return Ok(None) };
        let block = self.file.block(number)?;
        Ok(block.record_of(row).map(|limbs| (block.id(row).to_owned(), Ciphertext::from_row(key.id(), limbs))))
    }

    /// The vector that was appended last, and its id, even if it has been deleted since: where a job that was cut short
    /// goes on.
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
    /// [`Error::Format`] if a block is damaged, and what `visit` fails with.
    pub fn for_each_id(&self, mut visit: impl FnMut(IdRef<'_>) -> Result<(), Error>) -> Result<(), Error> {
        for block in self.file.blocks() {
            let block = block?;
            block.live_vectors().try_for_each(|row| visit(block.id(row)))?;
        }
        Ok(())
    }

    /// All vectors as little-endian integers, block by block, with their ids: what `hushvec index export` writes.
    ///
    /// # Errors
    /// As [`Index::get`], and what `write` fails with.
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

    /// The ids of what is not deleted, block by block.
    pub(super) fn live_ids(&self) -> impl Iterator<Item = Result<Ids, Error>> {
        self.file.blocks().map(|block| Ok(block?.live_ids()))
    }

    /// What is not deleted, block by block. A block may have nothing left.
    pub(super) fn live_blocks(&self) -> impl Iterator<Item = Result<LiveBlock<'_>, Error>> {
        self.file.blocks().map(|block| block?.live().map_err(|error| error.in_file(self.path())))
    }

    /// The number after the highest that is or was an id here; `None` if there is no such number.
    fn next_number(&self) -> Result<Option<u64>, Error> {
        let mut next = Some(self.file.header().next_number);
        for block in self.file.blocks() {
            let block = block?;
            // Of a run the last is the highest.
            let first = if block.is_run() { block.vectors() - 1 } else { 0 };
            let highest = (first..block.vectors()).filter_map(|row| block.id(row).number()).max();
            if let Some(highest) = highest {
                next = next.and_then(|next| Some(next.max(highest.checked_add(1)?)));
            }
        }
        Ok(next)
    }

    /// # Errors
    /// [`Error::WrongKey`], naming the file.
    pub(super) fn check_key(&self, key: &PublicKey) -> Result<(), Error> {
        schemes::check_key(self.file.header(), key).map_err(|error| error.in_file(self.path()))
    }
}
