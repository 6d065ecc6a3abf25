//! The devices that benches run on: the processor, and the best GPU unless it is emulated, which
//! HUSHVEC_BENCH_SOFTWARE_GPU=1 lets in.

use hushvec::{Device, Devices};

/// Each with the name that it has in bench ids.
pub fn devices() -> Vec<(&'static str, Device)> {
    let gpu = Devices::check(&Device::Gpu).is_ok_and(|gpu| {
        !gpu.software || std::env::var_os("HUSHVEC_BENCH_SOFTWARE_GPU").is_some_and(|value| value == "1")
    });
    let mut devices = vec![("cpu", Device::Cpu)];
    devices.extend(gpu.then_some(("gpu", Device::Gpu)));
    devices
}
