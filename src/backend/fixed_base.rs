//! A base of which many powers are wanted.

use super::cpu::Cpu;
use super::cpu::level::Level;
use super::cpu::pair_fixed_base_pow::WindowTable;
#[cfg(feature = "gpu")]
use super::gpu::{GpuFailure, pair_fixed_base_pow::DeviceTable};
use crate::arith::modulus::Modulus;
use std::sync::{Arc, OnceLock};
#[cfg(feature = "gpu")]
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// A base modulo m² and the length of its exponents. The window tables are made by the backend that first needs
/// them, and kept here. May be secret: wiped when dropped.
pub struct FixedBase {
    modulus: Arc<Modulus>,
    base: Zeroizing<Vec<u64>>,
    exponent_bits: usize,
    /// One for each level.
    cpu_tables: [OnceLock<WindowTable>; Level::COUNT],
    #[cfg(feature = "gpu")]
    device_table: Mutex<Option<Arc<DeviceTable>>>,
}

impl std::fmt::Debug for FixedBase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixedBase").field("exponent_bits", &self.exponent_bits).finish_non_exhaustive()
    }
}

impl FixedBase {
    /// `base` is a reduced pair modulo m²; exponents have at most `exponent_bits` bits.
    pub fn new(modulus: Arc<Modulus>, base: &[u64], exponent_bits: usize) -> Self {
        Self {
            modulus,
            base: Zeroizing::new(base.to_vec()),
            exponent_bits,
            cpu_tables: Default::default(),
            #[cfg(feature = "gpu")]
            device_table: Mutex::new(None),
        }
    }

    /// The modulus m.
    pub fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// The base, as a pair.
    pub fn base(&self) -> &[u64] {
        &self.base
    }

    /// The length of its exponents, in bits.
    pub fn exponent_bits(&self) -> usize {
        self.exponent_bits
    }

    /// The table of the GPU that computes with this base, made by `make` unless the one there `fits`. One is kept.
    #[cfg(feature = "gpu")]
    pub(super) fn device_table(
        &self,
        fits: impl FnOnce(&DeviceTable) -> bool,
        make: impl FnOnce() -> Result<DeviceTable, GpuFailure>,
    ) -> Result<Arc<DeviceTable>, GpuFailure> {
        let mut kept = self.device_table.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(table) if fits(table) => Ok(Arc::clone(table)),
            _ => Ok(Arc::clone(kept.insert(Arc::new(make()?)))),
        }
    }

    pub(super) fn cpu_table(&self, cpu: &Cpu) -> &WindowTable {
        let table = &self.cpu_tables[cpu.level().number()];
        table.get_or_init(|| WindowTable::new(cpu, &self.modulus, &self.base, self.exponent_bits))
    }
}
