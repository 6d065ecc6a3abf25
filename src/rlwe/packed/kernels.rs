//! Kernels of packed search, one file each, for the CPU and for GPUs.

#[cfg(feature = "gpu")]
mod combination;
pub mod packed_scan;

#[cfg(all(any(test, feature = "hazmat"), feature = "gpu"))]
use crate::{ring, rlwe::key_switch};

/// The WGSL of all shaders for lattices, of this module and of the ring, with a name for each.
#[cfg(all(any(test, feature = "hazmat"), feature = "gpu"))]
pub fn sources() -> Vec<(String, String)> {
    [ring::kernels::sources(), key_switch::gpu::sources(), packed_scan::gpu::sources()].concat()
}

#[cfg(all(test, feature = "gpu"))]
mod tests {
    use crate::device::gpu::shader::assert_portable;

    #[test]
    fn every_shader_is_valid() {
        super::sources().iter().for_each(|(name, text)| assert_portable(name, text));
    }
}
