//! Bases for many powers.

use crate::bignum::modulus::Modulus;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// A base modulo m² and the length of its exponents. The base may be secret and is wiped when dropped.
///
/// Devices store their window tables of the base here. Each device has its own type of table, which wipes itself when
/// dropped.
pub struct FixedBase {
    modulus: Arc<Modulus>,
    base: Zeroizing<Vec<u64>>,
    exponent_bits: usize,
    tables: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
}

impl std::fmt::Debug for FixedBase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixedBase").field("exponent_bits", &self.exponent_bits).finish_non_exhaustive()
    }
}

impl FixedBase {
    /// Makes a base from a reduced pair modulo m². Its exponents have at most `exponent_bits` bits.
    pub fn new(modulus: Arc<Modulus>, base: &[u64], exponent_bits: usize) -> Self {
        Self { modulus, base: Zeroizing::new(base.to_vec()), exponent_bits, tables: Mutex::default() }
    }

    /// Returns the modulus m.
    pub fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// Returns the base, as a pair.
    pub fn base(&self) -> &[u64] {
        &self.base
    }

    /// Returns the length of the exponents, in bits.
    pub fn exponent_bits(&self) -> usize {
        self.exponent_bits
    }

    /// Returns the table of type `T` for which `fits` is true, and makes it with `make` if there is none. Of each
    /// type, the newest `most` tables are kept.
    pub(super) fn table<T: Any + Send + Sync, E>(
        &self,
        most: usize,
        fits: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let of_type = |table: &Arc<dyn Any + Send + Sync>| Arc::clone(table).downcast::<T>().ok();
        if let Some(table) = tables.iter().filter_map(of_type).find(|table| fits(table)) {
            return Ok(table);
        }
        let table = Arc::new(make()?);
        if tables.iter().filter_map(of_type).count() >= most
            && let Some(oldest) = tables.iter().position(|table| table.is::<T>())
        {
            tables.remove(oldest);
        }
        tables.push(Arc::clone(&table) as Arc<dyn Any + Send + Sync>);
        Ok(table)
    }
}
