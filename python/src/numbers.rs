//! Encrypted numbers. Their public types, with operators, are in `hushvec/numbers.py`.

use crate::arrays::changed;
use crate::blocks::in_blocks;
use crate::errors::{InputError, raise};
use crate::pinned::Pinned;
use crate::plain::{self, PlainArray};
use crate::progress::Reporter;
use hushvec::{
    Device, EncryptedArray, EncryptedNumber, Error, ExecutionContext, MachineNumber, NumberEvaluator, NumberFormat,
    PublicContext,
};
use num_bigint::BigInt;
use numpy::{Element, PyArrayDescrMethods, PyReadonlyArray1, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Encrypted numbers, and the evaluator that computes with them.
#[pyclass(frozen, module = "hushvec._hushvec")]
pub struct Numbers {
    evaluator: Arc<NumberEvaluator>,
    array: EncryptedArray,
}

impl Numbers {
    pub fn new(evaluator: Arc<NumberEvaluator>, array: EncryptedArray) -> Self {
        Self { evaluator, array }
    }

    /// Reads the bytes that `to_bytes` returned.
    pub fn from_bytes(py: Python<'_>, evaluator: &Arc<NumberEvaluator>, bytes: &[u8]) -> PyResult<Self> {
        let array = py.detach(|| evaluator.numbers_from_bytes(bytes)).map_err(raise)?;
        Ok(Self::new(Arc::clone(evaluator), array))
    }

    /// Reads a file that `save` wrote.
    pub fn load(py: Python<'_>, evaluator: &Arc<NumberEvaluator>, path: &Path) -> PyResult<Self> {
        let array = py.detach(|| evaluator.load_numbers(path)).map_err(raise)?;
        Ok(Self::new(Arc::clone(evaluator), array))
    }

    fn map(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&NumberEvaluator, &EncryptedArray) -> Result<EncryptedArray, Error> + Send,
    ) -> PyResult<Self> {
        let array = py.detach(|| work(&self.evaluator, &self.array)).map_err(raise)?;
        Ok(Self::new(Arc::clone(&self.evaluator), array))
    }

    /// Decrypts the numbers to an array of int64, or of float64 if the exponent is negative.
    pub fn decrypted<'py>(&self, py: Python<'py>, owner: &ExecutionContext) -> PyResult<Bound<'py, PyAny>> {
        if self.array.exponent() >= 0 {
            let integers = self.in_blocks(py, |block| owner.decrypt_integers(block))?.concat();
            return Ok(numpy::PyArray1::from_vec(py, integers).into_any());
        }
        let floats = self.in_blocks(py, |block| owner.decrypt_numbers(block))?.concat();
        Ok(numpy::PyArray1::from_vec(py, floats).into_any())
    }

    fn in_blocks<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Fn(&EncryptedArray) -> Result<T, Error> + Send,
    ) -> PyResult<Vec<T>> {
        let array = &self.array;
        in_blocks(py, array.len(), &Reporter::silent(), Ok, move |range| work(&array.slice(range)))
    }

    /// Decrypts the numbers to integers of any length and their common exponent.
    pub fn decrypted_exactly_vartime<'py>(
        &self,
        py: Python<'py>,
        owner: &ExecutionContext,
    ) -> PyResult<(Vec<Bound<'py, PyAny>>, i32)> {
        let parts = self.in_blocks(py, |block| owner.decrypt_exactly_vartime(block))?;
        let integer = |value: &BigInt| {
            let bytes = PyBytes::new(py, &value.to_signed_bytes_le());
            py.get_type::<PyInt>().call_method("from_bytes", (bytes, "little"), Some(&plain::signed(py)?))
        };
        let integers = parts.iter().flat_map(hushvec::PlainArray::values).map(integer).collect::<PyResult<_>>()?;
        Ok((integers, self.array.exponent()))
    }

    fn one(evaluator: &NumberEvaluator, number: Result<EncryptedNumber, Error>) -> Result<EncryptedArray, Error> {
        evaluator.array_of([&number?])
    }
}

#[pymethods]
impl Numbers {
    fn add(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.map(py, |evaluator, array| evaluator.add(array, &other.array))
    }

    fn sub(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.map(py, |evaluator, array| evaluator.sub(array, &other.array))
    }

    fn neg(&self, py: Python<'_>) -> PyResult<Self> {
        self.map(py, NumberEvaluator::neg)
    }

    fn add_plain(&self, py: Python<'_>, plain: &PlainArray) -> PyResult<Self> {
        self.map(py, |evaluator, array| evaluator.add_plain(array, plain.get()))
    }

    fn mul_plain(&self, py: Python<'_>, plain: &PlainArray) -> PyResult<Self> {
        self.map(py, |evaluator, array| evaluator.mul_plain(array, plain.get()))
    }

    fn dot(&self, py: Python<'_>, plain: &PlainArray) -> PyResult<Self> {
        self.map(py, |evaluator, array| Self::one(evaluator, evaluator.dot(array, plain.get())))
    }

    fn matmul(&self, py: Python<'_>, plain: &PlainArray) -> PyResult<Self> {
        let matrix = plain.matrix()?;
        self.map(py, |evaluator, array| evaluator.matmul(&matrix, array))
    }

    fn sum(&self, py: Python<'_>) -> PyResult<Self> {
        self.map(py, |evaluator, array| Self::one(evaluator, evaluator.sum(array)))
    }

    fn rerandomize(&self, py: Python<'_>) -> PyResult<Self> {
        self.map(py, NumberEvaluator::rerandomize)
    }

