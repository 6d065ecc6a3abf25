//! GPUs, through wgpu: what feeds kernels, and what can go wrong with them. It knows no kernel, and trusts no result:
//! `device/offload` checks them, and finishes on the CPU what fails.

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

/// GPUs that are open, for whoever opens them next: each compiles its kernels once a process, not once a context.
static OPEN: Mutex<Vec<Weak<Engine>>> = Mutex::new(Vec::new());

/// The GPUs of this machine, the best first.
pub(crate) fn adapters() -> Vec<AdapterInfo> {
    adapter::adapters(KernelOptions::default()).iter().map(adapter::Adapter::describe).collect()
}

/// The GPU that `device` means.
///
/// # Errors
/// [`Error::Device`] if there is none.
pub(crate) fn adapter(device: &Device) -> Result<AdapterInfo, Error> {
    adapter::choose(device, KernelOptions::default()).map(|adapter| adapter.describe())
}

impl Gpu {
    /// The GPU that `device` means: the one that is open already, if it still works.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none, or its driver refuses.
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

    /// Opens the adapter that `device` means, for its caller alone.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none, or its driver refuses.
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

    /// How long kernels have run, if the device can tell.
    pub(crate) fn kernel_time(&self) -> Option<std::time::Duration> {
        self.engine.kernel_time()
    }

    /// Whether it can be used again after a failure: unless the device is gone.
    pub(crate) fn recover(&self) -> bool {
        self.engine.recover()
    }

    /// The multiply-adds of the largest dispatch so far.
    #[cfg(feature = "hazmat")]
    pub(crate) fn most_macs_a_dispatch(&self) -> u64 {
        self.engine.budget.largest()
    }

    /// Whether both are one open device.
    #[cfg(feature = "hazmat")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    /// Has something go wrong after `readings` results more.
    #[cfg(feature = "hazmat")]
    pub(crate) fn inject(&self, readings: u64, fault: fault::Fault) {
        self.engine.inject(readings, fault);
    }
}
