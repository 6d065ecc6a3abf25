//! A segment: an index file, and the chunk of each of its rows.

use crate::error::{ApiError, ApiResult};
use hushvec::{Evaluator, Index, ResidentIndex};
use std::path::PathBuf;
use std::sync::Arc;

/// The number of rows at which a segment is full.
pub const FULL: usize = 65_536;

/// Blocks that an unsealed segment may have in excess of the blocks that its rows fill, before it is packed.
const LOOSE_BLOCKS: usize = 64;
/// Rows in a full block.
pub const BLOCK_ROWS: usize = 4096;

/// An index file that is open for reading.
#[derive(Debug)]
pub struct OpenSegment {
    /// The key of the segment's row in the database.
    pub key: i64,
    /// The file.
    pub index: ResidentIndex,
}

/// The place of a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The key of the segment.
    pub segment: i64,
    /// The row in its file.
    pub row: usize,
}

/// A segment of a collection.
#[derive(Debug)]
pub struct Segment {
    pub key: i64,
    pub path: PathBuf,
    pub sealed: bool,
    /// The chunk of each row; 0 for dead rows. Rows after the end are dead too.
    pub chunks: Arc<Vec<u64>>,
    /// The number of live rows.
    pub live: usize,
    open: Option<Arc<OpenSegment>>,
}

impl Segment {
    /// Creates a segment without rows.
    pub fn new(key: i64, path: PathBuf, sealed: bool) -> Self {
        Self { key, path, sealed, chunks: Arc::default(), live: 0, open: None }
    }

    /// Assigns a row to a chunk. Chunk 0 marks the row as dead.
    pub fn set(&mut self, row: usize, chunk: u64) {
        let chunks = Arc::make_mut(&mut self.chunks);
        if chunks.len() <= row {
            chunks.resize(row + 1, 0);
        }
        if let Some(entry) = chunks.get_mut(row) {
            self.live = self.live + usize::from(chunk != 0) - usize::from(*entry != 0);
            *entry = chunk;
        }
    }

    /// Opens the file, with all rows that chunks refer to. A sealed segment is copied to the device.
    pub fn open(&mut self, evaluator: &Evaluator) -> ApiResult<Arc<OpenSegment>> {
        let rows = self.chunks.len() as u64;
        if let Some(open) = self.open.as_ref().filter(|open| open.index.index().len() >= rows) {
            return Ok(open.clone());
        }
        let index = Index::open(&self.path).map_err(|error| ApiError::internal(&error))?;
        if index.len() < rows {
            let (path, found) = (self.path.display(), index.len());
            return Err(ApiError::internal(&format!("{path} is damaged: only {found} of {rows} vectors can be read")));
        }
        let index = if self.sealed {
            evaluator.reside(index).map_err(|error| ApiError::internal(&error))?
        } else {
            index.into()
        };
        let open = Arc::new(OpenSegment { key: self.key, index });
        self.open = Some(open.clone());
        Ok(open)
    }

    /// Closes the file, because it was replaced.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Returns whether the segment has too many small blocks.
    pub fn is_loose(&self, blocks: usize) -> bool {
        blocks > self.chunks.len() / BLOCK_ROWS + LOOSE_BLOCKS
    }

    /// Returns whether most rows are dead, so that the others should be moved.
    pub fn is_sparse(&self) -> bool {
        self.sealed && 2 * self.live < self.chunks.len()
    }
}
