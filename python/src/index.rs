//! Index files, read.

use crate::arrays;
use crate::errors::raise;
use crate::evaluator::Evaluator;
use crate::ids;
use crate::keys::Owner;
use crate::nearest;
use crate::progress::{Told, watched};
use hushvec::{Ids, Progress};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// Stored encrypted vectors with ids, in a file that is mapped into memory: it costs no memory to speak of, however
/// large it is. `len()` is the number of vectors. Written by `IndexWriter`.
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

    /// The `k` nearest vectors for each query, nearest first, for an owner who has the index at hand: encrypts the
    /// queries, combines and decodes. Ids (Q, k), and distances (Q, k) uint32, with fewer columns if there are fewer vectors.
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
        let told = Told::new(progress, queries.len() as u64 * self.inner.len(), "search")?;
        let found = watched(py, &told, |progress| self.inner.nearest(&keys.0, &queries, k, progress))?;
        nearest::arrays(py, &found)
    }

    /// All ids in the order of the rows: (N,) uint64 or strings.
    #[getter]
    fn ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut all = Ids::new();
        py.detach(|| self.inner.for_each_id(|id| all.push(id))).map_err(raise)?;
        ids::array(py, &all, &[all.len()])
    }

    /// All vectors as they are stored: ids (N,) and ciphertexts (N, key_len/2) uint8.
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

    /// Verifies every checksum; with an evaluator also that no id is there twice and that every vector is a number that
    /// a ciphertext can be; if `deep`, also that it is coprime to n.
    #[pyo3(signature = (evaluator=None, deep=false, progress=None))]
    fn verify(
        &self,
        py: Python<'_>,
        evaluator: Option<&Evaluator>,
        deep: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let told = Told::new(progress, self.inner.len(), "verify")?;
        watched(py, &told, |progress| {
            self.inner.verify()?;
            evaluator.map_or(Ok(()), |evaluator| evaluator.get().verify(&self.inner, deep, progress))
        })
    }

    /// Puts indexes of one key together in a new file: how many vectors that has.
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
        let told = Told::new(progress, inputs.iter().map(hushvec::Index::len).sum(), "merge")?;
        watched(py, &told, |progress: &Progress| hushvec::Index::merge(&inputs, &output, progress))
    }

    /// Rewrites an index without what was deleted from it, in one step: `{"kept", "removed", "bytes_before",
    /// "bytes_after"}`.
    #[staticmethod]
    #[pyo3(signature = (path, progress=None))]
    fn compact<'py>(
        py: Python<'py>,
        path: PathBuf,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let total = py.detach(|| hushvec::Index::open(&path)).map_err(raise)?.len();
        let told = Told::new(progress, total, "compact")?;
        let done = watched(py, &told, |progress| hushvec::Index::compact(&path, progress))?;
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

    /// The file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.inner.path().to_owned()
    }

    /// SHA-256 of the public key and configuration that its vectors are encrypted with.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    /// Dimensions of a vector.
    #[getter]
    fn embed_len(&self) -> usize {
        self.inner.embedding_length()
    }

    /// Length of each prime of the key, in bits.
    #[getter]
    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    /// How many vectors are deleted but still in the file, until it is compacted.
    #[getter]
    fn deleted(&self) -> u64 {
        self.inner.deleted()
    }

    /// Bytes after the last whole block, if an append was cut short. Reading leaves them alone; the next append cuts
    /// them off.
    #[getter]
    fn torn_bytes(&self) -> u64 {
        self.inner.recovery().map_or(0, |recovery| recovery.torn_bytes)
    }

    fn __repr__(&self) -> String {
        let (path, inner) = (self.inner.path().display(), &self.inner);
        format!("<Index {path}: {} vectors of {} dimensions>", inner.len(), inner.embedding_length())
    }
}
