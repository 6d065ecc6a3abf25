//! GPUs, through wgpu: the kernels of `shaders/`, what feeds them, and what can go wrong.
//!
//! Everything here either returns the result of the whole batch or says why it cannot. It trusts no result:
//! `backend::offloaded` checks them, and finishes on the processor what fails.

pub mod adapter;
mod buffer;
mod constants;
mod dispatch_budget;
mod engine;
mod failure;
#[cfg(feature = "hazmat")]
pub mod fault;
mod hamming_aggregate;
#[cfg(feature = "owner")]
mod hamming_decode;
mod pace;
pub(super) mod pair_fixed_base_pow;
mod pair_mul;
mod pair_pow;
mod pool;
mod program;
mod reading;
mod rounds;
mod shader;
mod timer;
mod weighted_sum;

pub(super) use failure::GpuFailure;
pub(super) use hamming_aggregate::DeviceRows;
pub(super) use rounds::Output;

use super::devices::AdapterInfo;
use super::fixed_base::FixedBase;
use super::weights::Weights;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;
use crate::device::Device;
use crate::error::Error;
use adapter::{Adapter, KernelOptions};
use engine::{Engine, lock};
use std::sync::{Arc, Mutex, Weak};

#[cfg(feature = "owner")]
use super::crt_key::CrtKey;

/// An open GPU.
#[derive(Clone)]
pub(super) struct Gpu {
    engine: Arc<Engine>,
}

/// GPUs that are open, for whoever opens them next: each compiles its kernels once a process, not once a context.
static OPEN: Mutex<Vec<Weak<Engine>>> = Mutex::new(Vec::new());

/// The GPUs of this machine, the best first.
pub(super) fn adapters() -> Vec<AdapterInfo> {
    adapter::adapters(KernelOptions::default()).iter().map(adapter::Adapter::describe).collect()
}

/// The GPU that `device` means.
///
/// # Errors
/// [`Error::Device`] if there is none.
pub(super) fn adapter(device: &Device) -> Result<AdapterInfo, Error> {
    adapter::choose(device, KernelOptions::default()).map(|adapter| adapter.describe())
}

impl Gpu {
    /// The GPU that `device` means: the one that is open already, if it still works.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none, or its driver refuses.
    pub(super) fn share(device: &Device) -> Result<Self, Error> {
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
    pub(super) fn open(device: &Device, options: KernelOptions) -> Result<Self, Error> {
        Self::with_adapter(device, adapter::choose(device, options)?)
    }

    fn with_adapter(device: &Device, adapter: Adapter) -> Result<Self, Error> {
        let name = adapter.describe().name;
        let engine = Engine::open(adapter)
            .map_err(|failure| Error::Device { asked: device.to_string(), reason: format!("{name}: {failure}") })?;
        Ok(Self { engine: Arc::new(engine) })
    }

    pub(super) fn info(&self) -> AdapterInfo {
        self.engine.adapter().describe()
    }

    /// Whether numbers of this modulus may come: one with many leading zeros would take its kernels a multiple of the
    /// time, as they subtract it where they have a bit too many. Keys have at most one.
    pub(super) fn takes(modulus: &Modulus) -> bool {
        modulus.limbs().last().is_some_and(|limb| limb.leading_zeros() <= 1)
    }

    /// How long kernels have run, if the device can tell.
    pub(super) fn kernel_time(&self) -> Option<std::time::Duration> {
        self.engine.kernel_time()
    }

    pub(super) fn pair_mul(
        &self,
        modulus: &Modulus,
        a: Rows<'_>,
        b: Rows<'_>,
        out: &mut Output<'_, '_, u64>,
    ) -> Result<(), GpuFailure> {
        pair_mul::pair_mul(&self.engine, modulus, a, b, out)
    }

    pub(super) fn pair_pow(
        &self,
        modulus: &Modulus,
        bases: Rows<'_>,
        exponent: &Exponent,
        out: &mut Output<'_, '_, u64>,
    ) -> Result<(), GpuFailure> {
        pair_pow::pair_pow(&self.engine, modulus, bases, exponent, out)
    }

    pub(super) fn pair_fixed_base_pow(
        &self,
        base: &FixedBase,
        bits: usize,
        exponents: Rows<'_>,
        out: &mut Output<'_, '_, u64>,
    ) -> Result<(), GpuFailure> {
        pair_fixed_base_pow::pair_fixed_base_pow(&self.engine, base, bits, exponents, out)
    }

    pub(super) fn hamming_aggregate(
        &self,
        modulus: &Modulus,
        queries: Rows<'_>,
        stored: Rows<'_>,
        resident: Option<&DeviceRows>,
        out: &mut Output<'_, '_, u64>,
    ) -> Result<(), GpuFailure> {
        hamming_aggregate::hamming_aggregate(&self.engine, modulus, queries, stored, resident, out)
    }

    /// Whether a job of `weighted_sum` fits.
    pub(super) fn takes_inputs(&self, modulus: &Modulus, inputs: usize, weights: &Weights) -> bool {
        weighted_sum::takes(&self.engine, modulus, inputs, weights)
    }

    pub(super) fn weighted_sides(
        &self,
        modulus: &Modulus,
        inputs: Rows<'_>,
        weights: &Weights,
        out: &mut Output<'_, '_, u64>,
    ) -> Result<(), GpuFailure> {
        weighted_sum::weighted_sides(&self.engine, modulus, inputs, weights, out)
    }

    /// Sends rows to the device, to stay there.
    pub(super) fn reside(&self, rows: Rows<'_>) -> Result<DeviceRows, GpuFailure> {
        DeviceRows::new(&self.engine, rows)
    }

    #[cfg(feature = "owner")]
    pub(super) fn hamming_decode(
        &self,
        key: &CrtKey,
        dimensions: usize,
        nonce: u32,
        ciphertexts: Rows<'_>,
        out: &mut Output<'_, '_, u32>,
    ) -> Result<(), GpuFailure> {
        hamming_decode::hamming_decode(&self.engine, key, dimensions, nonce, ciphertexts, out)
    }

    /// Whether it can be used again after a failure: unless the device is gone.
    pub(super) fn recover(&self) -> bool {
        self.engine.recover()
    }

    /// The multiply-adds of the largest dispatch so far.
    #[cfg(feature = "hazmat")]
    pub(super) fn most_macs_a_dispatch(&self) -> u64 {
        self.engine.budget.largest()
    }

    /// Whether both are one open device.
    #[cfg(feature = "hazmat")]
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.engine, &other.engine)
    }

    /// Has something go wrong after `readings` results more.
    #[cfg(feature = "hazmat")]
    pub(super) fn inject(&self, readings: u64, fault: fault::Fault) {
        self.engine.inject(readings, fault);
    }
}
