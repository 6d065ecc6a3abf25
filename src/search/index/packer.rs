//! Index files written whole, from what is left of others.

use crate::arith::batch::Rows;
use crate::atomic_file::AtomicFile;
use crate::destination::Content;
use crate::error::Error;
use crate::search::ids::Ids;
use crate::search::record_file::{Header, LiveBlock, records_block};
use std::path::Path;

/// Rows of a full block: enough for a device to be busy with.
const ROWS: usize = 4096;

/// Gathers rows into full blocks. The file appears when it is finished.
#[derive(Debug)]
pub(super) struct Packer {
    file: AtomicFile,
    width: usize,
    ids: Ids,
    limbs: Vec<u64>,
}

impl Packer {
    /// Begins a file that is to become `path`.
    pub(super) fn create(path: &Path, header: &Header) -> Result<Self, Error> {
        let mut file = AtomicFile::create(path, Content::Index)?;
        file.write(&header.to_bytes())?;
        Ok(Self { file, width: header.record_bytes() / 8, ids: Ids::new(), limbs: Vec::new() })
    }

    pub(super) fn push(&mut self, block: &LiveBlock<'_>) -> Result<(), Error> {
        for (id, row) in block.ids.iter().zip(block.rows().iter()) {
            self.ids.push(id)?;
            self.limbs.extend_from_slice(row);
            if self.ids.len() == ROWS {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// What is left, and the file, which is not in its place yet.
    pub(super) fn into_file(mut self) -> Result<AtomicFile, Error> {
        self.flush()?;
        Ok(self.file)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if !self.ids.is_empty() {
            self.file.write(&records_block(0, &self.ids, Rows::new(&self.limbs, self.width)))?;
            self.ids = Ids::new();
            self.limbs.clear();
        }
        Ok(())
    }
}
