//! NumPy's arrays and lists of integers, in and out.

use crate::errors::{InputError, counted_from, raise};
use crate::pinned::Pinned;
use hushvec::{BitMatrix, Projection};
use numpy::ndarray::{Array2, Axis};
use numpy::{
    Element, IntoPyArray, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray2, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use std::ops::Range;

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
    // Conversions release the GIL.
    let _pinned = Pinned::new(vectors)?;
    let (shape, kind) = (array.shape().to_vec(), array.dtype().to_string());
    let &[_, columns] = shape.as_slice() else {
        return Err(wrong_shape(&shape, &kind, dimensions));
    };
    let mut matrix = BitMatrix::new(dimensions);
    if columns != dimensions {
        match kind.as_str() {
            _ if columns != dimensions.div_ceil(8) => return Err(wrong_shape(&shape, &kind, dimensions)),
            "uint8" => each_row::<u8>(vectors, first_row, |row| matrix.push_packed(row))?,
            // Bits in bytes less 128: `binary` embeddings of sentence-transformers.
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
            // As bytes: a view can put any of them into an array of booleans, and Rust's have two values only.
            each_row::<u8>(&vectors.call_method1("view", ("uint8",))?, first_row, |row| {
                matrix.push_bits(&row.iter().map(|x| u8::from(*x != 0)).collect::<Vec<_>>())
            })?;
        }
        (b'f', 4) if plain => each_row::<f32>(vectors, first_row, |row| matrix.push_floats(row))?,
        (b'f', 8) if plain => each_row::<f64>(vectors, first_row, |row| matrix.push_floats(row))?,
        (b'f', 2 | 4 | 8) => {
            each_row::<f64>(&vectors.call_method1("astype", ("float64",))?, first_row, |row| matrix.push_floats(row))?;
        }
        // Quantised, or ones and minus ones: signs count.
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

fn text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    format!("({}{})", sizes.join(", "), if shape.len() == 1 { "," } else { "" })
}

/// Bits of floats, of which there are more than dimensions, as (N, bits) of zeros and ones.
pub fn project<'py>(vectors: &Bound<'py, PyAny>, bits: usize) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let array: PyReadonlyArray2<'py, f32> = vectors.extract()?;
    let projection = Projection::new(array.as_array().ncols(), bits).map_err(raise)?;
    let mut matrix = BitMatrix::new(bits);
    each_row::<f32>(vectors, 0, |row| projection.push(row, &mut matrix))?;
    let rows: Vec<Vec<u8>> = (0..matrix.len()).map_while(|row| matrix.row(row)).collect();
    let bits = Array2::from_shape_vec((rows.len(), bits), rows.concat())
        .map_err(|error| InputError::new_err(error.to_string()))?;
    Ok(bits.into_pyarray(vectors.py()))
}

/// Calls `push` with each row, whatever the array's strides are. Holds the GIL throughout.
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

/// Zeros and ones, or ones and minus ones.
fn push_integers(matrix: &mut BitMatrix, row: &[i64]) -> Result<(), hushvec::Error> {
    if let Some((column, value)) = row.iter().enumerate().find(|(_, x)| !(-1..=1).contains(*x)) {
        return Err(hushvec::Error::NotBinary { row: matrix.len() as u64, column, value: value.to_string() });
    }
    matrix.push_bits(&row.iter().map(|x| u8::from(*x == 1)).collect::<Vec<_>>())
}

/// Lists of zeros and ones, as the SDK passes them, or of floats.
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
        let pushed = match packed {
            Ok(packed) => matrix.push_bits(packed.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes()),
            // Not all of them bytes.
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

/// Ciphertexts in an array, (N, `width`) uint8.
///
/// Other threads run whenever the engine computes, and may change or replace what is in the array. So nothing of it is
/// borrowed across that: rows are copied while the GIL is held.
pub struct CiphertextRows<'py> {
    array: Bound<'py, PyAny>,
    count: usize,
    width: usize,
    _pinned: Pinned<'py>,
}

impl<'py> CiphertextRows<'py> {
    pub fn new(array: &Bound<'py, PyAny>, width: usize) -> PyResult<Self> {
        let pinned = Pinned::new(array)?;
        let rows: PyReadonlyArray2<'_, u8> = array.extract().map_err(|_| expected(array, width))?;
        match *rows.shape() {
            [count, columns] if columns == width => Ok(Self { array: array.clone(), count, width, _pinned: pinned }),
            _ => Err(expected(array, width)),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Some of them, one after the other.
    pub fn copied(&self, range: Range<usize>) -> PyResult<Vec<u8>> {
        let rows: PyReadonlyArray2<'_, u8> = self.array.extract().map_err(|_| changed())?;
        if *rows.shape() != [self.count, self.width] || range.end > self.count {
            return Err(changed());
        }
        let rows = rows.as_array();
        let rows = rows.slice_axis(Axis(0), range.into());
        Ok(rows.as_slice().map_or_else(|| rows.iter().copied().collect(), <[u8]>::to_vec))
    }

    /// All of them.
    pub fn all(&self) -> PyResult<Vec<u8>> {
        self.copied(0..self.count)
    }
}

/// For an array that has another shape or type than when the call began.
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

/// Bytes as an array of rows of `width`.
pub fn rows(py: Python<'_>, bytes: Vec<u8>, width: usize) -> PyResult<Bound<'_, PyArray2<u8>>> {
    let count = bytes.len() / width.max(1);
    numpy::PyArray1::from_vec(py, bytes).reshape([count, width])
}
