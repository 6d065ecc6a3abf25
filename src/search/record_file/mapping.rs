//! Memory-mapped files.

use crate::destination::open_regular;
use crate::error::Error;
use memmap2::Mmap;
use std::path::{Path, PathBuf};

/// A file that is mapped for reading.
#[derive(Debug)]
pub(super) struct Mapping {
    path: PathBuf,
    map: Mmap,
    /// The file's device and inode numbers, which identify it.
    #[cfg(unix)]
    identity: (u64, u64),
}

impl Mapping {
    /// Maps a file.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = open_regular(path)?;
        #[cfg(unix)]
        let identity = identity(&file.metadata().map_err(Error::io("open", path))?);
        // SAFETY: the map is read-only and lives as long as `self`. The file must not be changed or shortened
        // meanwhile: hushvec only appends to index files, and docs/formats.md requires the same of other programs.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        Ok(Self {
            path: path.to_owned(),
            map,
            #[cfg(unix)]
            identity,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the mapped bytes. Reading bytes beyond the end of a shortened file kills the process: see
    /// [`Mapping::check_length`].
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Checks that the file still extends to byte `end`. It could be shortened right afterwards. The check needs no
    /// open file, of which a server has a limited number.
    ///
    /// # Errors
    /// [`Error::Format`] if the file was shortened.
    pub(super) fn check_length(&self, end: u64) -> Result<(), Error> {
        // Windows does not let a mapped file be shortened. A replaced or removed file keeps its bytes while it is
        // mapped.
        #[cfg(unix)]
        if let Ok(found) = std::fs::metadata(&self.path)
            && identity(&found) == self.identity
            && found.len() < end
        {
            let message = format!(
                "the file was shortened to {} bytes while it was open, but a block ends at byte {end}; restore it \
                 from a copy",
                found.len()
            );
            return Err(Error::format(message).in_file(&self.path));
        }
        #[cfg(not(unix))]
        let _ = end;
        Ok(())
    }
}

#[cfg(unix)]
fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}
