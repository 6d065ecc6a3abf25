//! GPUs through wgpu: buffers, dispatches and failures.
//!
//! This module knows no kernel and trusts no result: `device/offload` checks results, and computes on the CPU the
//! batches that a GPU fails.

pub mod adapter;
pub(crate) mod buffer;
pub(crate) mod dispatch_budget;
pub(crate) mod engine;
mod failure;
#[cfg(feature = "hazmat")]
pub mod fault;
mod lock;
mod pool;
pub(crate) mod readback;
pub(crate) mod shader;
mod timer;

pub(crate) use failure::GpuFailure;

use super::Device;
use super::report::AdapterInfo;
use crate::error::Error;
use adapter::{Adapter, KernelOptions};
use engine::Engine;
use lock::lock;
use std::sync::{Arc, Mutex, Weak};

/// An open GPU.
#[derive(Clone)]
pub(crate) struct Gpu {
    pub(crate) engine: Arc<Engine>,
}

/// The open GPUs of this process. They are shared, so that each GPU compiles its kernels once per process instead of
/// once per context.
static OPEN: Mutex<Vec<Weak<Engine>>> = Mutex::new(Vec::new());

/// Returns the GPUs of this machine, in order of preference.
pub(crate) fn adapters() -> Vec<AdapterInfo> {
    adapter::adapters(KernelOptions::default()).iter().map(adapter::Adapter::describe).collect()
}

/// Returns the GPU that `device` selects.
///
/// # Errors
/// [`Error::Device`] if there is none.
pub(crate) fn adapter(device: &Device) -> Result<AdapterInfo, Error> {
    adapter::choose(device, KernelOptions::default()).map(|adapter| adapter.describe())
}

impl Gpu {
    /// Opens the GPU that `device` selects, or shares it if it is already open and still works.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none, or its driver reports an error.
    pub(crate) fn share(device: &Device) -> Result<Self, Error> {
        let adapter = adapter::choose(device, KernelOptions::default())?;
        let mut open = lock(&OPEN);
        let works = |engine: &Arc<Engine>| *engine.adapter() == adapter && engine.check().is_ok();
        let found = open.iter().filter_map(Weak::upgrade).find(works);
        let gpu = found.map_or_else(|| Self::with_adapter(device, adapter), |engine| Ok(Self { engine }))?;
        open.retain(|other| other.strong_count() > 0 && other.as_ptr() != Arc::as_ptr(&gpu.engine));
        open.push(Arc::downgrade(&gpu.engine));
        Ok(gpu)
    }

    /// Opens the GPU that `device` selects, not shared with other callers.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none, or its driver reports an error.
    #[cfg(feature = "hazmat")]
    pub(crate) fn open(device: &Device, options: KernelOptions) -> Result<Self, Error> {
        Self::with_adapter(device, adapter::choose(device, options)?)
    }

    fn with_adapter(device: &Device, adapter: Adapter) -> Result<Self, Error> {
        let name = adapter.describe().name;
        let engine = Engine::open(adapter)
            .map_err(|failure| Error::Device { asked: device.to_string(), reason: format!("{name}: {failure}") })?;
        Ok(Self { engine: Arc::new(engine) })
    }

    pub(crate) fn info(&self) -> AdapterInfo {
        self.engine.adapter().describe()
    }

    /// Returns the total run time of kernels, if the GPU has a clock.
    pub(crate) fn kernel_time(&self) -> Option<std::time::Duration> {
        self.engine.kernel_time()
    }

    /// Clears a failure. Returns whether the GPU can be used again: `false` if the device is lost.
    pub(crate) fn recover(&self) -> bool {
        self.engine.recover()
    }

    /// Returns the multiply-adds of the largest dispatch so far.
    #[cfg(feature = "hazmat")]
    pub(crate) fn most_macs_a_dispatch(&self) -> u64 {
        self.engine.budget.largest()
    }

    /// Returns whether both handles share one open device.
    #[cfg(feature = "hazmat")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    /// Injects a fault into the result after the next `readings` results.
    #[cfg(feature = "hazmat")]
    pub(crate) fn inject(&self, readings: u64, fault: fault::Fault) {
        self.engine.inject(readings, fault);
    }
}
