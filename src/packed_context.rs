//! Contexts of packed search: the owner's secret key with its key provider, and the public part for evaluators.

#[cfg(feature = "owner")]
pub(crate) mod document;
#[cfg(feature = "owner")]
pub mod owner;
pub mod public;
#[cfg(feature = "owner")]
mod save;
