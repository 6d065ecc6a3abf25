//! The devices that tests run on: all devices, or those whose name here starts with the value of HUSHVEC_TEST_DEVICES.

#![allow(dead_code, reason = "each test uses a part")]

use hushvec::Device;
use hushvec::OpenDevice;
use hushvec::hazmat::KernelOptions;
use std::io::Write;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

/// The largest modulus, in bits, for which all kernels of the portable family are tested. For larger ones, the software
/// driver takes half a minute to compile each kernel.
const PORTABLE_BITS: usize = 4096;

fn open() -> Vec<(String, OpenDevice)> {
    let mut devices = Vec::new();
    for (name, threads) in [("one thread", NonZeroUsize::new(1)), ("three threads", NonZeroUsize::new(3))] {
        let cpus = OpenDevice::at_every_isa(threads).unwrap();
        devices.extend(cpus.into_iter().map(|cpu| (format!("cpu, {}, {name}", cpu.cpu_isa()), cpu)));
    }
    let families = [
        ("cooperative", KernelOptions::default()),
        ("portable", KernelOptions { portable: true, ..KernelOptions::default() }),
    ];
    for (family, options) in families {
        match OpenDevice::with_options(Device::Gpu, None, options) {
            Ok(device) => devices.push((format!("gpu, {family}"), device)),
            Err(error) if is_gpu_required() => panic!("{error}"),
            Err(error) => say(&format!("SKIPPED on GPUs ({family}): {error}")),
        }
    }
    if let Ok(wanted) = std::env::var("HUSHVEC_TEST_DEVICES") {
        say(&format!("SKIPPED on all devices except {wanted}"));
        devices.retain(|(name, _)| name.starts_with(&wanted));
    }
    devices
}

/// Writes a line to standard error directly, because the test harness captures eprintln when a test passes.
pub fn say(text: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "{text}").unwrap();
}

/// Returns whether a missing GPU is a failure.
pub fn is_gpu_required() -> bool {
    std::env::var_os("HUSHVEC_REQUIRE_GPU").is_some_and(|value| value == "1")
}

/// Returns the devices of this machine with their names, for numbers of `bits` bits.
pub fn devices(bits: usize) -> impl Iterator<Item = &'static (String, OpenDevice)> {
    static BACKENDS: OnceLock<Vec<(String, OpenDevice)>> = OnceLock::new();
    let wanted = move |name: &str| bits <= PORTABLE_BITS || name != "gpu, portable";
    BACKENDS.get_or_init(open).iter().filter(move |(name, _)| wanted(name))
}

/// Fails if a batch fell back from a GPU to the CPU, because the test then compared the CPU with itself.
pub fn assert_nothing_fell_back() {
    for (name, device) in devices(0) {
        assert_eq!(device.report().batches_on_cpu, 0, "{name}");
    }
}
