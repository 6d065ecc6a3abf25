//! Encrypted collections: index files, queries, responses, the evaluator that combines them, and the nearest
//! neighbours that the owner reads out of them.

pub mod evaluator;
pub mod id;
pub mod ids;
pub mod index;
#[cfg(feature = "owner")]
mod nearest;
pub mod partial;
pub mod query;
mod record_file;
#[cfg(feature = "owner")]
pub mod rekey;
pub mod response;
pub mod shard;
pub mod top_k;
