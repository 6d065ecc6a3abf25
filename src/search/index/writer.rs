//! Appends to an index file and deletes from it.

mod delete;
mod take;

use super::lock::{LockedFile, lock};
use super::{Index, Recovery};
use crate::atomic_file::{self, AtomicFile};
use crate::bignum::batch::Rows;
use crate::destination::{self, Content};
use crate::error::Error;
use crate::id::{IdKind, IdRef};
use crate::paillier::ciphertext::Ciphertexts;
use crate::paillier::public_key::PublicKey;
use crate::search::ids::Ids;
use crate::search::record_file::{Check, Form, HEADER_BYTES, Header, Kind, vectors_head};
use crate::search::schemes;
use crate::search::shard::Shard;
use crate::search::taken::Taken;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Appends to an index file and deletes from it. The file is locked, so there is one writer at a time.
///
/// A block is on disk before the next one is written. After a crash of the program or the machine, all blocks but the
/// last are complete, and an incomplete last block is detected.
#[derive(Debug)]
pub struct IndexWriter {
    file: LockedFile,
    path: PathBuf,
    header: Header,
    /// The check that accepted the header.
    check: Check,
    len: u64,
    appended: u64,
    /// The end of the last complete block.
    end: u64,
    /// The kind of the ids, once there is one.
    kind: Option<IdKind>,
    /// The id of the next vector that is appended without an id.
    next_number: Option<u64>,
    /// All ids of the index. Read from the file when ids are given that it could already have.
    taken: Option<Taken>,
    state: State,
}

/// The state of the file beyond its complete blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    OnDisk,
    /// The last block may not be on disk yet.
    Unsynced,
    /// There may be an incomplete block after the end.
    Torn,
    /// A sync failed, so it is unknown which parts are on disk.
    Unknown,
}

impl IndexWriter {
    /// Creates a new index. The file must not exist.
    ///
    /// # Errors
    /// [`Error::Occupied`]; [`Error::Io`].
    pub fn create(path: &Path, key: impl AsRef<PublicKey>) -> Result<Self, Error> {
        Self::begin(path, schemes::header(Kind::Index, key.as_ref(), 1, 0)?, schemes::check)
    }

    /// Creates a new index for one shard of an input. [`Index::merge`] merges the shards.
    ///
    /// # Errors
    /// As [`IndexWriter::create`].
    pub fn create_shard(path: &Path, key: impl AsRef<PublicKey>, shard: Shard) -> Result<Self, Error> {
        let header = schemes::header(Kind::Index, key.as_ref(), 1, 0)?;
        Self::begin(path, Header { shard: Some(shard), ..header }, schemes::check)
    }

    /// Creates an index for the schemes that `check` accepts.
    pub(in crate::search) fn begin(path: &Path, header: Header, check: Check) -> Result<Self, Error> {
        destination::check_free(path)?;
        let mut file = AtomicFile::create(path, Content::Index)?;
        file.write(&header.to_bytes())?;
        lock(file.file(), path)?;
        let file = LockedFile::keep(file.finish_new().map_err(atomic_file::withdraw)?);
        let (path, end, next_number) = (path.to_owned(), HEADER_BYTES as u64, Some(header.next_number));
        Ok(Self {
            file,
            path,
            header,
            check,
            len: 0,
            appended: 0,
            end,
            kind: None,
            next_number,
            taken: None,
            state: State::OnDisk,
        })
    }

    /// Opens an index to append to it. Verifies all blocks first, and removes and reports the remains of an interrupted
    /// append.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is damaged or not an index; [`Error::WrongKey`].
    pub fn append_to(path: &Path, key: impl AsRef<PublicKey>) -> Result<(Self, Option<Recovery>), Error> {
        Self::open_if(path, schemes::check, |index| index.check_key(key.as_ref()))
    }

    /// Like [`IndexWriter::append_to`], for an index of any key, for example to delete from it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is damaged or not an index.
    pub fn open(path: &Path) -> Result<(Self, Option<Recovery>), Error> {
        Self::open_checked(path, schemes::check)
    }

    /// Like [`IndexWriter::open`], for the schemes that `check` accepts.
    pub(in crate::search) fn open_checked(path: &Path, check: Check) -> Result<(Self, Option<Recovery>), Error> {
        Self::open_if(path, check, |_| Ok(()))
    }

    fn open_if(
        path: &Path,
        check: Check,
        is_right: impl Fn(&Index) -> Result<(), Error>,
    ) -> Result<(Self, Option<Recovery>), Error> {
        let file = LockedFile::open(path)?;
        let index = Index::open_checked(path, check)?;
        is_right(&index)?;
        index.verify()?;
        let (recovery, len, end) = (index.recovery(), index.len(), index.bytes());
        let appended = index.appended();
        let (kind, next_number, header) = (index.id_kind()?, index.next_number()?, index.file.header().clone());
        drop(index);
        if recovery.is_some() {
            file.set_len(end).map_err(Error::io("truncate", path))?;
        }
        let (path, taken, state) = (path.to_owned(), None, State::Unsynced);
        Ok((Self { file, path, header, check, len, appended, end, kind, next_number, taken, state }, recovery))
    }

    /// Returns how many vectors the index has, without the deleted ones.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns how many vectors were appended since the index was created or compacted, including deleted ones.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// Returns the shard that this index holds, if it was created as a shard.
    pub fn shard(&self) -> Option<Shard> {
        self.header.shard
    }

