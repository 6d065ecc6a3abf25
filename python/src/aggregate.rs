//! Aggregation of queries with a whole index.

use crate::evaluator::Evaluator;
use crate::index::Index;
use crate::progress::{Reporter, watched};
use crate::query::Query;
use crate::response::Response;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Aggregates every query with every vector of an index, and writes the encrypted distances to a response file.
pub fn aggregate(
    py: Python<'_>,
    evaluator: &Evaluator,
    query: &Query,
    index: &Index,
    path: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> PyResult<Response> {
    let (query, index) = (query.get(), index.get());
    let reporter = Reporter::new(progress, query.vectors().len() as u64 * index.len(), "aggregate")?;
    watched(py, &reporter, |progress| evaluator.get().aggregate(query, index, &path, progress))?;
    Response::open(py, path)
}
