//! NumPy's arrays and lists of integers, in and out.

use crate::errors::{InputError, counted_from, raise};
use hushvec::BitMatrix;
use numpy::{
    Element, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// Vectors of `dimensions` dimensions: (N, D) of zeros and ones or of floats, (N, D/8) of packed bytes, or lists of
/// integers. Messages count rows from `first_row`.
pub fn vectors(vectors: &Bound<'_, PyAny>, dimensions: usize, first_row: u64) -> PyResult<BitMatrix> {
    if vectors.is_instance_of::<PyList>() || vectors.is_instance_of::<PyTuple>() {
        return lists(vectors, dimensions, first_row);
    }
    let Ok(array) = vectors.cast::<PyUntypedArray>() else {
        let given = vectors.get_type().name()?;
        return Err(InputError::new_err(format!("vectors must be an array or a list of lists, not {given}")));
    };
    let (shape, kind) = (array.shape().to_vec(), array.dtype().to_string());
    let &[_, columns] = shape.as_slice() else {
        return Err(wrong_shape(&shape, &kind, dimensions));
    };
    let mut matrix = BitMatrix::new(dimensions);
    if columns != dimensions {
        if kind != "uint8" || columns != dimensions.div_ceil(8) {
            return Err(wrong_shape(&shape, &kind, dimensions));
        }
        each_row::<u8>(vectors, first_row, |row| matrix.push_packed(row))?;
        return Ok(matrix);
    }
    let dtype = array.dtype();
    let native = dtype.is_native_byteorder() != Some(false);
    match (dtype.kind(), dtype.itemsize()) {
        (b'u', 1) => each_row::<u8>(vectors, first_row, |row| matrix.push_bits(row))?,
        (b'b', _) => {
            each_row::<bool>(vectors, first_row, |row| {
                matrix.push_bits(&row.iter().map(|x| u8::from(*x)).collect::<Vec<_>>())
            })?;
        }
        (b'f', 4) if native => each_row::<f32>(vectors, first_row, |row| matrix.push_floats(row))?,
        (b'f', 8) if native => each_row::<f64>(vectors, first_row, |row| matrix.push_floats(row))?,
        (b'f', 2 | 4 | 8) => {
            each_row::<f64>(&vectors.call_method1("astype", ("float64",))?, first_row, |row| matrix.push_floats(row))?;
        }
        (b'i' | b'u', _) => {
            each_row::<i64>(&vectors.call_method1("astype", ("int64",))?, first_row, |row| {
                let bits: Vec<u8> = row.iter().map(|x| u8::try_from(*x).unwrap_or(u8::MAX)).collect();
                matrix.push_bits(&bits)
            })?;
        }
        _ => return Err(wrong_shape(&shape, &kind, dimensions)),
    }
    Ok(matrix)
}

fn wrong_shape(shape: &[usize], kind: &str, dimensions: usize) -> PyErr {
    let packed = dimensions.div_ceil(8);
    InputError::new_err(format!(
        "vectors are {kind} of shape {}; expected (N, {dimensions}) of 0 and 1, booleans or floats, or (N, {packed}) \
         uint8 of packed bits",
        text(shape)
    ))
}

fn text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("({}{})", sizes.join(", "), if shape.len() == 1 { "," } else { "" })
}

/// Calls `push` with each row, whatever the array's strides are.
fn each_row<T: Element + Copy>(
    array: &Bound<'_, PyAny>,
    first_row: u64,
    mut push: impl FnMut(&[T]) -> Result<(), hushvec::Error>,
) -> PyResult<()> {
    let array: PyReadonlyArray2<'_, T> = array.extract()?;
    for row in array.as_array().rows() {
        match row.as_slice() {
            Some(row) => push(row),
            None => push(&row.iter().copied().collect::<Vec<_>>()),
        }
        .map_err(|error| raise(counted_from(error, first_row)))?;
    }
    Ok(())
}

/// Lists of zeros and ones, as the SDK passes them.
fn lists(rows: &Bound<'_, PyAny>, dimensions: usize, first_row: u64) -> PyResult<BitMatrix> {
    let mut matrix = BitMatrix::new(dimensions);
    let bytes = rows.py().get_type::<PyBytes>();
    for (number, row) in (first_row..).zip(rows.try_iter()?) {
        let row = row?;
        // `bytes(7)` would be seven zeros.
        let is_sequence = row.is_instance_of::<PyList>() || row.is_instance_of::<PyTuple>();
        let packed = if is_sequence {
            bytes.call1((&row,))
        } else {
            row.call_method0("tolist").and_then(|row| bytes.call1((row,)))
        };
        let packed = packed.map_err(|_| {
            InputError::new_err(format!("vector {number} is not a list of {dimensions} zeros and ones"))
        })?;
        let packed = packed.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes();
        matrix.push_bits(packed).map_err(|error| raise(counted_from(error, first_row)))?;
    }
    Ok(matrix)
}

/// Ciphertexts in an array: (N, `width`) uint8, read where they are if they are there without gaps.
pub struct CiphertextRows<'py> {
    array: PyReadonlyArray2<'py, u8>,
    copy: Option<Vec<u8>>,
}

impl<'py> CiphertextRows<'py> {
    pub fn new(array: &Bound<'py, PyAny>, width: usize) -> PyResult<Self> {
        let rows: PyReadonlyArray2<'_, u8> = array.extract().map_err(|_| expected(array, width))?;
        if rows.shape().get(1) != Some(&width) {
            return Err(expected(array, width));
        }
        let copy = rows.as_slice().is_err().then(|| rows.as_array().iter().copied().collect());
        Ok(Self { array: rows, copy })
    }

    /// All bytes, one ciphertext after the other.
    pub fn bytes(&self) -> &[u8] {
        self.copy.as_deref().unwrap_or_else(|| self.array.as_slice().unwrap_or_default())
    }
}

fn expected(given: &Bound<'_, PyAny>, width: usize) -> PyErr {
    let given = match given.cast::<PyUntypedArray>() {
        Ok(array) => format!("{} of shape {}", array.dtype(), text(array.shape())),
        Err(_) => given.get_type().to_string(),
    };
    InputError::new_err(format!("ciphertexts are {given}; expected (N, {width}) uint8 for this key"))
}

/// Bytes as an array of rows of `width`.
pub fn rows(py: Python<'_>, bytes: Vec<u8>, width: usize) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let count = bytes.len() / width.max(1);
    numpy::PyArray1::from_vec(py, bytes).reshape([count, width])
}
