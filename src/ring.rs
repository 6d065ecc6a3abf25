//! Polynomial rings Z_q\[X\]/(X^N + 1) for prime moduli: residues, RNS bases, number-theoretic transforms.
//!
//! Functions take and return canonical residues, in \[0, q), so all devices and instruction sets agree bit by bit.

pub(crate) mod automorphism;
pub(crate) mod basis;
#[cfg_attr(not(feature = "hazmat"), allow(dead_code, reason = "the library does not use all of them yet"))]
pub(crate) mod kernels;
pub(crate) mod modulus;
pub(crate) mod ntt;
pub(crate) mod pointwise;
pub(crate) mod primes;
