//! Index files of any scheme.

use crate::output;
use hushvec::{Error, IdKind, Index, PackedIndex, Recovery};
use std::path::Path;

/// An index file of any scheme.
pub enum IndexFile {
    Paillier(Index),
    Packed(PackedIndex),
}

impl IndexFile {
    pub fn open(path: &Path) -> Result<Self, Error> {
        if PackedIndex::is_at(path)? {
            return PackedIndex::open(path).map(Self::Packed);
        }
        Index::open(path).map(Self::Paillier)
    }

    pub fn path(&self) -> &Path {
        match self {
            Self::Paillier(index) => index.path(),
            Self::Packed(index) => index.path(),
        }
    }

    pub fn len(&self) -> u64 {
        match self {
            Self::Paillier(index) => index.len(),
            Self::Packed(index) => index.len(),
        }
    }

    pub fn deleted(&self) -> u64 {
        match self {
            Self::Paillier(index) => index.deleted(),
            Self::Packed(index) => index.deleted(),
        }
    }

    /// Returns how many vectors were appended, including deleted ones.
    pub fn appended(&self) -> u64 {
        self.len() + self.deleted()
    }

    pub fn id_kind(&self) -> Result<Option<IdKind>, Error> {
        match self {
            Self::Paillier(index) => index.id_kind(),
            Self::Packed(index) => index.id_kind(),
        }
    }

    pub fn recovery(&self) -> Option<Recovery> {
        match self {
            Self::Paillier(index) => index.recovery(),
            Self::Packed(index) => index.recovery(),
        }
    }

    /// Warns if the index ends in an unfinished block of an interrupted append.
    pub fn warn_if_torn(&self) {
        output::warn_if_unfinished(self.path(), self.recovery());
    }
}
