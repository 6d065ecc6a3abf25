//! Packed search: the owner's keys, indexes, queries, responses and the evaluator.

mod evaluator;
mod index;
mod keys;
mod metric;
mod query;
mod response;
mod scores;
mod vectors;
mod writer;

pub use evaluator::PackedEvaluator;
pub use index::PackedIndex;
pub use keys::PackedKeys;
pub use query::PackedQuery;
pub use response::PackedResponse;
pub use writer::PackedIndexWriter;
