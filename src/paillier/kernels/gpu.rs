//! What the GPU parts of Paillier's kernels share: shaders for a size, rounds that fit, checks of results, known answers.

pub(super) mod batch_check;
pub(super) mod constants;
pub(super) mod known_answers;
pub(super) mod pace;
pub(super) mod program;
pub mod shader;
pub mod shape;

use crate::bignum::modulus::Modulus;

/// Whether GPUs may have numbers of this modulus: one with many leading zeros would take their kernels a multiple of the
/// time, as they subtract it where they have a bit too many. Keys have at most one.
pub(super) fn suits_gpus(modulus: &Modulus) -> bool {
    modulus.limbs().last().is_some_and(|limb| limb.leading_zeros() <= 1)
}

/// Copies bytes that came back to `limbs`.
pub(super) fn copy(bytes: &[u8], limbs: &mut [u64]) {
    bytemuck::cast_slice_mut(limbs).copy_from_slice(bytes);
}
