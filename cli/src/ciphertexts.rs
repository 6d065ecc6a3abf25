//! Raw ciphertexts in NumPy and Parquet files: one little-endian integer per row.

pub mod npy;
#[cfg(feature = "tables")]
pub mod parquet;
#[cfg(not(feature = "tables"))]
#[path = "ciphertexts/no_parquet.rs"]
pub mod parquet;

use crate::failure::Failure;
use crate::guard::guarded;
use hushvec::{Ids, Index, PublicContext};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The supported formats.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A NumPy array, (N, `key_len`/2) uint8
    Npy,
    /// A table of ids and ciphertexts
    Parquet,
}

impl Format {
    /// Returns the format for the name of a file.
    pub fn of(path: &Path) -> Self {
        let is_parquet = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
        if is_parquet { Self::Parquet } else { Self::Npy }
    }
}

/// A reader of ciphertexts of one key.
pub enum Reader {
    Npy(Box<npy::Reader>),
    Parquet(parquet::Reader),
}

impl Reader {
    /// Opens a file of either format.
    pub fn open(path: &Path, public: &PublicContext) -> Result<Self, Failure> {
        let mut start = Vec::new();
        let file = File::open(path).map_err(Failure::io("open", path))?;
        file.take(4).read_to_end(&mut start).map_err(Failure::io("read", path))?;
        if start == b"PAR1" {
            guarded(path, || parquet::Reader::open(path, public)).map(Self::Parquet)
        } else {
            npy::Reader::open(path, public.parameters().ciphertext_bytes()).map(|reader| Self::Npy(Box::new(reader)))
        }
    }

    /// Returns the number of ciphertexts.
    pub fn len(&self) -> u64 {
        match self {
            Self::Npy(reader) => reader.len(),
            Self::Parquet(reader) => reader.len(),
        }
    }

    /// Reads the next ciphertexts, and their ids if the file has any. No bytes mean the end.
    pub fn read_block(&mut self) -> Result<(Vec<u8>, Option<Ids>), Failure> {
        match self {
            Self::Npy(reader) => Ok((reader.read_block()?, None)),
            Self::Parquet(reader) => {
                let path = reader.path().to_owned();
                guarded(&path, || reader.read_block())
            }
        }
    }
}

/// A writer of ciphertexts of one key. The file appears when it is finished.
pub enum Writer {
    Npy(npy::Writer),
    Parquet(Box<parquet::Writer>),
}

impl Writer {
    /// Creates a file for the ciphertexts of an index.
    pub fn create(path: &Path, format: Format, index: &Index, public: &PublicContext) -> Result<Self, Failure> {
        match format {
            Format::Npy => {
                npy::Writer::create(path, index.len(), public.parameters().ciphertext_bytes()).map(Self::Npy)
            }
            Format::Parquet => {
                parquet::Writer::create(path, index, public).map(|writer| Self::Parquet(Box::new(writer)))
            }
        }
    }

    /// Appends ciphertexts and, in Parquet, their ids.
    pub fn write(&mut self, ids: &Ids, ciphertexts: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Npy(writer) => writer.write(ciphertexts),
            Self::Parquet(writer) => writer.write(ids, ciphertexts),
        }
    }

    /// Completes the file and moves it to its destination.
    pub fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Npy(writer) => writer.finish(),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}
