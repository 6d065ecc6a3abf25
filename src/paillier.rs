//! The Paillier cryptosystem in three variants: public keys, ciphertexts and what can be done with them; and, with
//! the feature `owner`, secret keys.

pub mod ciphertext;
pub mod encrypt;
pub mod evaluate;
pub mod parameters;
pub mod plaintext;
pub mod public_key;
mod validate;

#[cfg(feature = "owner")]
mod classic;
#[cfg(feature = "owner")]
pub mod client;
#[cfg(feature = "owner")]
mod keys;
#[cfg(feature = "owner")]
mod lookup;
#[cfg(feature = "owner")]
mod subgroup;
