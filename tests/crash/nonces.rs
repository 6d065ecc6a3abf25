//! The nonces of all blocks of packed search that were ever on disk, with what they encrypt.

use crate::folder::Folder;
use crate::packed_blocks::records;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// The words of a block to compare. Words are values of polynomials at many points, so another content changes all
/// words of a polynomial; these are some of every polynomial.
const WORDS: usize = 22 * 16 * 4;

/// The file in which a child writes down the nonces of its files.
const LOG: &str = "nonces";

/// The first words of the block of each nonce.
#[derive(Default)]
pub struct Nonces(HashMap<[u8; 32], Vec<u8>>);

impl Nonces {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn has(&self, nonce: &[u8; 32]) -> bool {
        self.0.contains_key(nonce)
    }

    /// Adds a nonce. Returns whether it is new, or more of its words are known now.
    fn add(&mut self, nonce: [u8; 32], words: &[u8]) -> bool {
        let words = &words[..words.len().min(WORDS)];
        let known = self.0.entry(nonce).or_default();
        let both = known.len().min(words.len());
        assert!(known[..both] == words[..both], "a nonce was used for two contents");
        let is_more = known.len() < words.len();
        if is_more {
            *known = words.to_vec();
        }
        is_more
    }

    /// Adds the nonces of a file, including those of a block that was cut.
    fn add_file(&mut self, path: &Path) -> Vec<([u8; 32], Vec<u8>)> {
        let bytes = std::fs::read(path).unwrap_or_default();
        let mut new = Vec::new();
        for (nonce, words) in records(&bytes) {
            if self.add(nonce, words) {
                new.push((nonce, words[..words.len().min(WORDS)].to_vec()));
            }
        }
        new
    }

    /// Appends the nonces of a child's files that are new to a log.
    pub fn write_down(&mut self, folder: &Path) {
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join(LOG)).unwrap();
        for name in ["index", "rekeyed"] {
            for (nonce, words) in self.add_file(&folder.join(name)) {
                let mut line = nonce.to_vec();
                line.extend_from_slice(&words);
                line.resize(32 + WORDS, 0);
                log.write_all(&line).unwrap();
            }
        }
    }

    /// Adds all nonces in a folder after a kill: those that the child wrote down, those of the files, and those of
    /// temporary files. Removes the log.
    pub fn collect(&mut self, folder: &Folder) {
        let log = std::fs::read(folder.path(LOG)).unwrap_or_default();
        // The last line may be cut.
        for line in log.chunks_exact(32 + WORDS) {
            let (nonce, words) = line.split_first_chunk().unwrap();
            self.add(*nonce, words);
        }
        let _ = std::fs::remove_file(folder.path(LOG));
        let names = ["index", "rekeyed"].map(|name| folder.path(name));
        names.iter().chain(&folder.leftovers()).for_each(|path| drop(self.add_file(path)));
    }
}

/// The comparison finds a nonce with two contents.
#[test]
#[should_panic(expected = "a nonce was used for two contents")]
fn repeated_nonces_are_found() {
    let mut nonces = Nonces::default();
    assert!(nonces.add([1; 32], &[1, 2, 3]) && nonces.add([1; 32], &[1, 2, 3, 4]) && !nonces.add([1; 32], &[1, 2]));
    nonces.add([1; 32], &[1, 3]);
}
