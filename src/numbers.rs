//! Encrypted numbers: signed integers and fixed point, one and many, and what an evaluator can compute with them.
//!
//! ```text
//! a number is        x = i·2^e,  i an integer, e public
//! its ciphertext     Enc(i mod n),  |i| ≤ b < n/3,  b public
//! add                e must agree: the coarser one is multiplied by a power of two, exactly
//! mul_plain          exponents add up
//! ```
//!
//! The bound b follows from what is computed, never from what is encrypted. Whatever could reach n/3 is refused before it
//! is computed, so a sum never wraps around n and a result is never a wrong number. n/3 and not n/2, as python-paillier has it:
//! what lies between n/3 and 2·n/3 tells the owner that something else happened.

pub mod encode;
pub mod encrypted;
pub mod evaluator;
mod file;
pub mod format;
pub mod plain;

#[cfg(feature = "owner")]
mod decode;
#[cfg(feature = "owner")]
mod owner;
