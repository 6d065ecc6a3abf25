//! Queries combined with a whole index.

use crate::evaluator::Evaluator;
use crate::index::Index;
use crate::progress::{Told, watched};
use crate::query::Query;
use crate::response::Response;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Combines every query with every vector of an index, and writes the encrypted distances to a response file.
pub fn aggregate(
    py: Python<'_>,
    evaluator: &Evaluator,
    query: &Query,
    index: &Index,
    path: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Response> {
    let (query, index) = (query.get(), index.get());
    let told = Told::new(progress, query.vectors().len() as u64 * index.len(), "combine")?;
    watched(py, &told, |progress| evaluator.get().aggregate(query, index, &path, progress))?;
    Response::open(py, path)
}
