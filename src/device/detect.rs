//! Detects the devices of this machine.

use super::Device;
use super::isa::Isa;
use super::report::{AdapterInfo, DeviceReport};
use super::threads;
use crate::error::Error;
use serde::Serialize;
use std::num::NonZeroUsize;

/// The devices of this machine, and the one that `auto` selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Devices {
    /// The CPU.
    pub cpu: CpuInfo,
    /// The GPUs, in order of preference.
    pub gpus: Vec<AdapterInfo>,
    /// The device that `auto` selects.
    pub auto: String,
    /// Why `auto` selects it.
    pub reason: String,
}

/// The CPU, and the threads and instruction set that would be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CpuInfo {
    /// Its name, as the operating system reports it.
    pub model: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Threads that would be used.
    pub threads: usize,
    /// The instruction set of the kernels that would be used.
    pub isa: String,
}

impl Devices {
    /// Detects the devices of this machine.
    ///
    /// # Errors
    /// [`Error::Parameter`] for more threads than [`Devices::check_threads`] allows.
    pub fn detect(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let cpu = CpuInfo {
            model: cpu_model(),
            cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads: threads::checked(threads)?,
            isa: Isa::best().name().to_owned(),
        };
        let gpus = adapters();
        let (auto, reason) = match gpus.first() {
            Some(gpu) if !gpu.software => {
                (gpu.name.clone(), "it is a GPU; batches that the CPU finishes faster stay on the CPU".to_owned())
            }
            Some(_) => ("cpu".to_owned(), "the only GPU is emulated by the CPU".to_owned()),
            None => ("cpu".to_owned(), NO_GPU.to_owned()),
        };
        Ok(Self { cpu, gpus, auto, reason })
    }

    /// Checks that this number of threads is allowed, without starting any.
    ///
    /// # Errors
    /// [`Error::Parameter`] for more than four threads per core, unless there are at most 64.
    pub fn check_threads(threads: Option<NonZeroUsize>) -> Result<(), Error> {
        threads::checked(threads).map(drop)
    }

    /// Reports which device `device` selects, without opening it.
    ///
    /// # Errors
    /// [`Error::Device`] if the device is not found.
    pub fn check(device: &Device) -> Result<DeviceReport, Error> {
        let gpu = match device {
            Device::Cpu => None,
            Device::Auto => adapters().into_iter().next().filter(|gpu| !gpu.software),
            Device::Gpu | Device::GpuIndex(_) | Device::GpuName(_) => Some(adapter(device)?),
        };
        Ok(DeviceReport {
            asked: device.to_string(),
            software: gpu.as_ref().is_some_and(|gpu| gpu.software),
            used: gpu.map_or("cpu".to_owned(), |gpu| gpu.name),
            batches_on_cpu: 0,
        })
    }
}

#[cfg(feature = "gpu")]
use super::gpu::{adapter, adapters};
#[cfg(feature = "gpu")]
const NO_GPU: &str = "there is no GPU, or its driver is missing";
#[cfg(not(feature = "gpu"))]
const NO_GPU: &str = "this build has no GPU kernels";

#[cfg(not(feature = "gpu"))]
fn adapters() -> Vec<AdapterInfo> {
    Vec::new()
}

#[cfg(not(feature = "gpu"))]
fn adapter(device: &Device) -> Result<AdapterInfo, Error> {
    Err(Error::Device { asked: device.to_string(), reason: format!("{NO_GPU}; use cpu or auto") })
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    model.unwrap_or(std::env::consts::ARCH).to_owned()
}
