//! Reads whole record files of any scheme, for tests and fuzzing of the container.

use super::{Check, Kind, RecordFile, WholeFile};
use crate::error::Error;
use std::path::Path;

/// The counts of a record file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordSurvey {
    /// Vectors in all blocks, including deleted ones.
    pub vectors: u64,
    /// Deleted vectors.
    pub deleted: u64,
    /// Records in all blocks.
    pub records: u64,
    /// Blocks of records.
    pub blocks: u64,
}

impl RecordSurvey {
    /// Reads an index of any scheme and verifies every checksum.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`].
    pub fn of_index(path: &Path) -> Result<Self, Error> {
        let file = RecordFile::open(path, ANY_SCHEME)?;
        let mut survey = Self { deleted: file.deleted(), ..Self::default() };
        let mut live = 0;
        for block in file.blocks() {
            let block = block?;
            survey.add(block.vectors(), block.records.len());
            live += block.live_ids().len() as u64;
            let last = block.vectors().checked_sub(1).and_then(|last| block.record_of(last));
            if last.is_none_or(|record| record.len() != file.header().layout.width()) {
                return Err(Error::format("the last vector of a block has no record"));
            }
        }
        if (survey.vectors, survey.vectors - survey.deleted) != (file.vectors(), live + file.replaced()) {
            return Err(Error::format("the vectors of the blocks do not add up to those of the file"));
        }
        Ok(survey)
    }

    /// Reads a query of any scheme and verifies every checksum.
    ///
    /// # Errors
    /// As [`RecordSurvey::of_index`].
    pub fn of_query(path: &Path) -> Result<Self, Error> {
        Self::of_whole(path, Kind::Query)
    }

    /// Reads a response of any scheme and verifies ids and checksums.
    ///
    /// # Errors
    /// As [`RecordSurvey::of_index`].
    pub fn of_response(path: &Path) -> Result<Self, Error> {
        Self::of_whole(path, Kind::Response)
    }

    fn of_whole(path: &Path, kind: Kind) -> Result<Self, Error> {
        let file = WholeFile::open(path, kind, ANY_SCHEME)?;
        file.check_ids()?;
        let (mut survey, mut blocks) = (Self::default(), file.blocks());
        while let Some(block) = blocks.next_block()? {
            survey.add(block.vectors(), block.records.len());
        }
        Ok(survey)
    }

    fn add(&mut self, vectors: usize, records: usize) {
        self.vectors += vectors as u64;
        self.records += records as u64;
        self.blocks += 1;
    }
}

/// Accepts the header of any scheme.
const ANY_SCHEME: Check = |_| Ok(());
