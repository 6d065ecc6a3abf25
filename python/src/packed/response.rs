//! Responses of packed search: encrypted scores for the owner.

use super::keys::Owner;
use super::query::PackedQuery;
use super::scores::{self, Arrays};
use crate::errors::raise;
use crate::ids;
use crate::progress::{Reporter, watched};
use hushvec::Ids;
use pyo3::prelude::*;
use std::path::PathBuf;

/// The encrypted scores of every vector of an index for every query of packed search, in a file.
#[pyclass(frozen, module = "hushvec")]
pub struct PackedResponse {
    inner: hushvec::PackedResponse,
    path: PathBuf,
}

impl PackedResponse {
    fn check(&self, query: Option<&PackedQuery>) -> PyResult<()> {
        query.map_or(Ok(()), |query| self.inner.check_query(query.get())).map_err(raise)
    }

    fn total(&self) -> u64 {
        self.inner.queries() as u64 * (self.inner.len() + self.inner.tail())
    }
}

#[pymethods]
impl PackedResponse {
    #[new]
    pub fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let inner = py.detach(|| hushvec::PackedResponse::open(&path)).map_err(raise)?;
        Ok(Self { inner, path })
    }

    /// Decrypts the scores and finds the `k` best vectors for each query, best first. Returns ids (Q, k), and Hamming
    /// distances (Q, k) uint32 or cosines (Q, k) float64, with fewer columns if there are fewer vectors. With `query`,
    /// refuses a response to another query.
    #[pyo3(signature = (context, k=10, progress=None, query=None))]
    fn nearest<'py>(
        &self,
        py: Python<'py>,
        context: Owner,
        k: usize,
        progress: Option<&Bound<'py, PyAny>>,
        query: Option<&PackedQuery>,
    ) -> PyResult<Arrays<'py>> {
        self.check(query)?;
        let reporter = Reporter::new(progress, self.total(), "decode")?;
        let found = watched(py, &reporter, |progress| self.inner.nearest(&context.0, k, progress))?;
        scores::nearest(py, self.inner.parameters(), &found)
    }

    /// Decrypts all scores. Returns ids (N,), and Hamming distances (Q, N) uint32 or cosines (Q, N) float64 in the same
    /// order. With `query`, refuses a response to another query.
    #[pyo3(signature = (context, progress=None, query=None))]
    fn scores<'py>(
        &self,
        py: Python<'py>,
        context: Owner,
        progress: Option<&Bound<'py, PyAny>>,
        query: Option<&PackedQuery>,
    ) -> PyResult<Arrays<'py>> {
        self.check(query)?;
        let reporter = Reporter::new(progress, self.total(), "decode")?;
        let (all, rows) = watched(py, &reporter, |progress| {
            let (mut all, mut rows, mut bad) = (Ids::new(), vec![Vec::new(); self.inner.queries()], Ok(()));
            self.inner.for_each_score(&context.0, progress, |query, id, score| {
                if query == 0 && bad.is_ok() {
                    bad = all.push(id);
                }
                if let Some(row) = rows.get_mut(query) {
                    row.push(score);
                }
            })?;
            bad.map(|()| (all, rows))
        })?;
        let shape = [rows.len(), all.len()];
        let found = scores::array(py, self.inner.parameters(), &rows.concat(), shape)?;
        Ok((ids::array(py, &all, &[all.len()])?, found))
    }

    /// The number of queries that it answers.
    #[getter]
    fn queries(&self) -> usize {
        self.inner.queries()
    }

    /// The id of the query that it claims to answer, in hexadecimal.
    #[getter]
    fn query_id(&self) -> Option<String> {
        self.inner.query_id().map(|id| id.to_string())
    }

    /// The path of the file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The SHA-256 hash of the parameters and the evaluation key.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    fn __repr__(&self) -> String {
        format!("<PackedResponse {}: {} queries>", self.path.display(), self.inner.queries())
    }
}
