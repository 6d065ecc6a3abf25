//! Index files: reading.

use crate::arrays;
use crate::errors::raise;
use crate::evaluator::Evaluator;
use crate::ids;
use crate::keys::Owner;
use crate::nearest;
use crate::progress::{Reporter, watched};
use hushvec::{Ids, Progress};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Encrypted vectors with ids in a file, which `IndexWriter` writes. The file is mapped into memory, so an index of any
/// size takes little memory. `len()` is the number of vectors.
#[pyclass(frozen, module = "hushvec")]
pub struct Index {
    inner: hushvec::Index,
}

impl Index {
    pub fn get(&self) -> &hushvec::Index {
        &self.inner
    }
}

#[pymethods]
impl Index {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self { inner: py.detach(|| hushvec::Index::open(&path)).map_err(raise)? })
    }

    /// Finds the `k` nearest vectors to each query, nearest first. For an owner who has the index: encrypts the
    /// queries, aggregates and decrypts. Returns ids (Q, k) and distances (Q, k) uint32, with fewer columns if there
    /// are fewer vectors.
    #[pyo3(signature = (keys, queries, k=10, progress=None))]
    fn nearest<'py>(
        &self,
        py: Python<'py>,
        keys: Owner,
        queries: &Bound<'py, PyAny>,
        k: usize,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<nearest::Arrays<'py>> {
        let queries = arrays::vectors(queries, keys.0.embed_len(), 0)?;
        let reporter = Reporter::new(progress, queries.len() as u64 * self.inner.len(), "search")?;
        let found = watched(py, &reporter, |progress| self.inner.nearest(&keys.0, &queries, k, progress))?;
        nearest::arrays(py, &found)
    }

    /// All ids in the order of the rows, (N,) uint64 or strings.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut all = Ids::new();
        py.detach(|| self.inner.for_each_id(|id| all.push(id))).map_err(raise)?;
        ids::array(py, &all, &[all.len()])
    }

    /// Returns all ids (N,) and all ciphertexts (N, key_len/2) uint8.
    fn export<'py>(
        &self,
        py: Python<'py>,
        evaluator: &Evaluator,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, numpy::PyArray2<u8>>)> {
        let (evaluator, mut all, mut integers) = (evaluator.get(), Ids::new(), Vec::new());
        let write = |ids: &Ids, bytes: &[u8]| {
            integers.extend_from_slice(bytes);
            ids.iter().try_for_each(|id| all.push(id))
        };
        py.detach(|| self.inner.export(evaluator.public_key(), evaluator, write)).map_err(raise)?;
        let width = evaluator.public_key().parameters().ciphertext_bytes();
        Ok((ids::array(py, &all, &[all.len()])?, arrays::rows(py, integers, width)?))
    }

    /// Verifies all checksums. With an evaluator, also checks that there are no duplicate ids and that every vector
    /// is in the range of ciphertexts; with `deep`, also that it is coprime to n.
    #[pyo3(signature = (evaluator=None, deep=false, progress=None))]
    fn verify(
        &self,
        py: Python<'_>,
        evaluator: Option<&Evaluator>,
        deep: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let reporter = Reporter::new(progress, self.inner.len(), "verify")?;
        watched(py, &reporter, |progress| {
            self.inner.verify()?;
            evaluator.map_or(Ok(()), |evaluator| evaluator.get().verify(&self.inner, deep, progress))
        })
    }

    /// Merges indexes of one key into a new file. Returns its number of vectors.
    #[staticmethod]
    #[pyo3(signature = (paths, output, progress=None))]
    fn merge(
        py: Python<'_>,
        paths: Vec<PathBuf>,
        output: PathBuf,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let inputs: Result<Vec<_>, _> = py.detach(|| paths.iter().map(|path| hushvec::Index::open(path)).collect());
        let inputs = inputs.map_err(raise)?;
        let reporter = Reporter::new(progress, inputs.iter().map(hushvec::Index::len).sum(), "merge")?;
        watched(py, &reporter, |progress: &Progress| hushvec::Index::merge(&inputs, &output, progress))
    }

    /// Rewrites an index without its deleted vectors, and replaces the file atomically. Returns a dictionary with
    /// "kept", "removed", "bytes_before" and "bytes_after".
    #[staticmethod]
    #[pyo3(signature = (path, progress=None))]
    fn compact<'py>(
        py: Python<'py>,
        path: PathBuf,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let total = py.detach(|| hushvec::Index::open(&path)).map_err(raise)?.len();
        let reporter = Reporter::new(progress, total, "compact")?;
        let done = watched(py, &reporter, |progress| hushvec::Index::compact(&path, progress))?;
        let facts = PyDict::new(py);
        facts.set_item("kept", done.kept)?;
        facts.set_item("removed", done.removed)?;
        facts.set_item("bytes_before", done.bytes_before)?;
        facts.set_item("bytes_after", done.bytes_after)?;
        Ok(facts)
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

    /// The SHA-256 hash of the public key and configuration that its vectors are encrypted with.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    /// The number of dimensions of a vector.
    #[getter]
    fn embed_len(&self) -> usize {
        self.inner.embedding_length()
    }

    /// The length of each prime of the key in bits.
    #[getter]
    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    /// The number of deleted vectors that are still in the file, until it is compacted.
    #[getter]
    fn deleted(&self) -> u64 {
        self.inner.deleted()
    }

    /// The number of bytes after the last complete block, if an append was interrupted. Readers ignore them; the next
    /// append removes them.
    #[getter]
    fn torn_bytes(&self) -> u64 {
        self.inner.recovery().map_or(0, |recovery| recovery.torn_bytes)
    }

    fn __repr__(&self) -> String {
        let (path, inner) = (self.inner.path().display(), &self.inner);
        format!("<Index {path}: {} vectors of {} dimensions>", inner.len(), inner.embedding_length())
    }
}