    /// Returns whether the index has no vectors, apart from deleted ones.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends vectors as blocks. They survive a crash of the program, and after [`IndexWriter::sync`] also one of
    /// the machine. Without `ids`, vectors are numbered from 0, continuing after the highest number ever used as an
    /// id here.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if the number of ids differs from that of the vectors; [`Error::BadId`]
    /// if integer and string ids are mixed; [`Error::IdTaken`]; [`Error::Io`]. Vectors appended before are kept.
    pub fn append(&mut self, vectors: &Ciphertexts, ids: Option<&Ids>) -> Result<(), Error> {
        let (expected, actual) = (self.header.key.to_string(), vectors.key_id());
        if actual != self.header.key {
            return Err(Error::WrongKey { what: "the encrypted vectors", expected, actual: actual.to_string() });
        }
        self.append_records(vectors.rows(), vectors.len(), ids)
    }

    /// Like [`IndexWriter::append`], for any scheme: `vectors` vectors in records, all of them full except the last.
    pub(in crate::search) fn append_records(
        &mut self,
        records: Rows<'_>,
        vectors: usize,
        ids: Option<&Ids>,
    ) -> Result<(), Error> {
        if vectors == 0 && ids.is_none_or(Ids::is_empty) {
            return Ok(());
        }
        let layout = self.header.layout;
        let expected = layout.records(vectors) * layout.width();
        if records.limbs().len() != expected || records.width() != layout.width() {
            let actual = records.limbs().len();
            return Err(Error::Length { what: "the limbs of the records", expected, actual });
        }
        let ids = self.take_ids(vectors, ids)?;
        let at_once = layout.vectors_at_once();
        for (number, limbs) in records.limbs().chunks(layout.records(at_once) * layout.width()).enumerate() {
            let ids = ids.slice(number * at_once..(number + 1) * at_once);
            self.write_vectors(Form::RECORDS, 0, &ids, &[bytemuck::cast_slice(limbs)])?;
        }
        Ok(())
    }

    /// Forgets which ids are taken, after an error left ids that were not written. They are read again when needed.
    pub(in crate::search) fn forget_ids(&mut self) {
        self.taken = None;
    }

    /// Writes one block of vectors whose ids were taken, given by the bytes of its records or rows in several parts. The
    /// first `moved` vectors are rows that the index already has, and that these records replace.
    pub(in crate::search) fn write_vectors(
        &mut self,
        form: Form,
        moved: usize,
        ids: &Ids,
        records: &[&[u8]],
    ) -> Result<(), Error> {
        let head = vectors_head(form, 0, ids, records);
        let bytes = records.iter().map(|records| records.len()).sum::<usize>();
        let padding = &[0; 64][..bytes.next_multiple_of(64) - bytes];
        let parts: Vec<&[u8]> = [&*head].into_iter().chain(records.iter().copied()).chain([padding]).collect();
        if let Err(error) = self.write_block(&parts) {
            self.forget_ids();
            return Err(error);
        }
        self.len += (ids.len() - moved) as u64;
        self.appended += (ids.len() - moved) as u64;
        self.kind = ids.kind();
        let highest = ids
            .run()
            .map_or_else(|| ids.iter().filter_map(IdRef::number).max(), |first| Some(first + ids.len() as u64 - 1));
        if let Some(highest) = highest {
            self.next_number = self.next_number.and_then(|next| Some(next.max(highest.checked_add(1)?)));
        }
        Ok(())
    }

    /// Syncs everything written so far to disk.
    ///
    /// # Errors
    /// [`Error::Io`]. Nothing can be written after that: open the index again to find out which blocks it has.
    pub fn sync(&mut self) -> Result<(), Error> {
        match self.state {
            State::OnDisk => Ok(()),
            State::Unsynced | State::Torn => match self.file.sync_data() {
                Ok(()) if self.state == State::Torn => Ok(()),
                Ok(()) => {
                    self.state = State::OnDisk;
                    Ok(())
                }
                Err(error) => {
                    self.state = State::Unknown;
                    Err(Error::io("write", &self.path)(error))
                }
            },
            State::Unknown => {
                let reason = "an earlier sync failed, so it is unknown what is on disk; open the index again";
                Err(Error::format(reason).in_file(&self.path))
            }
        }
    }

    /// Syncs everything to disk and renames the index atomically. A file of the new name must not exist.
    ///
    /// # Errors
    /// [`Error::Io`]: the index has its old name. [`Error::NotDurable`]: it has its new name.
    pub fn rename(mut self, to: &Path) -> Result<(), Error> {
        self.sync()?;
        atomic_file::rename_new(&self.path, to)
    }

    /// Writes a block, given by its bytes in several parts.
    fn write_block(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        if self.state == State::Torn {
            self.file.set_len(self.end).map_err(Error::io("truncate", &self.path))?;
            self.state = State::Unsynced;
        }
        // Blocks must reach the disk in order: syncs the previous one before writing the next.
        self.sync()?;
        let written = self.file.seek(SeekFrom::Start(self.end));
        let written = written.and_then(|_| parts.iter().try_for_each(|part| self.file.write_all(part)));
        if let Err(error) = written {
            self.state = if self.file.set_len(self.end).is_ok() { State::Unsynced } else { State::Torn };
            return Err(Error::io("write", &self.path)(error));
        }
        self.end += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        self.state = State::Unsynced;
        Ok(())
    }
}
