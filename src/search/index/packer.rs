//! Writes index files from the live vectors of others.

use crate::atomic_file::AtomicFile;
use crate::bignum::batch::Rows;
use crate::destination::Content;
use crate::error::Error;
use crate::search::ids::Ids;
use crate::search::record_file::{Header, LiveBlock, MOST_VECTORS, records_block};
use std::ops::Range;
use std::path::Path;

/// The fewest rows of a full block: enough to keep a device busy.
const LEAST_ROWS: usize = 4096;
/// The size of a full block, if that is more than [`LEAST_ROWS`] rows and within the limit of a block.
const BLOCK_BYTES: usize = 32 << 20;
/// The length from which a run of consecutive ids becomes a block of its own. Such a block stores no ids, which saves 8
/// bytes each.
const LONG_RUN: u64 = 1024;

/// Collects rows into full blocks. The file appears when it is finished.
#[derive(Debug)]
pub(super) struct Packer {
    file: AtomicFile,
    width: usize,
    /// Rows of a full block.
    rows: usize,
    ids: Ids,
    limbs: Vec<u64>,
}

impl Packer {
    /// Starts a file that will become `path`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if a record holds several vectors; [`Error::Io`].
    pub(super) fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        header.layout.check_single("moving vectors from one index file to another")?;
        let mut file = AtomicFile::create(path, Content::Index)?;
        file.write(&header.to_bytes())?;
        let rows = (BLOCK_BYTES / header.layout.record_bytes()).clamp(LEAST_ROWS, MOST_VECTORS);
        Ok(Self { file, width: header.layout.width(), rows, ids: Ids::new(), limbs: Vec::new() })
    }

    pub(super) fn push(&mut self, block: &LiveBlock<'_>) -> Result<(), Error> {
        for (id, row) in block.ids.iter().zip(block.rows().iter()) {
            self.ids.push(id)?;
            self.limbs.extend_from_slice(row);
            if self.ids.len() == self.rows {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes the remaining rows and returns the file, which is not in place yet.
    pub(super) fn into_file(mut self) -> Result<AtomicFile, Error> {
        self.flush()?;
        Ok(self.file)
    }

    fn flush(&mut self) -> Result<(), Error> {
        let mut limbs = self.limbs.as_slice();
        for part in parts(&self.ids) {
            let ids = self.ids.slice(part);
            let (rows, rest) = limbs.split_at_checked(ids.len() * self.width).unwrap_or((limbs, &[]));
            self.file.write(&records_block(0, &ids, Rows::new(rows, self.width)))?;
            limbs = rest;
        }
        self.ids = Ids::new();
        self.limbs.clear();
        Ok(())
    }
}

/// Splits ids into blocks: one for each long run of consecutive numbers, and one for the ids between two runs.
fn parts(ids: &Ids) -> Vec<Range<usize>> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let mut run = 0..0;
    let mut close = |run: &Range<usize>| {
        if (run.len() as u64) < LONG_RUN {
            return;
        }
        parts.extend([from..run.start, run.clone()]);
        from = run.end;
    };
    let mut last = None;
    for (at, id) in ids.iter().enumerate() {
        let number = id.number();
        if number.is_none() || last.and_then(|last: u64| last.checked_add(1)) != number {
            close(&run);
            run.start = at;
        }
        run.end = at + 1;
        last = number;
    }
    close(&run);
    parts.push(from..ids.len());
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdRef;

    #[test]
    fn long_runs_are_blocks_of_their_own() {
        let ids = |runs: &[(u64, u64)]| Ids::from(runs.iter().flat_map(|(from, to)| *from..*to).collect::<Vec<_>>());
        for (given, lengths) in [
            (&[][..], &[][..]),
            (&[(7, 8)], &[1]),
            (&[(0, 4096)], &[4096]),
            // A gap of one id costs no more than a block header.
            (&[(0, 2000), (2001, 4000)], &[2000, 1999]),
            (&[(0, 10), (20, 30), (40, 1000)], &[980]),
            (&[(0, 10), (100, 1124), (3000, 3001), (5000, 6500)], &[10, 1024, 1, 1500]),
            (&[(5000, 6024), (0, 1024), (9, 10)], &[1024, 1024, 1]),
        ] {
            let parts = parts(&ids(given));
            assert_eq!(parts.iter().map(Range::len).collect::<Vec<_>>(), lengths, "{given:?}");
            assert!(parts.windows(2).all(|two| two[0].end == two[1].start), "{parts:?}");
        }
        let mut texts = Ids::new();
        for text in ["a", "b"] {
            texts.push(IdRef::Text(text)).unwrap();
        }
        assert_eq!(parts(&texts).len(), 1);
    }
}
