//! The Paillier cryptosystem in three variants: public keys, ciphertexts and operations on them. The feature `owner`
//! adds secret keys.

pub mod ciphertext;
pub mod encrypt;
pub mod evaluate;
pub mod kernels;
pub mod parameters;
pub mod plaintext;
pub mod public_context;
pub mod public_key;
pub(crate) mod scheme_code;
pub(crate) mod validate;

#[cfg(feature = "audit")]
pub mod attack;
#[cfg(feature = "owner")]
pub(crate) mod classic;
#[cfg(feature = "owner")]
pub mod client;
#[cfg(feature = "owner")]
pub(crate) mod keys;
#[cfg(feature = "owner")]
pub(crate) mod lookup;
#[cfg(feature = "owner")]
pub(crate) mod subgroup;
