//! Shared code of the GPU kernels: shaders for each size, the sizes of rounds, checks of results and known answers.

pub(super) mod batch_check;
pub(super) mod constants;
pub(super) mod known_answers;
pub(super) mod pace;
pub(super) mod program;
pub mod shader;
pub mod shape;

use crate::bignum::modulus::Modulus;

/// Returns whether GPUs can compute efficiently with this modulus. Many leading zero bits would multiply the time,
/// because the kernels subtract the modulus to reduce numbers with excess bits. The moduli of keys have at most one.
pub(super) fn suits_gpus(modulus: &Modulus) -> bool {
    modulus.limbs().last().is_some_and(|limb| limb.leading_zeros() <= 1)
}

/// Copies bytes that were read back to `limbs`.
pub(super) fn copy(bytes: &[u8], limbs: &mut [u64]) {
    bytemuck::cast_slice_mut(limbs).copy_from_slice(bytes);
}
