//! The kernels, one file each. A file contains the code for the CPU. With the feature `gpu` it also contains the
//! shader and its parameters, the rounds of a batch, the check that a GPU's results must pass, and a known answer.
//! Running kernels on a GPU is generic and is in `device/offload`.
//!
//! Kernels take and return reduced numbers as rows of limbs and never see another device's Montgomery form. So all
//! devices return identical bytes. Kernels do not check their inputs.

#[cfg(feature = "owner")]
pub mod crt_decrypt;
#[cfg(feature = "owner")]
pub mod crt_encrypt;
#[cfg(feature = "owner")]
pub mod crt_key;
#[cfg(feature = "owner")]
pub mod crt_pow;
pub mod fixed_base;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod hamming_aggregate;
#[cfg(feature = "owner")]
pub mod hamming_decode;
pub mod integers;
mod inverses;
pub mod messages;
pub mod multi_exp;
pub mod pair_fixed_base_pow;
pub mod pair_mul;
pub mod pair_pow;
#[cfg(feature = "owner")]
mod residue;
pub mod residue_product;
#[cfg(any(feature = "gpu", feature = "hazmat"))]
pub(crate) mod samples;
mod schedule;
pub mod weights;

/// All shaders.
#[cfg(all(any(test, feature = "hazmat"), feature = "gpu", feature = "owner"))]
pub const SHADERS: [&gpu::shader::Shader; 7] = [
    &pair_mul::gpu::SHADER,
    &pair_pow::gpu::SHADER,
    &pair_fixed_base_pow::gpu::SHADER,
    &hamming_aggregate::gpu::SHADER,
    &multi_exp::gpu::SHADER,
    &hamming_decode::gpu::TO_MONT,
    &hamming_decode::gpu::COUNT,
];

/// The kernels with inputs for them, for benches and for tests that compare devices.
#[cfg(feature = "hazmat")]
pub const SAMPLERS: &[samples::Sampler] = &[
    pair_mul::SAMPLER,
    pair_pow::SAMPLER,
    pair_fixed_base_pow::SAMPLER,
    hamming_aggregate::SAMPLER,
    multi_exp::SAMPLER,
    #[cfg(feature = "owner")]
    crt_encrypt::SAMPLER,
    #[cfg(feature = "owner")]
    crt_decrypt::SAMPLER,
    #[cfg(feature = "owner")]
    hamming_decode::SAMPLER,
];
