//! Reports on devices, for people and for JSON.

use serde::Serialize;
use std::time::Duration;

/// Which device is used, for people and for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeviceReport {
    /// The device asked for.
    pub asked: String,
    /// The device used.
    pub used: String,
    /// Whether the device used is a GPU emulated in software.
    pub software: bool,
    /// Batches that the GPU could not finish and the CPU did.
    pub batches_on_cpu: u64,
}

/// A description of a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdapterInfo {
    /// Its index: the N of `gpu:N`.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `unknown`.
    pub kind: &'static str,
    /// Whether it is emulated by the CPU.
    pub software: bool,
    /// The API that it is used through: `Vulkan`, `Metal`, `Dx12` or `Gl`.
    pub api: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// The family of kernels that it runs: `cooperative` or `portable`.
    pub kernels: &'static str,
}

/// Where a GPU's time went since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GpuTimes {
    /// Run time of kernels by the GPU's clock, if it has one. Includes the kernels of all handles in this process
    /// that share the GPU.
    pub kernels: Option<Duration>,
    /// Time from submitting batches until their results are in host memory.
    pub away: Duration,
    /// Time spent checking results on the CPU, mostly while the GPU computes the next round of a batch.
    pub checking: Duration,
    /// The part of `checking` that does not overlap with GPU work.
    pub waiting: Duration,
}
