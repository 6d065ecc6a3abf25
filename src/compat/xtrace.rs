//! The formats of XTrace's SDK: keys and contexts as text, sealed data, and ciphertexts in its wire encoding.

mod ciphertext;
pub(crate) mod stringified;

#[cfg(feature = "owner")]
mod blob;
#[cfg(feature = "owner")]
pub mod content;
#[cfg(feature = "owner")]
pub(crate) mod document;
#[cfg(feature = "owner")]
pub(crate) mod scrypt;
#[cfg(feature = "owner")]
mod secret_text;
#[cfg(feature = "owner")]
mod stringify;
#[cfg(feature = "owner")]
pub mod tables;
