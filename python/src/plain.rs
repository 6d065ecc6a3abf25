//! Plain operands of encrypted numbers: Python's and NumPy's numbers as integers times one power of two.

use crate::errors::{InputError, raise};
use crate::pinned::Pinned;
use hushvec::PlainMatrix;
use num_bigint::BigInt;
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};

/// Plain numbers of any shape. Floats are taken exactly, unless `fraction_bits` limits the bits after the point:
/// fewer bits make products faster. The time of a product depends on the lengths of the numbers.
#[pyclass(frozen, module = "hushvec")]
pub struct PlainArray {
    values: hushvec::PlainArray,
    shape: Vec<usize>,
}

impl PlainArray {
    pub fn get(&self) -> &hushvec::PlainArray {
        &self.values
    }

    /// Returns the numbers as a matrix.
    pub fn matrix(&self) -> PyResult<PlainMatrix> {
        match *self.shape {
            [_, columns] => PlainMatrix::new(columns, self.values.clone()).map_err(raise),
            _ => Err(InputError::new_err(format!(
                "a matrix must have two dimensions, these numbers have {}",
                self.shape.len()
            ))),
        }
    }
}

#[pymethods]
impl PlainArray {
    #[new]
    #[pyo3(signature = (values, fraction_bits=None))]
    fn new(values: &Bound<'_, PyAny>, fraction_bits: Option<u16>) -> PyResult<Self> {
        let array = values.py().import("numpy")?.call_method1("asarray", (values,))?;
        let untyped = array.cast::<PyUntypedArray>()?;
        // Conversions release the GIL, so another thread could resize the array.
        let _pinned = Pinned::new(&array)?;
        let (shape, kind) = (untyped.shape().to_vec(), untyped.dtype().kind());
        let flat = array.call_method0("ravel")?;
        let values = match kind {
            b'f' => floats(
                &flat.call_method1("astype", ("float64",))?.call_method0("tolist")?.extract::<Vec<f64>>()?,
                fraction_bits,
            )?,
            b'i' | b'u' | b'b' | b'O' => {
                let items = flat.call_method0("tolist")?;
                match items.try_iter()?.map(|item| integer(&item?)).collect::<PyResult<Option<Vec<BigInt>>>>()? {
                    Some(integers) => hushvec::PlainArray::integers(integers),
                    None => floats(&items.extract::<Vec<f64>>().map_err(|_| wrong(&array))?, fraction_bits)?,
                }
            }
            _ => return Err(wrong(&array)),
        };
        Ok(Self { values, shape })
    }

    /// The shape of the numbers.
    #[getter]
    fn shape(&self) -> Vec<usize> {
        self.shape.clone()
    }

    /// The numbers are multiples of 2 to this power.
    #[getter]
    fn exponent(&self) -> i32 {
        self.values.exponent()
    }

    fn __len__(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    fn __repr__(&self) -> String {
        format!("<PlainArray of shape {:?}, multiples of 2^{}>", self.shape, self.values.exponent())
    }
}

/// Converts an integer of any length. Returns `None` for other types.
fn integer(item: &Bound<'_, PyAny>) -> PyResult<Option<BigInt>> {
    let Ok(item) = item.cast::<PyInt>() else { return Ok(None) };
    let bits: usize = item.call_method0("bit_length")?.extract()?;
    let signed = signed(item.py())?;
    let bytes: Vec<u8> = item.call_method("to_bytes", (bits / 8 + 1, "little"), Some(&signed))?.extract()?;
    Ok(Some(BigInt::from_signed_bytes_le(&bytes)))
}

/// Returns the keyword arguments with which Python's integers convert to and from signed bytes.
pub fn signed(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let signed = PyDict::new(py);
    signed.set_item("signed", true)?;
    Ok(signed)
}

/// Rounds floats to `fraction_bits` bits after the point. By default keeps as many as the floats have.
fn floats(values: &[f64], fraction_bits: Option<u16>) -> PyResult<hushvec::PlainArray> {
    let all = || values.iter().map(|value| fraction_of(*value)).max().unwrap_or(0);
    hushvec::PlainArray::fixed_point(values, fraction_bits.unwrap_or_else(all)).map_err(raise)
}

/// Returns the number of bits that a float has after the point, at most 1074 (IEEE 754 binary64).
fn fraction_of(value: f64) -> u16 {
    let bits = value.to_bits();
    let (biased, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
    if value == 0.0 || biased == 0x7ff {
        return 0;
    }
    let mantissa = fraction | u64::from(biased != 0) << 52;
    // value = mantissa · 2^(max(biased, 1) − 1075)
    let below = 1075_u64.saturating_sub(biased.max(1)).saturating_sub(u64::from(mantissa.trailing_zeros()));
    u16::try_from(below).unwrap_or(u16::MAX)
}

fn wrong(array: &Bound<'_, PyAny>) -> PyErr {
    let given = array.getattr("dtype").map_or_else(|_| "something else".to_owned(), |dtype| dtype.to_string());
    InputError::new_err(format!("plain numbers must be integers or floats, not {given}"))
}
