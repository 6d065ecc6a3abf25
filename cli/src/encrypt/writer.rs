//! Writers of indexes of any scheme.

use super::encryptor::Encryptor;
use crate::input::Block;
use crate::packed::vectors::Owned;
use hushvec::{Error, Ids, IndexWriter, PackedIndexWriter, Recovery, Shard};
use std::path::Path;

/// Appends to an index of the scheme of a context.
pub enum Writer {
    Paillier(Box<IndexWriter>),
    Packed(Box<PackedIndexWriter>),
}

impl Writer {
    fn packed(writer: PackedIndexWriter) -> Self {
        Self::Packed(Box::new(writer))
    }

    fn paillier(writer: IndexWriter) -> Self {
        Self::Paillier(Box::new(writer))
    }

    /// Creates an index, or one for a shard.
    pub fn create(path: &Path, encryptor: &Encryptor, shard: Option<Shard>) -> Result<Self, Error> {
        match (encryptor, shard) {
            (Encryptor::Packed(context), Some(shard)) => {
                PackedIndexWriter::create_shard(path, context, shard).map(Self::packed)
            }
            (Encryptor::Packed(context), None) => PackedIndexWriter::create(path, context).map(Self::packed),
            (Encryptor::Paillier(paillier), Some(shard)) => {
                IndexWriter::create_shard(path, paillier.key(), shard).map(Self::paillier)
            }
            (Encryptor::Paillier(paillier), None) => IndexWriter::create(path, paillier.key()).map(Self::paillier),
        }
    }

    /// Opens an index to append to it.
    pub fn append_to(path: &Path, encryptor: &Encryptor) -> Result<(Self, Option<Recovery>), Error> {
        match encryptor {
            Encryptor::Packed(context) => {
                let (writer, recovery) = PackedIndexWriter::append_to(path, context)?;
                Ok((Self::packed(writer), recovery))
            }
            Encryptor::Paillier(paillier) => {
                let (writer, recovery) = IndexWriter::append_to(path, paillier.key())?;
                Ok((Self::paillier(writer), recovery))
            }
        }
    }

    /// Encrypts a block and appends it. The writer must be one for the encryptor.
    pub fn append(&mut self, encryptor: &Encryptor, block: Block, ids: Option<&Ids>) -> Result<(), Error> {
        match (self, encryptor) {
            (Self::Packed(writer), Encryptor::Packed(context)) => {
                let vectors = Owned::new(block);
                writer.append(&vectors.vectors(context.parameters()), ids)
            }
            (Self::Paillier(writer), Encryptor::Paillier(paillier)) => {
                writer.append(&paillier.encrypt(&block.vectors)?, ids)
            }
            _ => Err(Error::Missing("the index belongs to another scheme than the context")),
        }
    }

    pub fn len(&self) -> u64 {
        match self {
            Self::Paillier(writer) => writer.len(),
            Self::Packed(writer) => writer.len(),
        }
    }

    /// Returns how many vectors were appended since the index was created or compacted.
    pub fn appended(&self) -> u64 {
        match self {
            Self::Paillier(writer) => writer.appended(),
            Self::Packed(writer) => writer.appended(),
        }
    }

    pub fn shard(&self) -> Option<Shard> {
        match self {
            Self::Paillier(writer) => writer.shard(),
            Self::Packed(writer) => writer.shard(),
        }
    }

    pub fn sync(&mut self) -> Result<(), Error> {
        match self {
            Self::Paillier(writer) => writer.sync(),
            Self::Packed(writer) => writer.sync(),
        }
    }

    /// Syncs the index and renames it.
    pub fn rename(self, to: &Path) -> Result<(), Error> {
        match self {
            Self::Paillier(writer) => writer.rename(to),
            Self::Packed(writer) => writer.rename(to),
        }
    }
}
