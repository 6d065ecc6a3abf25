//! What this machine could compute on.

use super::cpu::threads;
use super::{Backend, DeviceReport};
use crate::device::Device;
use crate::error::Error;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::time::Duration;

/// The devices of this machine, and what `auto` makes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Devices {
    /// The processor.
    pub cpu: CpuInfo,
    /// The GPUs, the best first.
    pub gpus: Vec<AdapterInfo>,
    /// The device that `auto` uses.
    pub auto: String,
    /// Why.
    pub reason: String,
}

/// The processor and how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CpuInfo {
    /// Its name, as the operating system has it.
    pub model: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Threads that would be used.
    pub threads: usize,
    /// The instruction set of the kernels that would be used.
    pub level: String,
}

/// A GPU, as a person wants to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdapterInfo {
    /// Its number: what `gpu:N` means.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Discrete, integrated, virtual, software or unknown.
    pub kind: &'static str,
    /// Whether a processor emulates it.
    pub software: bool,
    /// The interface it is reached through: Vulkan, Metal, Dx12 or Gl.
    pub api: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// The family of kernels that it gets: cooperative or portable.
    pub kernels: &'static str,
}

/// Where a GPU's time went, since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GpuTimes {
    /// Kernels running, by the device's clock, if it has one: those of everyone in this process who has it open.
    pub kernels: Option<Duration>,
    /// From handing batches over to having their results in host memory.
    pub away: Duration,
    /// Checking results on the processor, most of it while the GPU computes the next round of a batch.
    pub checking: Duration,
    /// The part of that which the GPU's work does not cover.
    pub waiting: Duration,
}

impl Devices {
    /// Looks at this machine.
    ///
    /// # Errors
    /// [`Error::Parameter`] for too many threads; [`Error::Device`] if they cannot be started.
    pub fn detect(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let backend = Backend::open(&Device::Cpu, threads)?;
        let cpu = CpuInfo {
            model: cpu_model(),
            cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads: backend.threads(),
            level: backend.cpu_level().to_owned(),
        };
        let gpus = adapters();
        let (auto, reason) = match gpus.first() {
            Some(gpu) if !gpu.software => (
                gpu.name.clone(),
                "it is a GPU; batches that the processor turns out to finish sooner stay there".to_owned(),
            ),
            Some(_) => ("cpu".to_owned(), "the only GPU is emulated by the processor".to_owned()),
            None => ("cpu".to_owned(), NO_GPU.to_owned()),
        };
        Ok(Self { cpu, gpus, auto, reason })
    }

    /// Whether so many threads could be used, without starting them.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are more than four a core and more than 64.
    pub fn check_threads(threads: Option<NonZeroUsize>) -> Result<(), Error> {
        threads::checked(threads).map(drop)
    }

    /// What a device would turn out to be, without opening it.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no such device.
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
const NO_GPU: &str = "there is no GPU, or no driver for one";
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
