//! Contexts as they are stored, in whichever format: `context` knows the native one, `compat` the others.

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
pub mod passphrase;
#[cfg(feature = "owner")]
mod save;
