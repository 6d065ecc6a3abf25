//! The kernels that GPUs compute, one file each: the shader and its parameters, rounds, the check that a GPU's results must
//! pass, and a known answer. What runs them is generic: `backend/offload`.

mod checks;
mod constants;
pub(super) mod hamming_aggregate;
#[cfg(feature = "owner")]
pub(super) mod hamming_decode;
mod known_answers;
mod pace;
pub(super) mod pair_fixed_base_pow;
pub(super) mod pair_mul;
pub(super) mod pair_pow;
mod program;
pub mod shader;
pub mod shape;
pub(super) mod weighted_sum;

use crate::arith::modulus::Modulus;

/// All shaders.
#[cfg(all(any(test, feature = "hazmat"), feature = "owner"))]
pub const SHADERS: [&shader::Shader; 7] = [
    &pair_mul::SHADER,
    &pair_pow::SHADER,
    &pair_fixed_base_pow::SHADER,
    &hamming_aggregate::SHADER,
    &weighted_sum::SHADER,
    &hamming_decode::ENTER,
    &hamming_decode::COUNT,
];

/// Whether GPUs may have numbers of this modulus: one with many leading zeros would take their kernels a multiple of the
/// time, as they subtract it where they have a bit too many. Keys have at most one.
fn suits_gpus(modulus: &Modulus) -> bool {
    modulus.limbs().last().is_some_and(|limb| limb.leading_zeros() <= 1)
}

/// Copies bytes that came back to `limbs`.
fn copy(bytes: &[u8], limbs: &mut [u64]) {
    bytemuck::cast_slice_mut(limbs).copy_from_slice(bytes);
}
