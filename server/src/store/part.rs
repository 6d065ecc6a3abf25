//! The snapshot of a segment that a search reads.

use super::segment::OpenSegment;
use std::sync::Arc;

/// A segment at one point in time.
#[derive(Clone)]
pub struct Part {
    pub segment: Arc<OpenSegment>,
    /// The chunk of each row; 0 for dead rows.
    pub chunks: Arc<Vec<u64>>,
}
