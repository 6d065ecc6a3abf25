//! Encryption based on the hardness of ring learning with errors (RLWE; Lyubashevsky, Peikert and Regev, On ideal
//! lattices and learning with errors over rings, EUROCRYPT 2010).

pub(crate) mod key_switch;
pub mod packed;
pub(crate) mod prg;
#[cfg(feature = "owner")]
pub(crate) mod sampler;

/// The standard deviation of errors: √(21/2) ≈ 3.24.
pub(crate) const ERROR_DEVIATION: f64 = 3.240_370_349_203_93;