    /// Returns the numbers at some positions, which may repeat.
    fn take(&self, py: Python<'_>, positions: Vec<usize>) -> PyResult<Self> {
        let numbers: Option<Vec<_>> = positions.iter().map(|position| self.array.get(*position)).collect();
        let outside =
            || InputError::new_err(format!("a position is out of range: there are {} numbers", self.array.len()));
        let numbers = numbers.ok_or_else(outside)?;
        self.map(py, |evaluator, _| evaluator.array_of(&numbers))
    }

    /// Returns these numbers followed by others.
    fn followed_by(&self, py: Python<'_>, others: Vec<PyRef<'_, Self>>) -> PyResult<Self> {
        let others: Vec<&EncryptedArray> = others.iter().map(|other| &other.array).collect();
        self.map(py, |evaluator, array| evaluator.concat(std::iter::once(array).chain(others.iter().copied())))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.array.to_bytes(self.evaluator.public_key()).map_err(raise)?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.array.save(&path, self.evaluator.public_key())).map_err(raise)
    }

    fn __len__(&self) -> usize {
        self.array.len()
    }

    #[getter]
    fn exponent(&self) -> i32 {
        self.array.exponent()
    }

    #[getter]
    fn bound_bits(&self) -> u64 {
        self.array.bound().bits()
    }

    #[getter]
    fn public_id(&self) -> String {
        self.array.key_id().to_string()
    }
}

/// Returns the evaluator of a public key, and opens it on first use.
pub fn evaluator<'a>(
    py: Python<'_>,
    cell: &'a OnceLock<Arc<NumberEvaluator>>,
    public: &PublicContext,
    device: &Device,
    threads: Option<NonZeroUsize>,
) -> PyResult<&'a Arc<NumberEvaluator>> {
    if let Some(evaluator) = cell.get() {
        return Ok(evaluator);
    }
    let opened = py.detach(|| NumberEvaluator::with_threads(public, device.clone(), threads)).map_err(raise)?;
    Ok(cell.get_or_init(|| Arc::new(opened)))
}

/// Numbers to encrypt: a flat array of one of three types, copied block by block like [`CiphertextRows`].
///
/// [`CiphertextRows`]: crate::arrays::CiphertextRows
pub struct Values<'py> {
    array: Bound<'py, PyAny>,
    count: usize,
    kind: Kind,
    _pinned: Pinned<'py>,
}

enum Kind {
    Signed,
    Unsigned,
    Floats,
}

impl<'py> Values<'py> {
    /// Takes an array of integers of up to 64 bits, booleans or floats.
    pub fn new(array: &Bound<'py, PyAny>) -> PyResult<Self> {
        let dtype = array.cast::<PyUntypedArray>()?.dtype();
        let (kind, name) = match dtype.kind() {
            b'i' | b'b' => (Kind::Signed, "int64"),
            b'u' => (Kind::Unsigned, "uint64"),
            b'f' => (Kind::Floats, "float64"),
            _ => {
                let text = format!("numbers to encrypt must be integers of up to 64 bits or floats, not {dtype}");
                return Err(InputError::new_err(text));
            }
        };
        let pinned = Pinned::new(array)?;
        let numpy = array.py().import("numpy")?;
        // Returns the array itself if it has this type, is aligned and has no gaps.
        let array = numpy.call_method1("require", (array, name, ("C", "A")))?;
        let count = array.cast::<PyUntypedArray>()?.len();
        Ok(Self { array, count, kind, _pinned: pinned })
    }

    fn copied<T: Element + Copy>(&self, range: Range<usize>) -> PyResult<Vec<T>> {
        let values: PyReadonlyArray1<'_, T> = self.array.extract().map_err(|_| changed())?;
        let there = values.as_slice().ok().filter(|values| values.len() == self.count);
        there.and_then(|values| values.get(range)).map(<[T]>::to_vec).ok_or_else(changed)
    }

    fn encrypted<T: Element + Copy + MachineNumber>(
        &self,
        py: Python<'_>,
        owner: Option<&ExecutionContext>,
        evaluator: &NumberEvaluator,
        format: &NumberFormat,
        reporter: &Reporter<'_>,
    ) -> PyResult<Vec<EncryptedArray>> {
        in_blocks(
            py,
            self.count,
            reporter,
            |range| self.copied::<T>(range),
            |values| match owner {
                Some(owner) => owner.encrypt_numbers(&values, format),
                None => evaluator.encrypt_numbers(&values, format),
            },
        )
    }

    /// Encrypts the numbers with the owner's keys, or else with the evaluator's public key.
    pub fn encrypt(
        &self,
        py: Python<'_>,
        owner: Option<&ExecutionContext>,
        evaluator: &Arc<NumberEvaluator>,
        (integer_bits, fraction_bits): (u32, Option<u16>),
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Numbers> {
        let reporter = &Reporter::new(progress, self.count as u64, "encrypt")?;
        let fraction_bits = fraction_bits.unwrap_or(if matches!(self.kind, Kind::Floats) { FRACTION_BITS } else { 0 });
        let format = &NumberFormat::fixed_point(integer_bits, fraction_bits);
        let parts = match self.kind {
            Kind::Signed => self.encrypted::<i64>(py, owner, evaluator, format, reporter),
            Kind::Unsigned => self.encrypted::<u64>(py, owner, evaluator, format, reporter),
            Kind::Floats => self.encrypted::<f64>(py, owner, evaluator, format, reporter),
        }?;
        // An empty array has the requested format too.
        let none = || evaluator.encrypt_numbers::<i64>(&[], format);
        let array = if parts.is_empty() { none() } else { evaluator.concat(&parts) };
        Ok(Numbers::new(Arc::clone(evaluator), array.map_err(raise)?))
    }
}

/// The default number of bits after the point for floats.
const FRACTION_BITS: u16 = 128;
