//! Kernels of packed search, one file each, for the CPU and for GPUs.

#[cfg(feature = "gpu")]
mod combination;
pub mod packed_scan;

use crate::device::Device;
use crate::device::open_device::OpenDevice;

/// Returns whether packed search uses the device's GPU. `auto` does not: blocks are uploaded for every scan, and
/// checking takes the CPU as long as scanning for one query.
pub(super) fn uses_gpu(device: &OpenDevice) -> bool {
    device.is_gpu() && *device.device() != Device::Auto
}

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
    use crate::rlwe::packed::parameters::basis;

    /// The upper parts of residues must leave room for sixteen products: see `shaders/ring/sums.wgsl`.
    #[test]
    fn primes_suit_the_shader() {
        assert!(basis().rings()[..2].iter().all(|ring| ring.modulus().value() <= (1 << 29) - (1 << 15)));
    }

    #[test]
    fn every_shader_is_valid() {
        super::sources().iter().for_each(|(name, text)| assert_portable(name, text));
    }
}
