//! Scores as arrays: Hamming distances, or cosines.

use crate::errors::raise;
use crate::ids;
use hushvec::packed::{Metric, Parameters};
use hushvec::{Ids, PackedNeighbour};
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

/// Ids and scores.
pub type Arrays<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// Returns neighbours as arrays with a row for each query. Every query must have the same number of neighbours.
pub fn nearest<'py>(py: Python<'py>, parameters: &Parameters, found: &[Vec<PackedNeighbour>]) -> PyResult<Arrays<'py>> {
    let shape = [found.len(), found.first().map_or(0, Vec::len)];
    let mut all = Ids::new();
    for neighbour in found.iter().flatten() {
        all.push(neighbour.id.as_ref()).map_err(raise)?;
    }
    let scores: Vec<i32> = found.iter().flatten().map(|neighbour| neighbour.score).collect();
    Ok((ids::array(py, &all, &shape)?, array(py, parameters, &scores, shape)?))
}

/// Returns scores as an array of uint32 for Hamming distances, of float64 for cosines.
pub fn array<'py>(
    py: Python<'py>,
    parameters: &Parameters,
    scores: &[i32],
    shape: [usize; 2],
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match parameters.metric() {
        Metric::Hamming => {
            let distances = scores.iter().map(|score| score.cast_unsigned()).collect();
            PyArray1::from_vec(py, distances).reshape(shape)?.into_any()
        }
        Metric::InnerProduct { .. } => {
            let cosines = scores.iter().map(|score| parameters.cosine(*score).unwrap_or_default()).collect();
            PyArray1::from_vec(py, cosines).reshape(shape)?.into_any()
        }
    })
}
