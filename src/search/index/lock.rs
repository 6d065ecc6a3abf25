//! File locks: an index has one writer at a time.

use crate::atomic_file;
use crate::error::Error;
use std::fs::{File, OpenOptions};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// A locked file. Dropping it releases the lock.
#[derive(Debug)]
pub(in crate::search) struct LockedFile {
    file: File,
}

impl LockedFile {
    /// Opens a file for writing and locks it. Tries again if a compaction replaced the file between opening and
    /// locking.
    pub(in crate::search) fn open(path: &Path) -> Result<Self, Error> {
        loop {
            let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
            lock(&file, path)?;
            let locked = Self { file };
            if atomic_file::is_at(&locked, path)? {
                return Ok(locked);
            }
        }
    }

    /// Takes over a file that [`lock`] has locked.
    pub(in crate::search) fn keep(file: File) -> Self {
        Self { file }
    }
}

/// Locks a file without waiting.
///
/// # Errors
/// [`Error::Format`] if another process has locked it.
pub(in crate::search) fn lock(file: &File, path: &Path) -> Result<(), Error> {
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => {
            Error::format("another process is writing to this index; wait until it has finished").in_file(path)
        }
        std::fs::TryLockError::Error(source) => Error::io("lock", path)(source),
    })
}

/// Unlocks explicitly. Closing the file is not enough: a child process that another thread is just starting inherits
/// the open file, and would hold the lock until its exec.
impl Drop for LockedFile {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

impl Deref for LockedFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl DerefMut for LockedFile {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.file
    }
}
