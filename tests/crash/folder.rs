//! The folder of a crash test.

use std::path::{Path, PathBuf};

/// The files that the tests change.
const CHANGED: [&str; 5] = ["context", "index", "left", "right", "rekeyed"];

pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Returns the temporary files that a killed child left behind.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".hushvec-"))
            .collect()
    }

    /// Removes temporary files that a killed child left behind. Returns how many.
    pub fn remove_leftovers(&self) -> usize {
        let leftovers = self.leftovers();
        leftovers.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        leftovers.len()
    }

    /// Reads the files that the tests change, for [`Folder::restore`].
    pub fn snapshot(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        CHANGED.iter().map(|name| (self.path(name), std::fs::read(self.path(name)).ok())).collect()
    }

    pub fn restore(&self, snapshot: &[(PathBuf, Option<Vec<u8>>)]) {
        for (path, bytes) in snapshot {
            let _ = std::fs::remove_file(path);
            if let Some(bytes) = bytes {
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
}
