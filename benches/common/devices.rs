//! What benches run on: the processor at each level of instructions, and the best GPU unless it is emulated, which
//! HUSHVEC_BENCH_SOFTWARE_GPU=1 lets in.

#![allow(dead_code, reason = "each bench uses a part")]

use hushvec::OpenDevice;
use hushvec::{Device, Devices};
use std::num::NonZeroUsize;

/// The processor at each of its levels, the best first, on one thread like the libraries beside it; each with the name
/// that it has in bench ids.
pub fn levels() -> Vec<(&'static str, OpenDevice)> {
    let levels = OpenDevice::at_every_isa(NonZeroUsize::new(1)).unwrap();
    levels.into_iter().map(|device| (device.cpu_isa(), device)).collect()
}

/// The GPU, if there is one to measure.
pub fn gpu() -> Option<Device> {
    let software = std::env::var_os("HUSHVEC_BENCH_SOFTWARE_GPU").is_some_and(|value| value == "1");
    Devices::check(&Device::Gpu).is_ok_and(|gpu| software || !gpu.software).then_some(Device::Gpu)
}
