//! Index files: stored encrypted vectors with ids.

use super::record_file::{HEADER_BYTES, Header, Kind, MOST_ROWS, RecordFile, block_bytes};
use crate::arith::batch::Rows;
use crate::atomic_file;
use crate::error::Error;
use crate::paillier::ciphertext::{Ciphertext, Ciphertexts};
use crate::paillier::public_key::{PublicId, PublicKey};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    file: RecordFile,
}

impl Index {
    /// Opens an index file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no index, or damaged before its last block.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self { file: RecordFile::open(path, Kind::Index)? })
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
        self.file.header().key_len
    }

    /// Dimensions of a vector.
    pub fn embedding_length(&self) -> usize {
        self.file.header().embedding_length
    }

    /// How many vectors.
    pub fn len(&self) -> u64 {
        self.file.records()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.file.len() == 0
    }

    /// How many blocks.
    pub fn blocks(&self) -> usize {
        self.file.len()
    }

    /// Bytes in all blocks and the header.
    pub fn bytes(&self) -> u64 {
        self.file.end() as u64
    }

    /// What an append that was cut short left behind, if any.
    pub fn recovery(&self) -> Option<Recovery> {
        let torn_bytes = self.file.torn_bytes() as u64;
        (torn_bytes > 0).then(|| Recovery { kept: self.len(), torn_bytes })
    }

    /// Verifies the checksum of every block.
    ///
    /// # Errors
    /// [`Error::Format`], naming the first block that is damaged.
    pub fn verify(&self) -> Result<(), Error> {
        self.file.blocks().try_for_each(|block| block.map(drop))
    }

    /// The vector of that row, counted from 0, and its id. `None` behind the end.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if the index is not of this key; [`Error::Format`] if its block is damaged.
    pub fn get(&self, key: &PublicKey, row: u64) -> Result<Option<(u64, Ciphertext)>, Error> {
        self.check_key(key)?;
        let Some((number, row)) = self.file.find(row) else { return Ok(None) };
        let block = self.file.block(number)?;
        Ok(block.rows.get(row).map(|limbs| (block.id(row), Ciphertext::from_row(key.id(), limbs))))
    }

    /// All vectors as little-endian integers, block by block, with their ids: what `hushvec index export` writes.
    ///
    /// # Errors
    /// As [`Index::get`], and what `write` fails with.
    pub fn export(
        &self,
        key: &PublicKey,
        backend: &crate::search::evaluator::Evaluator,
        mut write: impl FnMut(&[u64], &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.check_key(key)?;
        for block in self.file.blocks() {
            let block = block?;
            let ids: Vec<u64> = (0..block.rows.len()).map(|row| block.id(row)).collect();
            let ciphertexts = Ciphertexts::from_limbs(key, block.rows.limbs().to_vec());
            write(&ids, &ciphertexts.to_integers(key, backend.backend())?)?;
        }
        Ok(())
    }

    /// # Errors
    /// [`Error::WrongKey`], naming the file.
    pub(super) fn check_key(&self, key: &PublicKey) -> Result<(), Error> {
        self.file.header().check_key(key).map_err(|error| error.in_file(self.path()))
    }

    pub(super) fn file(&self) -> &RecordFile {
        &self.file
    }
}

/// Appends to an index file. One writer at a time: the file is locked.
#[derive(Debug)]
pub struct IndexWriter {
    file: File,
    path: PathBuf,
    key: Arc<PublicKey>,
    len: u64,
    /// Known once ids of one's own are used, to refuse an id that is taken.
    ids: Option<HashSet<u64>>,
}

