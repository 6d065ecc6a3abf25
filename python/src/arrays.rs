//! Conversion of NumPy arrays and lists.

use crate::errors::{InputError, counted_from, raise};
use crate::pinned::Pinned;
use hushvec::BitMatrix;
use numpy::ndarray::Axis;
use numpy::{
    Element, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use std::marker::PhantomData;
use std::ops::Range;

/// Converts vectors of `dimensions` dimensions: arrays (N, D) of 0 and 1 or of floats, arrays (N, D/8) of packed bytes,
/// or lists of numbers. Messages count rows from `first_row`.
pub fn vectors(vectors: &Bound<'_, PyAny>, dimensions: usize, first_row: u64) -> PyResult<BitMatrix> {
    if vectors.is_instance_of::<PyList>() || vectors.is_instance_of::<PyTuple>() {
        return lists(vectors, dimensions, first_row);
    }
    let Ok(array) = vectors.cast::<PyUntypedArray>() else {
        let given = vectors.get_type().name()?;
        return Err(InputError::new_err(format!("vectors must be an array or a list of lists, not {given}")));
    };
    // Conversions release the GIL, so another thread could resize the array.
    let _pinned = Pinned::new(vectors)?;
    // Not `to_string`, which ignores errors: `str` of a dtype runs Python code, which Ctrl-C may interrupt.
    let (shape, kind) = (array.shape().to_vec(), array.dtype().str()?.to_string());
    let &[_, columns] = shape.as_slice() else {
        return Err(wrong_shape(&shape, &kind, dimensions));
    };
    let mut matrix = BitMatrix::new(dimensions);
    if columns != dimensions {
        match kind.as_str() {
            _ if columns != dimensions.div_ceil(8) => return Err(wrong_shape(&shape, &kind, dimensions)),
            "uint8" => each_row::<u8>(vectors, first_row, |row| matrix.push_packed(row))?,
            // `binary` embeddings of sentence-transformers: packed bytes minus 128.
            "int8" => each_row::<i8>(vectors, first_row, |row| {
                matrix.push_packed(&row.iter().map(|byte| byte.cast_unsigned() ^ 0x80).collect::<Vec<_>>())
            })?,
            _ => return Err(wrong_shape(&shape, &kind, dimensions)),
        }
        return Ok(matrix);
    }
    let dtype = array.dtype();
    let plain = array.is_aligned() && dtype.is_native_byteorder() != Some(false);
    match (dtype.kind(), dtype.itemsize()) {
        (b'u', 1) => each_row::<u8>(vectors, first_row, |row| matrix.push_bits(row))?,
        (b'b', _) => {
            // Read as bytes: a view can put any byte into an array of booleans, but a Rust `bool` must be 0 or 1.
            each_row::<u8>(&vectors.call_method1("view", ("uint8",))?, first_row, |row| {
                matrix.push_bits(&row.iter().map(|x| u8::from(*x != 0)).collect::<Vec<_>>())
            })?;
        }
        (b'f', 4) if plain => each_row::<f32>(vectors, first_row, |row| matrix.push_floats(row))?,
        (b'f', 8) if plain => each_row::<f64>(vectors, first_row, |row| matrix.push_floats(row))?,
        (b'f', 2 | 4 | 8) => {
            each_row::<f64>(&vectors.call_method1("astype", ("float64",))?, first_row, |row| matrix.push_floats(row))?;
        }
        // Quantised embeddings, or 1 and -1: the signs are the bits.
        (b'i', 1) => each_row::<i8>(vectors, first_row, |row| {
            matrix.push_floats(&row.iter().map(|x| f32::from(*x)).collect::<Vec<_>>())
        })?,
        (b'i' | b'u', _) => {
            each_row::<i64>(&vectors.call_method1("astype", ("int64",))?, first_row, |row| {
                push_integers(&mut matrix, row)
            })?;
        }
        _ => return Err(wrong_shape(&shape, &kind, dimensions)),
    }
    Ok(matrix)
}

fn wrong_shape(shape: &[usize], kind: &str, dimensions: usize) -> PyErr {
    let packed = dimensions.div_ceil(8);
    InputError::new_err(format!(
        "vectors are {kind} of shape {}; expected (N, {dimensions}) of 0 and 1, 1 and -1, booleans or floats, or \
         (N, {packed}) uint8 or int8 of packed bits",
        text(shape)
    ))
}

/// Returns a shape as Python shows it.
pub fn text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("({}{})", sizes.join(", "), if shape.len() == 1 { "," } else { "" })
}

/// Calls `push` with each row, for any strides. Holds the GIL throughout.
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

