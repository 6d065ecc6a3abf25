//! Compaction: removes deleted vectors from an index file.

use super::lock::LockedFile;
use super::packer::Packer;
use super::{Index, Recovery};
use crate::error::Error;
use crate::progress::Progress;
use crate::search::record_file::Header;
use std::path::Path;

/// The result of a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Vectors in the index.
    pub kept: u64,
    /// Deleted vectors removed from the file.
    pub removed: u64,
    /// Size of the file before, in bytes.
    pub bytes_before: u64,
    /// Size of the file afterwards, in bytes.
    pub bytes_after: u64,
    /// The remains of an interrupted append, which were removed.
    pub recovery: Option<Recovery>,
}

impl Index {
    /// Rewrites an index without its deleted vectors, in full blocks, and replaces the file atomically. Vectors and ids
    /// stay the same.
    ///
    /// An index without deleted vectors that would not become smaller is left as it is. Processes that have the old
    /// file open continue to read it. Compaction needs free disk space for the new file, and memory for one block.
    /// `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if the file is not an index, is damaged, or is being written to;
    /// [`Error::Cancelled`]. The old file is unchanged then. After [`Error::NotDurable`] the new file is in place.
    pub fn compact(path: &Path, progress: &Progress) -> Result<Compaction, Error> {
        // Replaces the target of a symbolic link, not the link.
        let path = &path.canonicalize().map_err(Error::io("open", path))?;
        let locked = LockedFile::open(path)?;
        let metadata = locked.metadata().map_err(Error::io("read", path))?;
        let index = Self::open(path)?;
        let next_number = index.next_number()?.unwrap_or(u64::MAX);
        let mut packer = Packer::create(path, &Header { next_number, ..index.file.header().clone() })?;
        for block in index.live_blocks() {
            progress.check()?;
            let block = block?;
            packer.push(&block)?;
            progress.add(block.len() as u64);
        }
        let mut file = packer.into_file()?;
        file.set_permissions(metadata.permissions())?;
        // Read here, because nothing may fail after the new file is in place.
        let mut bytes_after = file.bytes()?;
        if bytes_after < metadata.len() || index.deleted() > 0 {
            file.finish()?;
        } else {
            bytes_after = metadata.len();
        }
        Ok(Compaction {
            kept: index.len(),
            removed: index.deleted(),
            bytes_before: metadata.len(),
            bytes_after,
            recovery: index.recovery(),
        })
    }
}
