//! Encrypted queries of packed search.

use super::metric::described;
use crate::errors::raise;
use pyo3::prelude::*;
use std::path::PathBuf;

/// One or several encrypted query vectors of packed search, for an evaluator. `len()` is their number.
#[pyclass(frozen, module = "hushvec")]
pub struct PackedQuery {
    inner: hushvec::PackedQuery,
}

impl PackedQuery {
    pub fn new(inner: hushvec::PackedQuery) -> Self {
        Self { inner }
    }

    pub fn get(&self) -> &hushvec::PackedQuery {
        &self.inner
    }
}

#[pymethods]
impl PackedQuery {
    /// Reads a query from a file, and checks it.
    #[staticmethod]
    pub fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self { inner: py.detach(|| hushvec::PackedQuery::load(&path)).map_err(raise)? })
    }

    /// Writes the query to a file atomically.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.inner.save(&path)).map_err(raise)
    }

    /// The id in hexadecimal, which responses repeat.
    #[getter]
    fn id(&self) -> String {
        self.inner.id().to_string()
    }

    fn __len__(&self) -> usize {
        self.inner.vectors()
    }

    /// The SHA-256 hash of the parameters and the evaluation key.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    fn __repr__(&self) -> String {
        format!("<PackedQuery of {}: {}>", self.inner.vectors(), described(self.inner.parameters()))
    }
}
