//! The devices that benches run on: the CPU with each of its instruction sets, and the preferred GPU. An emulated GPU
//! is used only with HUSHVEC_BENCH_SOFTWARE_GPU=1.

#![allow(dead_code, reason = "each bench uses a part")]

use hushvec::OpenDevice;
use hushvec::{Device, Devices};
use std::num::NonZeroUsize;

/// Returns the CPU with each of its instruction sets, the fastest first, with their names in bench ids. On one
/// thread, like the libraries compared with.
pub fn isas() -> Vec<(&'static str, OpenDevice)> {
    let isas = OpenDevice::at_every_isa(NonZeroUsize::new(1)).unwrap();
    isas.into_iter().map(|device| (device.cpu_isa(), device)).collect()
}

/// Returns the GPU, if there is one to measure.
pub fn gpu() -> Option<Device> {
    let software = std::env::var_os("HUSHVEC_BENCH_SOFTWARE_GPU").is_some_and(|value| value == "1");
    Devices::check(&Device::Gpu).is_ok_and(|gpu| software || !gpu.software).then_some(Device::Gpu)
}