/// Appends a row of 0 and 1, or of 1 and -1.
fn push_integers(matrix: &mut BitMatrix, row: &[i64]) -> Result<(), hushvec::Error> {
    if let Some((column, value)) = row.iter().enumerate().find(|(_, x)| !(-1..=1).contains(*x)) {
        return Err(hushvec::Error::NotBinary { row: matrix.len() as u64, column, value: value.to_string() });
    }
    matrix.push_bits(&row.iter().map(|x| u8::from(*x == 1)).collect::<Vec<_>>())
}

/// Converts lists of 0 and 1, as the SDK passes them, of 1 and -1, or of floats.
fn lists(rows: &Bound<'_, PyAny>, dimensions: usize, first_row: u64) -> PyResult<BitMatrix> {
    let mut matrix = BitMatrix::new(dimensions);
    let bytes = rows.py().get_type::<PyBytes>();
    for (number, row) in (first_row..).zip(rows.try_iter()?) {
        let row = row?;
        // Only sequences: `bytes(7)` would be seven zeros.
        let is_sequence = row.is_instance_of::<PyList>() || row.is_instance_of::<PyTuple>();
        let packed = if is_sequence {
            bytes.call1((&row,))
        } else {
            row.call_method0("tolist").and_then(|row| bytes.call1((row,)))
        };
        let pushed = match packed {
            Ok(packed) => matrix.push_bits(packed.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes()),
            // Some elements are not bytes.
            Err(_) => match (row.extract::<Vec<i64>>(), row.extract::<Vec<f64>>()) {
                (Ok(integers), _) => push_integers(&mut matrix, &integers),
                (_, Ok(floats)) => matrix.push_floats(&floats),
                _ => {
                    return Err(InputError::new_err(format!(
                        "vector {number} is not a list of {dimensions} zeros and ones, or of floats"
                    )));
                }
            },
        };
        pushed.map_err(|error| raise(counted_from(error, first_row)))?;
    }
    Ok(matrix)
}

/// The rows of an array, copied block by block.
///
/// Other threads run while the engine computes, and may change the array. So nothing is borrowed from it meanwhile:
/// rows are copied while the GIL is held.
pub struct Rows<'py, T> {
    array: Bound<'py, PyAny>,
    count: usize,
    width: usize,
    _pinned: Pinned<'py>,
    _element: PhantomData<T>,
}

/// Ciphertexts in an array (N, `width`) uint8.
pub type CiphertextRows<'py> = Rows<'py, u8>;

impl<'py> CiphertextRows<'py> {
    pub fn new(array: &Bound<'py, PyAny>, width: usize) -> PyResult<Self> {
        Self::of(array)?.filter(|rows| rows.width == width).ok_or_else(|| expected(array, width))
    }
}

impl<'py, T: Element + Copy> Rows<'py, T> {
    /// Returns the rows of a two-dimensional array of `T`, or `None` for other arrays.
    pub fn of(array: &Bound<'py, PyAny>) -> PyResult<Option<Self>> {
        let pinned = Pinned::new(array)?;
        let Ok(rows) = array.extract::<PyReadonlyArray2<'_, T>>() else { return Ok(None) };
        let [count, width] = *rows.shape() else { return Ok(None) };
        Ok(Some(Self { array: array.clone(), count, width, _pinned: pinned, _element: PhantomData }))
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns the number of elements of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Copies a range of rows.
    pub fn copied(&self, range: Range<usize>) -> PyResult<Vec<T>> {
        let rows: PyReadonlyArray2<'_, T> = self.array.extract().map_err(|_| changed())?;
        if *rows.shape() != [self.count, self.width] || range.end > self.count {
            return Err(changed());
        }
        let rows = rows.as_array();
        let rows = rows.slice_axis(Axis(0), range.into());
        Ok(rows.as_slice().map_or_else(|| rows.iter().copied().collect(), <[T]>::to_vec))
    }

    /// Copies all rows.
    pub fn all(&self) -> PyResult<Vec<T>> {
        self.copied(0..self.count)
    }
}

/// Returns the error for an array whose shape or type changed during the call.
pub fn changed() -> PyErr {
    InputError::new_err("the array was changed by another thread during the call")
}

fn expected(given: &Bound<'_, PyAny>, width: usize) -> PyErr {
    let given = match given.cast::<PyUntypedArray>() {
        Ok(array) => format!("{} of shape {}", array.dtype(), text(array.shape())),
        Err(_) => given.get_type().to_string(),
    };
    InputError::new_err(format!("ciphertexts are {given}; expected (N, {width}) uint8 for this key"))
}

/// Returns bytes as an array with rows of `width` bytes.
pub fn rows(py: Python<'_>, bytes: Vec<u8>, width: usize) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let count = bytes.len() / width.max(1);
    numpy::PyArray1::from_vec(py, bytes).reshape([count, width])
}
