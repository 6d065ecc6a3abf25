//! One writer at a time.

use crate::atomic_file;
use crate::error::Error;
use std::fs::{File, OpenOptions};
use std::ops::{Deref, DerefMut};
use std::path::Path;

/// A file that is locked until this is dropped.
#[derive(Debug)]
pub(super) struct LockedFile {
    file: File,
}

impl LockedFile {
    /// Opens a file for writing and locks it, and makes sure that it still is the file of that name: it may have been
    /// replaced, by a compaction, between the one and the other.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        loop {
            let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
            lock(&file, path)?;
            let locked = Self { file };
            if atomic_file::is_at(&locked, path)? {
                return Ok(locked);
            }
        }
    }

    /// Keeps the lock that [`lock`] has put on a file.
    pub(super) fn keep(file: File) -> Self {
        Self { file }
    }
}

/// Locks a file, without waiting.
///
/// # Errors
/// [`Error::Format`] if another process has locked it.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), Error> {
    file.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => Error::format("another process is writing to this index").in_file(path),
        std::fs::TryLockError::Error(source) => Error::io("lock", path)(source),
    })
}

/// Closing alone is not enough: a process that is being started at that moment, by another thread, has the file open for
/// as long as it takes, and with it the lock.
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
