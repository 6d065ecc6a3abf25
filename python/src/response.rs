//! Responses: encrypted distances for the owner.

use crate::errors::raise;
use crate::ids;
use crate::keys::Owner;
use crate::nearest;
use crate::progress::{Reporter, watched};
use crate::query::Query;
use hushvec::Ids;
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::prelude::*;
use std::path::PathBuf;

/// The encrypted distances of every vector of an index to every query, in a file. `len()` is the number of distances
/// per query.
#[pyclass(frozen, module = "hushvec")]
pub struct Response {
    inner: hushvec::Response,
    path: PathBuf,
}

impl Response {
    fn check(&self, query: Option<&Query>) -> PyResult<()> {
        query.map_or(Ok(()), |query| self.inner.check_query(query.get())).map_err(raise)
    }

    fn total(&self) -> u64 {
        self.inner.queries() as u64 * self.inner.len()
    }
}

#[pymethods]
impl Response {
    #[new]
    pub fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let inner = py.detach(|| hushvec::Response::open(&path)).map_err(raise)?;
        Ok(Self { inner, path })
    }

    /// Decrypts the distances and finds the `k` nearest vectors to each query, nearest first. Returns ids (Q, k) and
    /// distances (Q, k) uint32, with fewer columns if there are fewer vectors. With `query`, refuses a response to
    /// another query.
    #[pyo3(signature = (keys, k=10, progress=None, query=None))]
    fn nearest<'py>(
        &self,
        py: Python<'py>,
        keys: Owner,
        k: usize,
        progress: Option<&Bound<'py, PyAny>>,
        query: Option<&Query>,
    ) -> PyResult<nearest::Arrays<'py>> {
        self.check(query)?;
        let reporter = Reporter::new(progress, self.total(), "decode")?;
        let found = watched(py, &reporter, |progress| self.inner.nearest(&keys.0, k, progress))?;
        nearest::arrays(py, &found)
    }

    /// Decrypts all distances. Returns ids (N,), and distances (Q, N) uint32 in the same order. With `query`, refuses a
    /// response to another query.
    #[pyo3(signature = (keys, progress=None, query=None))]
    fn distances<'py>(
        &self,
        py: Python<'py>,
        keys: Owner,
        progress: Option<&Bound<'py, PyAny>>,
        query: Option<&Query>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyArray2<u32>>)> {
        self.check(query)?;
        let reporter = Reporter::new(progress, self.total(), "decode")?;
        let (all, rows) = watched(py, &reporter, |progress| {
            let (mut all, mut rows, mut bad) = (Ids::new(), vec![Vec::new(); self.inner.queries()], Ok(()));
            self.inner.for_each_distance(&keys.0, progress, |query, id, distance| {
                if query == 0 && bad.is_ok() {
                    bad = all.push(id);
                }
                if let Some(row) = rows.get_mut(query) {
                    row.push(distance);
                }
            })?;
            bad.map(|()| (all, rows))
        })?;
        let shape = [rows.len(), all.len()];
        Ok((ids::array(py, &all, &[all.len()])?, PyArray1::from_vec(py, rows.concat()).reshape(shape)?))
    }

    /// The number of queries that it answers.
    #[getter]
    fn queries(&self) -> usize {
        self.inner.queries()
    }

    #[expect(clippy::cast_possible_truncation, reason = "a file has no more rows than there are addresses")]
    fn __len__(&self) -> usize {
        self.inner.len() as usize
    }

    /// The id of the query that it claims to answer, in hexadecimal. None if the query or the response has format
    /// version 1.
    #[getter]
    fn query_id(&self) -> Option<String> {
        self.inner.query_id().map(|id| id.to_string())
    }

    /// The path of the file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The SHA-256 hash of the public key and configuration.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Response {}: {} queries, {} vectors>", self.path.display(), self.inner.queries(), self.inner.len())
    }
}
