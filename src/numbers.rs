//! Encrypted numbers, single and in arrays: signed integers and fixed-point numbers, and the operations on them.
//!
//! ```text
//! a number is        x = i·2^e,  i an integer, e public
//! its ciphertext     Enc(i mod n),  |i| ≤ b < n/3,  b public
//! add                exponents must agree: the operand with the larger e is multiplied by a power of two, exactly
//! mul_plain          exponents are added
//! ```
//!
//! The bound b depends on the operations, never on the encrypted values. An operation whose result could reach n/3 is
//! refused before it is computed, so a sum never wraps around n and a result is never silently wrong. The limit is
//! n/3 rather than n/2, as in python-paillier: a decrypted value between n/3 and 2·n/3 shows the owner that the
//! ciphertext was not computed as stated.

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
