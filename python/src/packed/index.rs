//! Index files of packed search: reading.

use super::keys::Owner;
use super::metric::{self, described};
use super::scores::{self, Arrays};
use super::vectors::Given;
use crate::errors::raise;
use crate::ids;
use crate::progress::{Reporter, watched};
use hushvec::Ids;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Encrypted vectors of packed search with ids in a file, which `PackedIndexWriter` writes. The file is mapped into
/// memory, so an index of any size takes little memory. `len()` is the number of vectors.
#[pyclass(frozen, module = "hushvec")]
pub struct PackedIndex {
    inner: hushvec::PackedIndex,
}

impl PackedIndex {
    pub fn get(&self) -> &hushvec::PackedIndex {
        &self.inner
    }

    /// Returns how many scores progress counts for each query, or some more: deleted vectors of the tail have none.
    pub fn scored(&self) -> u64 {
        self.inner.len() + self.inner.deleted()
    }
}

#[pymethods]
impl PackedIndex {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self { inner: py.detach(|| hushvec::PackedIndex::open(&path)).map_err(raise)? })
    }

    /// Finds the `k` best vectors for each query, best first. For an owner who has the index: encrypts the queries,
    /// scans and decrypts. Returns ids (Q, k), and Hamming distances (Q, k) uint32 or cosines (Q, k) float64, with
    /// fewer columns if there are fewer vectors.
    #[pyo3(signature = (context, queries, k=10, progress=None))]
    fn nearest<'py>(
        &self,
        py: Python<'py>,
        context: Owner,
        queries: &Bound<'py, PyAny>,
        k: usize,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Arrays<'py>> {
        let queries = Given::new(queries, context.0.parameters(), 0)?;
        let reporter = Reporter::new(progress, queries.len() as u64 * self.scored(), "search")?;
        let queries = queries.all()?;
        let found =
            watched(py, &reporter, |progress| self.inner.nearest(&context.0, &queries.as_vectors(), k, progress))?;
        scores::nearest(py, self.inner.parameters(), &found)
    }

    /// All ids in the order of the vectors in the file, (N,) uint64 or strings.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut all = Ids::new();
        py.detach(|| self.inner.for_each_id(|id| all.push(id))).map_err(raise)?;
        ids::array(py, &all, &[all.len()])
    }

    /// Merges indexes of one key into a new file. Returns its number of vectors.
    #[staticmethod]
    #[pyo3(signature = (inputs, output, progress=None))]
    fn merge(
        py: Python<'_>,
        inputs: Vec<PathBuf>,
        output: PathBuf,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let opened: Result<Vec<_>, _> =
            py.detach(|| { inputs.iter() }.map(|path| hushvec::PackedIndex::open(path)).collect());
        let inputs = opened.map_err(raise)?;
        let reporter = Reporter::new(progress, inputs.iter().map(hushvec::PackedIndex::len).sum(), "merge")?;
        watched(py, &reporter, |progress| hushvec::PackedIndex::merge(&inputs, &output, progress))
    }

    /// Rewrites an index without its deleted vectors and with a tail of fewer than 4,096, and replaces the file
    /// atomically. Vectors after the first deleted one are encrypted again, so it takes the owner's context. Returns a
    /// dictionary with "kept", "removed", "bytes_before" and "bytes_after".
    #[staticmethod]
    #[pyo3(signature = (path, context, progress=None))]
    fn compact<'py>(
        py: Python<'py>,
        path: PathBuf,
        context: Owner,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let total = py.detach(|| hushvec::PackedIndex::open(&path)).map_err(raise)?.len();
        let reporter = Reporter::new(progress, total, "compact")?;
        let done = watched(py, &reporter, |progress| hushvec::PackedIndex::compact(&path, &context.0, progress))?;
        let facts = PyDict::new(py);
        facts.set_item("kept", done.kept)?;
        facts.set_item("removed", done.removed)?;
        facts.set_item("bytes_before", done.bytes_before)?;
        facts.set_item("bytes_after", done.bytes_after)?;
        Ok(facts)
    }

    /// Deletes the vectors with these ids from an index file, and returns their number. It takes no key. If an id is
    /// missing, deletes nothing and raises InputError; with `missing_ok`, ignores missing ids. The encrypted vectors
    /// stay in the file until `PackedIndex.compact`.
    #[staticmethod]
    #[pyo3(signature = (path, ids, missing_ok=false))]
    fn delete(py: Python<'_>, path: PathBuf, ids: &Bound<'_, PyAny>, missing_ok: bool) -> PyResult<u64> {
        let ids = ids::from_python(ids, 0)?;
        let deletion = py.detach(|| hushvec::PackedIndex::delete(&path, &ids, missing_ok)).map_err(raise)?;
        Ok(deletion.deleted)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a mapped file has no more rows than there are addresses")]
    fn __len__(&self) -> usize {
        self.inner.len() as usize
    }

    /// The path of the file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.inner.path().to_owned()
    }

    /// The SHA-256 hash of the parameters and the evaluation key of the key that its vectors are encrypted with.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    /// `hamming` or `inner_product`.
    #[getter]
    fn metric(&self) -> &'static str {
        self.inner.parameters().metric().name()
    }

    /// The number of dimensions of a vector.
    #[getter]
    fn embedding_length(&self) -> usize {
        self.inner.parameters().dimensions()
    }

    /// The bits per component of inner products. None for Hamming distances.
    #[getter]
    fn bits(&self) -> Option<i64> {
        metric::bits(self.inner.parameters().metric())
    }

    /// The number of deleted vectors that are still in the file, until it is compacted.
    #[getter]
    fn deleted(&self) -> u64 {
        self.inner.deleted()
    }

    /// The number of vectors that do not fill a block of 4,096, without deleted ones. Every response contains them,
    /// encrypted.
    #[getter]
    fn tail(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.inner.tail()).map_err(raise)
    }

    /// The number of bytes after the last complete block, if an append was interrupted. Readers ignore them; the next
    /// append removes them.
    #[getter]
    fn torn_bytes(&self) -> u64 {
        self.inner.recovery().map_or(0, |recovery| recovery.torn_bytes)
    }

    fn __repr__(&self) -> String {
        let (path, inner) = (self.inner.path().display(), &self.inner);
        format!("<PackedIndex {path}: {} vectors, {}>", inner.len(), described(inner.parameters()))
    }
}
