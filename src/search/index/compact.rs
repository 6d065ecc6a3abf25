//! Compaction: an index without what was deleted from it.

use super::lock::LockedFile;
use super::packer::Packer;
use super::{Index, Recovery};
use crate::error::Error;
use crate::progress::Progress;
use crate::search::record_file::Header;
use std::path::Path;

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// Vectors that are in the index.
    pub kept: u64,
    /// Deleted vectors that were in the file.
    pub removed: u64,
    /// Bytes of the file before.
    pub bytes_before: u64,
    /// Bytes of the file now.
    pub bytes_after: u64,
    /// What an append that was cut short had left behind, if any. It is gone.
    pub recovery: Option<Recovery>,
}

impl Index {
    /// Replaces an index, in one step, by one of the same vectors with the same ids, in full blocks and without what was
    /// deleted. An index that nothing was deleted from and that would not be smaller stays as it is. Whoever has the old one open goes on reading it. It takes as much room on disk again as the new file has,
    /// and memory for a block. `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is no index, damaged, or being written to; [`Error::Cancelled`]. Then the
    /// old file is as it was. [`Error::NotDurable`], and the new one is in place.
    pub fn compact(path: &Path, progress: &Progress) -> Result<Compaction, Error> {
        // Of a symbolic link the file is replaced and not the link.
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
        // Asked for here: once the new file is in place, nothing may fail any more.
        let mut bytes_after = file.bytes()?;
        if bytes_after < metadata.len() || index.deleted() > 0 {
            file.finish()?;
        } else {
            // There is nothing to gain.
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
