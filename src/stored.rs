//! Stored contexts of all formats. The native format is in `context`, the others are in `compat`.

mod public;

#[cfg(feature = "owner")]
pub mod builder;
#[cfg(feature = "owner")]
mod content;
#[cfg(feature = "owner")]
pub mod derivation;
#[cfg(feature = "owner")]
mod document;
#[cfg(feature = "owner")]
pub mod file;
#[cfg(feature = "owner")]
mod identity;
#[cfg(feature = "owner")]
pub mod info;
#[cfg(feature = "owner")]
pub mod loader;
#[cfg(feature = "owner")]
pub mod packed_file;
#[cfg(feature = "owner")]
pub mod passphrase;
#[cfg(feature = "owner")]
mod save;