impl IndexWriter {
    /// Begins a new index. There must be no file of that name yet.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path, key: Arc<PublicKey>) -> Result<Self, Error> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let mut file = file.map_err(Error::io("create", path))?;
        lock(&file, path)?;
        let header = Header::new(Kind::Index, &key, 1, 0);
        file.write_all(&header.to_bytes()).map_err(Error::io("write", path))?;
        file.sync_all().map_err(Error::io("write", path))?;
        atomic_file::sync_folder(path)?;
        Ok(Self { file, path: path.to_owned(), key, len: 0, ids: None })
    }

    /// Continues an index. All its blocks are verified first; the rest of an append that was cut short is cut off and
    /// reported.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no index or damaged; [`Error::WrongKey`].
    pub fn append_to(path: &Path, key: Arc<PublicKey>) -> Result<(Self, Option<Recovery>), Error> {
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
        lock(&file, path)?;
        let index = Index::open(path)?;
        index.check_key(&key)?;
        index.verify()?;
        let (recovery, len, end) = (index.recovery(), index.len(), index.file.end() as u64);
        let has_ids = index.file.blocks().any(|block| block.is_ok_and(|block| block.ids().is_some()));
        let ids = if has_ids { Some(ids_of(&index)?) } else { None };
        drop(index);
        file.set_len(end.max(HEADER_BYTES as u64)).map_err(Error::io("cut", path))?;
        file.seek(SeekFrom::End(0)).map_err(Error::io("write", path))?;
        Ok((Self { file, path: path.to_owned(), key, len, ids }, recovery))
    }

    /// How many vectors it has by now.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends vectors as blocks, which are there after a crash of the program, and after [`IndexWriter::sync`] after
    /// one of the machine. `ids` are theirs, or they get their row numbers.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if there are too few or too many ids, or one is taken; [`Error::Io`]. What
    /// was appended before is kept.
    pub fn append(&mut self, vectors: &Ciphertexts, ids: Option<&[u64]>) -> Result<(), Error> {
        self.key.check_id("the encrypted vectors", vectors.key_id())?;
        self.check_ids(vectors.len(), ids).map_err(|error| error.in_file(&self.path))?;
        let width = 2 * self.key.width();
        let mut done = 0;
        for records in vectors.rows().limbs().chunks(MOST_ROWS * width) {
            let rows = Rows::new(records, width);
            let ids = ids.map(|ids| &ids[done..done + rows.len()]);
            let block = block_bytes(0, self.len, ids, rows);
            self.file.write_all(&block).map_err(Error::io("write", &self.path))?;
            self.len += rows.len() as u64;
            done += rows.len();
        }
        Ok(())
    }

    /// Puts everything appended so far on disk.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<(), Error> {
        self.file.sync_data().map_err(Error::io("write", &self.path))
    }

    fn check_ids(&mut self, count: usize, ids: Option<&[u64]>) -> Result<(), Error> {
        let Some(ids) = ids else {
            // Row numbers beside ids of one's own could collide with them.
            let Some(taken) = &mut self.ids else { return Ok(()) };
            let mut numbers = self.len..self.len + count as u64;
            return match numbers.clone().find(|id| taken.contains(id)) {
                Some(id) => {
                    Err(Error::format(format!("the row number {id} is taken as an id; give ids for these too")))
                }
                None => {
                    taken.extend(&mut numbers);
                    Ok(())
                }
            };
        };
        if ids.len() != count {
            return Err(Error::format(format!("{} ids were given for {count} vectors", ids.len())));
        }
        let taken = match &mut self.ids {
            Some(taken) => taken,
            None => self.ids.insert((0..self.len).collect()),
        };
        for (i, id) in ids.iter().enumerate() {
            if !taken.insert(*id) {
                for id in &ids[..i] {
                    taken.remove(id);
                }
                return Err(Error::format(format!("the id {id} (vector {i}) is taken")));
            }
        }
        Ok(())
    }
}

fn ids_of(index: &Index) -> Result<HashSet<u64>, Error> {
    let mut ids = HashSet::new();
    for block in index.file.blocks() {
        let block = block?;
        ids.extend((0..block.rows.len()).map(|row| block.id(row)));
    }
    Ok(ids)
}

fn lock(file: &File, path: &Path) -> Result<(), Error> {
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => Error::format("another process is writing to this index").in_file(path),
        std::fs::TryLockError::Error(source) => Error::io("lock", path)(source),
    })
}
