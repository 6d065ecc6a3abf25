//! XTrace's SDK: keys and contexts as its texts, ciphertexts on its wire.

mod ciphertext;
pub(crate) mod stringified;
