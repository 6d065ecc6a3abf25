//! Encrypted search: index, query and response files, the evaluator that aggregates them, and the nearest neighbours
//! that the owner decodes.

pub mod evaluator;
pub mod ids;
pub mod index;
#[cfg(feature = "owner")]
mod nearest;
pub mod packed;
pub mod partial;
pub mod query;
pub(crate) mod record_file;
#[cfg(feature = "owner")]
pub mod rekey;
pub mod response;
mod schemes;
pub mod shard;
mod taken;
pub mod top_k;
