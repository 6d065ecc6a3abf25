//! What this machine could compute on.

use super::{Backend, DeviceReport};
use crate::device::Device;
use crate::error::Error;
use serde::Serialize;
use std::num::NonZeroUsize;

/// The devices of this machine, and what `auto` makes of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Devices {
    /// The processor.
    pub cpu: CpuInfo,
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

impl Devices {
    /// Looks at this machine.
    ///
    /// # Errors
    /// [`Error::Device`] if threads cannot be started.
    pub fn detect(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let backend = Backend::open(&Device::Cpu, threads)?;
        let cpu = CpuInfo {
            model: cpu_model(),
            cores: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            threads: backend.threads(),
            level: backend.cpu_level().to_owned(),
        };
        Ok(Self { cpu, auto: "cpu".to_owned(), reason: "this build has no GPU kernels".to_owned() })
    }

    /// Opens a device to see whether it can be used, and as what.
    ///
    /// # Errors
    /// [`Error::Device`] if it cannot.
    pub fn check(device: &Device, threads: Option<NonZeroUsize>) -> Result<DeviceReport, Error> {
        Ok(Backend::open(device, threads)?.report(device))
    }
}

fn cpu_model() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    model.unwrap_or(std::env::consts::ARCH).to_owned()
}
