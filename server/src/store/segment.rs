//! A segment: an index file, and which chunk each of its rows belongs to.

use crate::error::{ApiError, ApiResult};
use hushvec::{Evaluator, Index, ResidentIndex};
use std::path::PathBuf;
use std::sync::Arc;

/// Rows from which on nothing more is appended.
pub const FULL: usize = 65_536;

/// Blocks of an unsealed segment beyond those that its rows need, before it is packed.
const LOOSE_BLOCKS: usize = 64;
/// Rows of a full block.
pub const BLOCK_ROWS: usize = 4096;

/// An index file that is open for reading.
#[derive(Debug)]
pub struct OpenSegment {
    /// Its number.
    pub key: i64,
    /// The file.
    pub index: ResidentIndex,
}

/// Where a ciphertext is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The segment's number.
    pub segment: i64,
    /// The row in its file.
    pub row: usize,
}

/// What is known about an index file.
#[derive(Debug)]
pub struct Segment {
    pub key: i64,
    pub path: PathBuf,
    pub sealed: bool,
    /// The chunk of each row; 0 for rows that are dead. Rows behind the end are dead too.
    pub chunks: Arc<Vec<u64>>,
    /// Rows that are not dead.
    pub live: usize,
    open: Option<Arc<OpenSegment>>,
}

impl Segment {
    /// A segment without rows.
    pub fn new(key: i64, path: PathBuf, sealed: bool) -> Self {
        Self { key, path, sealed, chunks: Arc::default(), live: 0, open: None }
    }

    /// Gives a row to a chunk, or to none if that is 0.
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

    /// The file, with all rows that chunks refer to. A sealed one is sent to the device.
    pub fn open(&mut self, evaluator: &Evaluator) -> ApiResult<Arc<OpenSegment>> {
        let rows = self.chunks.len() as u64;
        if let Some(open) = self.open.as_ref().filter(|open| open.index.index().len() >= rows) {
            return Ok(open.clone());
        }
        let index = Index::open(&self.path).map_err(|error| ApiError::internal(&error))?;
        if index.len() < rows {
            let (path, found) = (self.path.display(), index.len());
            return Err(ApiError::internal(&format!("{path} is damaged: {found} of {rows} vectors can be read")));
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

    /// Forgets the open file, because it was replaced.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// Whether it has too many small blocks.
    pub fn is_loose(&self, blocks: usize) -> bool {
        blocks > self.chunks.len() / BLOCK_ROWS + LOOSE_BLOCKS
    }

    /// Whether most of it is dead, so that the rest had better move.
    pub fn is_sparse(&self) -> bool {
        self.sealed && 2 * self.live < self.chunks.len()
    }
}
