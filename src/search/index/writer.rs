//! Writing to an index file: appending and deleting.

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
use crate::search::record_file::{Check, HEADER_BYTES, Header, Kind, records_block};
use crate::search::schemes;
use crate::search::shard::Shard;
use crate::search::taken::Taken;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Appends to an index file and deletes from it. One writer at a time: the file is locked.
///
/// A block is on disk before the next one is written, so whenever machine or program stops, all blocks but the last are
/// whole, and the last one is whole or recognisably not.
#[derive(Debug)]
pub struct IndexWriter {
    file: LockedFile,
    path: PathBuf,
    header: Header,
    /// What the header was checked with.
    check: Check,
    len: u64,
    appended: u64,
    /// Where the last whole block ends.
    end: u64,
    /// What the ids are, once there is one.
    kind: Option<IdKind>,
    /// The id of the next vector that comes without one.
    next_number: Option<u64>,
    /// Read from the file when ids are given that could be there.
    taken: Option<Taken>,
    state: State,
}

/// What is known about the file beyond its whole blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    OnDisk,
    /// The last block may not be on disk yet.
    Unsynced,
    /// There may be a part of a block behind the end.
    Torn,
    /// The system could not put it on disk, and does not say what of it is.
    Unknown,
}

impl IndexWriter {
    /// Begins a new index. There must be no file of that name yet.
    ///
    /// # Errors
    /// [`Error::Occupied`]; [`Error::Io`].
    pub fn create(path: &Path, key: impl AsRef<PublicKey>) -> Result<Self, Error> {
        Self::begin(path, schemes::header(Kind::Index, key.as_ref(), 1, 0)?, schemes::check)
    }

    /// Begins a new index that is to hold a part of an input. [`Index::merge`] puts the parts together.
    ///
    /// # Errors
    /// As [`IndexWriter::create`].
    pub fn create_shard(path: &Path, key: impl AsRef<PublicKey>, shard: Shard) -> Result<Self, Error> {
        let header = schemes::header(Kind::Index, key.as_ref(), 1, 0)?;
        Self::begin(path, Header { shard: Some(shard), ..header }, schemes::check)
    }

    /// Begins an index of schemes that `check` accepts.
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

    /// Continues an index. All its blocks are verified first; the rest of an append that was cut short is cut off and
    /// reported.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no index or damaged; [`Error::WrongKey`].
    pub fn append_to(path: &Path, key: impl AsRef<PublicKey>) -> Result<(Self, Option<Recovery>), Error> {
        Self::open_if(path, schemes::check, |index| index.check_key(key.as_ref()))
    }

    /// [`IndexWriter::append_to`] an index of whatever key, such as for deleting.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no index or damaged.
    pub fn open(path: &Path) -> Result<(Self, Option<Recovery>), Error> {
        Self::open_checked(path, schemes::check)
    }

    /// [`IndexWriter::open`] of schemes that `check` accepts.
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
        let appended = index.file.vectors();
        let (kind, next_number, header) = (index.id_kind()?, index.next_number()?, index.file.header().clone());
        drop(index);
        if recovery.is_some() {
            file.set_len(end).map_err(Error::io("cut", path))?;
        }
        let (path, taken, state) = (path.to_owned(), None, State::Unsynced);
        Ok((Self { file, path, header, check, len, appended, end, kind, next_number, taken, state }, recovery))
    }

    /// How many vectors it has by now, without those that are deleted.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// How many vectors have been appended since it was begun or compacted, those included that are deleted.
    pub fn appended(&self) -> u64 {
        self.appended
    }

    /// The part of an input that this index is, if it was begun as one.
    pub fn shard(&self) -> Option<Shard> {
        self.header.shard
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends vectors as blocks, which are there after a crash of the program, and after [`IndexWriter::sync`] after
    /// one of the machine. `ids` are theirs, or they are numbered: from 0, and on from the highest number that has been
    /// an id here.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if there are too few or too many ids; [`Error::BadId`] if they are strings
    /// beside integers or the other way round; [`Error::IdTaken`]; [`Error::Io`]. What was appended before is kept.
    pub fn append(&mut self, vectors: &Ciphertexts, ids: Option<&Ids>) -> Result<(), Error> {
        let (expected, actual) = (self.header.key.to_string(), vectors.key_id());
        if actual != self.header.key {
            return Err(Error::WrongKey { what: "the encrypted vectors", expected, actual: actual.to_string() });
        }
        self.append_records(vectors.rows(), vectors.len(), ids)
    }

    /// [`IndexWriter::append`] for any scheme: so many vectors in records that are full but for the last one.
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
        let ids = match ids {
            Some(ids) => ids.clone(),
            None => self.numbers(vectors).map_err(|error| error.in_file(&self.path))?,
        };
        self.take(vectors, &ids).map_err(|error| error.in_file(&self.path))?;
        let at_once = layout.vectors_at_once();
        for (number, limbs) in records.limbs().chunks(layout.records(at_once) * layout.width()).enumerate() {
            let ids = ids.slice(number * at_once..(number + 1) * at_once);
            if let Err(error) = self.write_block(&records_block(0, &ids, Rows::new(limbs, layout.width()))) {
                // It holds ids that were not written.
                self.taken = None;
                return Err(error);
            }
            self.len += ids.len() as u64;
            self.appended += ids.len() as u64;
            self.kind = ids.kind();
            let highest = ids
                .run()
                .map_or_else(|| ids.iter().filter_map(IdRef::number).max(), |first| Some(first + ids.len() as u64 - 1));
            if let Some(highest) = highest {
                self.next_number = self.next_number.and_then(|next| Some(next.max(highest.checked_add(1)?)));
            }
        }
        Ok(())
    }

    /// Puts everything written so far on disk.
    ///
    /// # Errors
    /// [`Error::Io`]. After that nothing more can be written; opening the index again tells what is there.
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
                let reason = "an earlier write failed in a way that leaves open what is on disk; open the index again";
                Err(Error::format(reason).in_file(&self.path))
            }
        }
    }

    /// Puts everything on disk and gives the index another name, in one step. There must be no file of that name yet.
    ///
    /// # Errors
    /// [`Error::Io`], and the index has its old name; [`Error::NotDurable`], and it has its new one.
    pub fn rename(mut self, to: &Path) -> Result<(), Error> {
        self.sync()?;
        atomic_file::rename_new(&self.path, to)
    }

    fn write_block(&mut self, block: &[u8]) -> Result<(), Error> {
        if self.state == State::Torn {
            self.file.set_len(self.end).map_err(Error::io("cut", &self.path))?;
            self.state = State::Unsynced;
        }
        // A block that the disk has never seen must not stand before one that it has.
        self.sync()?;
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(block));
        if let Err(error) = written {
            self.state = if self.file.set_len(self.end).is_ok() { State::Unsynced } else { State::Torn };
            return Err(Error::io("write", &self.path)(error));
        }
        self.end += block.len() as u64;
        self.state = State::Unsynced;
        Ok(())
    }
}
