//! What devices turn out to be, for people and for JSON.

use serde::Serialize;
use std::time::Duration;

/// What an open device turned out to be, for people and for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeviceReport {
    /// The device asked for.
    pub asked: String,
    /// The device used.
    pub used: String,
    /// Whether that is a GPU emulated in software.
    pub software: bool,
    /// Batches that a GPU could not finish and the processor did.
    pub batches_on_cpu: u64,
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
