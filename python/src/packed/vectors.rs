//! Vectors of packed search from Python: bits for Hamming distances, floats for inner products.

use crate::arrays::{self, Rows};
use crate::errors::InputError;
use hushvec::BitMatrix;
use hushvec::packed::{Metric, Parameters, Vectors};
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use std::ops::Range;
use zeroize::Zeroizing;

/// Vectors as the caller gave them.
pub enum Given<'py> {
    Bits(BitMatrix),
    Float32(Rows<'py, f32>),
    Float64(Rows<'py, f64>),
}

/// A copy of some vectors. Wiped when dropped.
pub enum Part {
    Bits(BitMatrix),
    Reals(Zeroizing<Vec<f32>>),
}

impl<'py> Given<'py> {
    /// Reads vectors (N, D). Messages count rows from `first_row`.
    pub fn new(vectors: &Bound<'py, PyAny>, parameters: &Parameters, first_row: u64) -> PyResult<Self> {
        match parameters.metric() {
            Metric::Hamming => Ok(Self::Bits(arrays::vectors(vectors, parameters.dimensions(), first_row)?)),
            Metric::InnerProduct { .. } => Self::reals(vectors, parameters.dimensions()),
        }
    }

    /// Reads an array of floats, or a list of lists or of arrays.
    fn reals(vectors: &Bound<'py, PyAny>, dimensions: usize) -> PyResult<Self> {
        let is_list = vectors.is_instance_of::<PyList>() || vectors.is_instance_of::<PyTuple>();
        let listed = if is_list {
            let numpy = vectors.py().import("numpy")?;
            let made = numpy.call_method1("asarray", (vectors,));
            made.map_err(|error| InputError::new_err(format!("vectors are not an array of floats: {error}")))?
        } else {
            vectors.clone()
        };
        let Ok(array) = listed.cast::<PyUntypedArray>() else {
            let given = vectors.get_type().name()?;
            return Err(InputError::new_err(format!("vectors must be an array or a list of lists, not {given}")));
        };
        let (dtype, shape) = (array.dtype(), array.shape().to_vec());
        // An empty list has no type, and no dimensions.
        if is_list && shape == [0] {
            let empty = vectors.py().import("numpy")?.call_method1("empty", ((0, dimensions), "float32"))?;
            return Self::reals(&empty, dimensions);
        }
        let plain = array.is_aligned() && dtype.is_native_byteorder() != Some(false);
        let is_wide = match (dtype.kind(), dtype.itemsize()) {
            (b'f', 2 | 4) => false,
            (b'f', 8) => true,
            _ => return Err(wrong(array, dimensions)?),
        };
        if shape.len() != 2 || shape[1] != dimensions {
            return Err(wrong(array, dimensions)?);
        }
        let converted = if plain && dtype.itemsize() > 2 {
            listed.clone()
        } else {
            listed.call_method1("astype", (if is_wide { "float64" } else { "float32" },))?
        };
        let rows =
            if is_wide { Rows::of(&converted)?.map(Self::Float64) } else { Rows::of(&converted)?.map(Self::Float32) };
        rows.ok_or_else(arrays::changed)
    }

    /// Returns the number of vectors.
    pub fn len(&self) -> usize {
        match self {
            Self::Bits(bits) => bits.len(),
            Self::Float32(rows) => rows.len(),
            Self::Float64(rows) => rows.len(),
        }
    }

    /// Copies a range of vectors.
    pub fn part(&self, range: Range<usize>) -> PyResult<Part> {
        Ok(match self {
            Self::Bits(bits) => Part::Bits(bits.slice(range)),
            Self::Float32(rows) => Part::Reals(Zeroizing::new(rows.copied(range)?)),
            Self::Float64(rows) => {
                let wide = Zeroizing::new(rows.copied(range)?);
                Part::Reals(Zeroizing::new(wide.iter().map(|x| narrow(*x)).collect()))
            }
        })
    }

    /// Copies all vectors.
    pub fn all(&self) -> PyResult<Part> {
        self.part(0..self.len())
    }
}

impl Part {
    /// Returns the vectors for the engine.
    pub fn as_vectors(&self) -> Vectors<'_> {
        match self {
            Self::Bits(bits) => Vectors::Bits(bits),
            Self::Reals(reals) => Vectors::Reals(reals),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "components are rounded to 8 bits at most")]
fn narrow(x: f64) -> f32 {
    x as f32
}

/// Returns the error for an array of another type or shape.
fn wrong(array: &Bound<'_, PyUntypedArray>, dimensions: usize) -> PyResult<PyErr> {
    let (kind, shape) = (array.dtype().str()?.to_string(), arrays::text(array.shape()));
    Ok(InputError::new_err(format!(
        "vectors are {kind} of shape {shape}; expected (N, {dimensions}) of float16, float32 or float64 for inner \
         products"
    )))
}
