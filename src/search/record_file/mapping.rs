//! A file mapped into memory.

use crate::destination::open_regular;
use crate::error::Error;
use memmap2::Mmap;
use std::path::{Path, PathBuf};

/// A file that is mapped for reading.
#[derive(Debug)]
pub(super) struct Mapping {
    path: PathBuf,
    map: Mmap,
    /// The file's device and number, by which it is known again.
    #[cfg(unix)]
    identity: (u64, u64),
}

impl Mapping {
    /// Maps a file.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = open_regular(path)?;
        #[cfg(unix)]
        let identity = identity(&file.metadata().map_err(Error::io("open", path))?);
        // SAFETY: the map is read-only and lives as long as `self`. Nobody may change or shorten the file meanwhile: hushvec
        // itself only ever appends to index files, and docs/formats.md asks the same of everyone else.
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

    /// What is mapped. Touching bytes that are no longer in the file kills the process: see [`Mapping::check_length`].
    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Looks whether the file still reaches to byte `end`. That is no guarantee for the moment after, and it takes no open
    /// file, of which a server has few.
    ///
    /// # Errors
    /// [`Error::Format`] if the file was shortened.
    pub(super) fn check_length(&self, end: u64) -> Result<(), Error> {
        // Windows shortens no file that is mapped. One that was replaced or removed keeps its bytes while it is mapped.
        #[cfg(unix)]
        if let Ok(found) = std::fs::metadata(&self.path)
            && identity(&found) == self.identity
            && found.len() < end
        {
            let message = format!(
                "the file was shortened to {} bytes while it was open, and a block ends at {end}; restore it from a copy",
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
