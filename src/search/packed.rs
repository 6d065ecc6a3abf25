//! Files of packed search: indexes, queries and responses, and what the owner and the evaluator do with them.

#[cfg(feature = "owner")]
mod compact;
#[cfg(feature = "owner")]
mod encoder;
pub mod evaluator;
pub mod index;
mod layout;
mod merge;
#[cfg(feature = "owner")]
pub mod nearest;
#[cfg(feature = "owner")]
mod plain;
pub mod query;
#[cfg(feature = "owner")]
mod rekey;
pub mod response;
#[cfg(feature = "owner")]
pub(crate) mod rows;
mod scan;
mod verify;
#[cfg(feature = "owner")]
pub mod writer;
