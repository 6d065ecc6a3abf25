//! A base of which many powers are wanted.

use crate::bignum::modulus::Modulus;
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// A base modulo m² and the length of its exponents. Devices keep their window tables of it here, each in a type of its own,
/// which wipes itself when dropped. May be secret: wiped when dropped.
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
    /// `base` is a reduced pair modulo m²; exponents have at most `exponent_bits` bits.
    pub fn new(modulus: Arc<Modulus>, base: &[u64], exponent_bits: usize) -> Self {
        Self { modulus, base: Zeroizing::new(base.to_vec()), exponent_bits, tables: Mutex::default() }
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

    /// The table of type `T` that `fits`, made by `make` if there is none. The newest `most` of the type are kept.
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
