//! Shared code of the GPU kernels: shaders for each size, the sizes of rounds, checks of results.

pub(super) mod batch_check;
pub(super) mod constants;
pub(super) mod pace;
pub(super) mod program;
pub mod shader;
pub mod shape;

use crate::bignum::modulus::Modulus;

/// The rows of a known answer: more than a workgroup has of the widest numbers, and not a multiple of that.
pub(super) const ROWS: usize = 9;

/// Returns whether GPUs can compute efficiently with this modulus. Many leading zero bits would multiply the time,
/// because the kernels subtract the modulus to reduce numbers with excess bits. The moduli of keys have at most one.
pub(super) fn suits_gpus(modulus: &Modulus) -> bool {
    modulus.limbs().last().is_some_and(|limb| limb.leading_zeros() <= 1)
}
