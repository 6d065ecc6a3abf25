//! Kernels on batches of polynomials, one file each. A file contains the function that callers use. With the feature
//! `gpu` it also contains the shader. What all of them share on GPUs is in `gpu`.
//!
//! Polynomials follow each other without gaps. Polynomial i belongs to ring i modulo the number of rings, so the limbs
//! of RNS polynomials are a batch as they are. Results are canonical residues on all devices. Kernels do not check
//! their inputs, which must be public: GPUs do not promise constant time.

mod batch;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub mod ntt_forward;
pub mod ntt_inverse;
#[cfg(feature = "gpu")]
pub(crate) mod samples;

/// The WGSL of all shaders for all degrees, with a name for each.
#[cfg(all(any(test, feature = "hazmat"), feature = "gpu"))]
pub fn sources() -> Vec<(String, String)> {
    [ntt_forward::gpu::SHADER, ntt_inverse::gpu::SHADER].iter().flat_map(gpu::transform::sources).collect()
}
