//! The evaluator of packed search, which has the public context only.

use super::index::PackedIndex;
use super::query::PackedQuery;
use super::response::PackedResponse;
use crate::context::{device, threads};
use crate::errors::{InputError, raise};
use crate::progress::{Reporter, watched};
use hushvec::{Error, PackedPublicContext};
use pyo3::prelude::*;
use std::path::PathBuf;

/// Combines encrypted queries with the encrypted vectors of an index. It holds no secret.
///
/// `text` is a public context, as `PackedContext.public_context` returns it; `path` is a file with one, instead of
/// `text`. `device` is `auto`, `cpu`, `gpu`, `gpu:N` or `gpu:NAME`; `threads` is one per core by default.
#[pyclass(frozen, module = "hushvec")]
pub struct PackedEvaluator {
    inner: hushvec::PackedEvaluator,
}

impl PackedEvaluator {
    pub fn get(&self) -> &hushvec::PackedEvaluator {
        &self.inner
    }
}

#[pymethods]
impl PackedEvaluator {
    #[new]
    #[pyo3(signature = (text=None, device="auto", threads=None, *, path=None))]
    fn new(
        py: Python<'_>,
        text: Option<&str>,
        device: &str,
        threads: Option<usize>,
        path: Option<PathBuf>,
    ) -> PyResult<Self> {
        let (device, threads) = (self::device(device)?, self::threads(threads)?);
        let open = |public| hushvec::PackedEvaluator::with_threads(&public, device, threads);
        let inner = match (text, path) {
            (Some(text), None) => py.detach(|| PackedPublicContext::from_json(text).and_then(open)),
            (None, Some(path)) => py.detach(|| PackedPublicContext::load(&path).and_then(open)),
            _ => return Err(InputError::new_err("give either a public context's text or its path")),
        };
        Ok(Self { inner: inner.map_err(raise)? })
    }

    /// Reads a query from a file, and checks it.
    fn load_query(&self, py: Python<'_>, path: PathBuf) -> PyResult<PackedQuery> {
        let query = PackedQuery::load(py, path.clone())?;
        let [expected, actual] = [self.inner.public_context().public_id(), query.get().public_id()];
        if expected == actual {
            return Ok(query);
        }
        let [expected, actual] = [expected, actual].map(|id| id.to_string());
        Err(raise(Error::WrongKey { what: "the query", expected, actual }.in_file(&path)))
    }

    /// Combines every query with every vector of an index, and writes the encrypted scores to a response file.
    #[pyo3(signature = (query, index, path, progress=None))]
    fn aggregate(
        &self,
        py: Python<'_>,
        query: &PackedQuery,
        index: &PackedIndex,
        path: PathBuf,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PackedResponse> {
        let reporter = Reporter::new(progress, index.scored() * query.get().vectors() as u64, "aggregate")?;
        watched(py, &reporter, |progress| self.inner.aggregate(query.get(), index.get(), &path, progress))?;
        PackedResponse::open(py, path)
    }

    /// Verifies an index: all checksums, that no id is a duplicate, that residues are in range, and the sizes of rows.
    #[pyo3(signature = (index, progress=None))]
    fn verify(&self, py: Python<'_>, index: &PackedIndex, progress: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let reporter = Reporter::new(progress, index.get().len(), "verify")?;
        watched(py, &reporter, |progress| self.inner.verify(index.get(), progress))
    }

    /// Returns the public context as JSON.
    fn public_context(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.public_context().to_json()).map_err(raise)
    }

    /// `hamming` or `inner_product`.
    #[getter]
    fn metric(&self) -> &'static str {
        self.inner.public_context().parameters().metric().name()
    }

    /// The number of dimensions of a vector.
    #[getter]
    fn embedding_length(&self) -> usize {
        self.inner.public_context().parameters().dimensions()
    }

    /// The SHA-256 hash of the parameters and the evaluation key.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_context().public_id().to_string()
    }

    /// The name of the device that computes.
    #[getter]
    fn device_used(&self) -> String {
        self.inner.device_report().used
    }

    fn __repr__(&self) -> String {
        let public = self.inner.public_context();
        format!("<PackedEvaluator {}: {}>", public.public_id(), super::metric::described(public.parameters()))
    }
}
