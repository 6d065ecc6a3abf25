//! What a search sees of a collection.

use super::segment::OpenSegment;
use std::sync::Arc;

/// A segment as it was at one moment.
#[derive(Clone)]
pub struct Part {
    pub segment: Arc<OpenSegment>,
    /// The chunk of each row; 0 for dead ones.
    pub chunks: Arc<Vec<u64>>,
}
