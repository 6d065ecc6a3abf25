//! Index files of packed search: blocks of up to 4,096 vectors, and a tail of sealed rows.

use super::layout::{self, Record};
use crate::error::Error;
use crate::id::{IdKind, IdRef};
use crate::paillier::public_key::PublicId;
use crate::rlwe::packed::Parameters;
use crate::search::ids::Ids;
use crate::search::index::writer::IndexWriter;
use crate::search::index::{Index, Recovery};
use crate::search::record_file::{Block, Form, Header, read_scheme};
use crate::search::schemes::PACKED;
use crate::search::shard::Shard;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// An index file of packed search, memory-mapped for reading.
///
/// Vectors are stored in full blocks of 4,096. Those that do not fill a block are in the *tail*: one AES-256-GCM
/// ciphertext each, which every response contains and the owner searches in the clear.
#[derive(Debug)]
pub struct PackedIndex {
    pub(super) index: Index,
    parameters: Parameters,
    /// Whether the residues of a block are known to be reduced, for each block.
    pub(super) checked: Box<[AtomicBool]>,
}

/// The result of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// Vectors that were deleted.
    pub deleted: u64,
    /// Vectors that are left.
    pub left: u64,
    /// The remains of an interrupted append, which were removed.
    pub recovery: Option<Recovery>,
}

impl PackedIndex {
    /// Opens an index file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is not an index of packed search, or is damaged before its last block.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let index = Index::open_checked(path, layout::check)?;
        let parameters = layout::parameters(index.file.header()).map_err(|error| error.in_file(path))?;
        let checked = (0..index.file.len()).map(|_| AtomicBool::new(false)).collect();
        Ok(Self { index, parameters, checked })
    }

    /// Returns whether a file is an index, a query or a response of packed search, by its header. Other files, damaged
    /// ones included, are not.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn is_at(path: &Path) -> Result<bool, Error> {
        Ok(read_scheme(path)? == Some(PACKED))
    }

    /// Returns the path of the file.
    pub fn path(&self) -> &Path {
        self.index.path()
    }

    /// Returns the public id of the key that encrypts the vectors.
    pub fn public_id(&self) -> PublicId {
        self.index.public_id()
    }

    /// Returns the metric and the number of dimensions.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns how many vectors it has, without the deleted ones.
    pub fn len(&self) -> u64 {
        self.index.len()
    }

    /// Returns whether it has no vectors, apart from deleted ones.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Returns how many vectors were appended since it was created or compacted, including deleted ones.
    pub fn appended(&self) -> u64 {
        self.index.appended()
    }

    /// Returns how many deleted vectors are in the file. Compaction removes them.
    pub fn deleted(&self) -> u64 {
        self.index.deleted()
    }

    /// Returns how many vectors are in the tail, without deleted ones.
    ///
    /// # Errors
    /// [`Error::Format`] if a block of the tail is damaged.
    pub fn tail(&self) -> Result<u64, Error> {
        let mut rows = 0;
        for number in self.row_blocks() {
            rows += self.index.file.block(number)?.live_vectors().count() as u64;
        }
        Ok(rows)
    }

    /// Returns the shard that this index holds, if it was created as a shard.
    pub fn shard(&self) -> Option<Shard> {
        self.index.shard()
    }

    /// Returns the kind of the ids; `None` if no vector was ever appended.
    ///
    /// # Errors
    /// [`Error::Format`] if the first block is damaged.
    pub fn id_kind(&self) -> Result<Option<IdKind>, Error> {
        self.index.id_kind()
    }

    /// Returns the size of the header and all complete blocks, in bytes.
    pub fn bytes(&self) -> u64 {
        self.index.bytes()
    }

    /// Returns the remains of an interrupted append, if any.
    pub fn recovery(&self) -> Option<Recovery> {
        self.index.recovery()
    }

    /// Calls `visit` with each id, in the order of the rows.
    ///
    /// # Errors
    /// [`Error::Format`] if a block is damaged; errors of `visit`.
    pub fn for_each_id(&self, visit: impl FnMut(IdRef<'_>) -> Result<(), Error>) -> Result<(), Error> {
        self.index.for_each_id(visit)
    }

    /// Deletes the vectors with these ids from the index file at `path`, all of them or, on error, none. Searches no
    /// longer return them; `PackedIndex::compact` removes them from the file.
    ///
    /// With `if_there`, ids that no vector has are ignored.
    ///
    /// # Errors
    /// [`Error::UnknownId`] if no vector has an id; [`Error::Format`] if the index is damaged, or another process is
    /// writing to it; [`Error::Io`].
    pub fn delete(path: &Path, ids: &Ids, if_there: bool) -> Result<Deletion, Error> {
        let (mut writer, recovery) = IndexWriter::open_checked(path, layout::check)?;
        let deleted = if if_there { writer.delete_if_there(ids)? } else { writer.delete(ids)? };
        writer.sync()?;
        Ok(Deletion { deleted, left: writer.len(), recovery })
    }

    /// Checks that the index belongs to a key.
    ///
    /// # Errors
    /// [`Error::WrongKey`], naming the file.
    pub(super) fn check_key(&self, key: PublicId, parameters: &Parameters) -> Result<(), Error> {
        layout::check_key(self.header(), key, parameters).map_err(|error| error.in_file(self.path()))
    }

    pub(super) fn header(&self) -> &Header {
        self.index.file.header()
    }

    /// Returns the numbers of the blocks of rows.
    pub(super) fn row_blocks(&self) -> impl Iterator<Item = usize> {
        (0..self.index.file.len()).filter(|number| self.index.file.is_rows(*number))
    }

    /// Returns the numbers of the blocks of records that have live vectors.
    pub(super) fn record_blocks(&self) -> impl Iterator<Item = usize> {
        let file = &self.index.file;
        (0..file.len()).filter(|number| !file.is_rows(*number) && file.live(*number) > 0)
    }

    /// Returns a block. Verifies its checksum the first time.
    pub(super) fn block(&self, number: usize) -> Result<Block<'_>, Error> {
        self.index.file.block(number)
    }

    /// Returns the records of a block.
    ///
    /// # Errors
    /// [`Error::Format`] if one is not valid.
    pub(super) fn records<'a>(&self, block: &Block<'a>) -> Result<Vec<Record<'a>>, Error> {
        debug_assert!(matches!(block.form(), Form::Records { .. }));
        let records = Record::all(block, &self.parameters);
        records.ok_or_else(|| {
            Error::format("a record has bytes that the format reserves; a newer hushvec may have written the file")
                .in_file(self.path())
        })
    }
}
