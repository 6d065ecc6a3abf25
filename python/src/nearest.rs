//! Nearest neighbours as arrays.

use crate::ids;
use hushvec::{Ids, Neighbour};
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;

/// Ids and distances, with a row for each query.
pub type Arrays<'py> = (Bound<'py, PyAny>, Bound<'py, PyArray2<u32>>);

/// Returns neighbours as arrays. Every query must have the same number of neighbours.
pub fn arrays<'py>(py: Python<'py>, found: &[Vec<Neighbour>]) -> PyResult<Arrays<'py>> {
    let shape = [found.len(), found.first().map_or(0, Vec::len)];
    let mut all = Ids::new();
    for neighbour in found.iter().flatten() {
        all.push(neighbour.id.as_ref()).map_err(crate::errors::raise)?;
    }
    let distances: Vec<u32> = found.iter().flatten().map(|neighbour| neighbour.distance).collect();
    Ok((ids::array(py, &all, &shape)?, PyArray1::from_vec(py, distances).reshape(shape)?))
}
