//! The evaluator, which has the public key only.

use crate::arrays::{self, CiphertextRows};
use crate::blocks::{self, in_blocks};
use crate::context::{device, threads};
use crate::errors::{InputError, raise};
use crate::numbers::{self, Numbers, Values};
use crate::progress::Reporter;
use hushvec::{Device, NumberEvaluator, PublicContext};
use numpy::PyArray2;
use pyo3::prelude::*;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Aggregates encrypted queries with encrypted vectors. It holds no secret.
#[pyclass(frozen, subclass, module = "hushvec._hushvec")]
pub struct Evaluator {
    inner: Arc<hushvec::Evaluator>,
    device: Device,
    threads: Option<NonZeroUsize>,
    /// Opened on first use.
    numbers: OnceLock<Arc<NumberEvaluator>>,
}

impl Evaluator {
    pub fn get(&self) -> &Arc<hushvec::Evaluator> {
        &self.inner
    }

    fn numbers(&self, py: Python<'_>) -> PyResult<&Arc<NumberEvaluator>> {
        numbers::evaluator(py, &self.numbers, self.inner.public_context(), &self.device, self.threads)
    }

    fn width(&self) -> usize {
        self.inner.public_key().parameters().ciphertext_bytes()
    }
}

#[pymethods]
impl Evaluator {
    /// Opens a public context from its text or from a file.
    #[new]
    #[pyo3(signature = (text=None, *, path=None, device="auto", threads=None, allow_weak=false))]
    fn new(
        py: Python<'_>,
        text: Option<&str>,
        path: Option<PathBuf>,
        device: &str,
        threads: Option<usize>,
        allow_weak: bool,
    ) -> PyResult<Self> {
        let public = match (text, path) {
            (Some(text), None) => PublicContext::from_json(text, allow_weak),
            (None, Some(path)) => PublicContext::load(&path, allow_weak),
            _ => return Err(InputError::new_err("give either a public context's text or its path")),
        };
        let (public, device, threads) = (public.map_err(raise)?, self::device(device)?, self::threads(threads)?);
        let inner = py.detach(|| hushvec::Evaluator::with_threads(&public, device.clone(), threads)).map_err(raise)?;
        Ok(Self { inner: Arc::new(inner), device, threads, numbers: OnceLock::new() })
    }

    /// Encrypts vectors (N, D) or (N, D/8) with the public key. Returns (N, key_len/2) uint8.
    #[pyo3(signature = (vectors, progress=None))]
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        vectors: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        blocks::encrypt(py, vectors, self.inner.public_key().parameters(), progress, |block| {
            self.inner.integers(&self.inner.encrypt_vec_batch(block)?)
        })
    }

    /// Aggregates one encrypted query (1, key_len/2) with encrypted vectors (N, key_len/2). Returns the encrypted
    /// distances, (N, key_len/2) uint8.
    #[pyo3(signature = (query, vectors, progress=None))]
    fn hamming<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        vectors: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        let width = self.width();
        let query = self.inner.import(&CiphertextRows::new(query, width)?.all()?).map_err(raise)?;
        let (Some(query), 1) = (query.get(0), query.len()) else {
            return Err(InputError::new_err(format!("{} queries were given, expected one", query.len())));
        };
        let rows = CiphertextRows::new(vectors, width)?;
        let reporter = Reporter::new(progress, rows.len() as u64, "aggregate")?;
        let take = |range| rows.copied(range);
        let parts = in_blocks(py, rows.len(), &reporter, take, |block| {
            self.inner.integers(&self.inner.hamming_batch(&query, &self.inner.import(&block)?)?)
        })?;
        arrays::rows(py, parts.concat(), width)
    }

    /// Encrypts a flat array of numbers with the public key.
    fn numbers_of(
        &self,
        py: Python<'_>,
        values: &Bound<'_, PyAny>,
        integer_bits: u32,
        fraction_bits: Option<u16>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Numbers> {
        Values::new(values)?.encrypt(py, None, self.numbers(py)?, (integer_bits, fraction_bits), progress)
    }

    /// Reads encrypted numbers from bytes.
    fn numbers_from(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<Numbers> {
        Numbers::from_bytes(py, self.numbers(py)?, bytes)
    }

    /// Reads encrypted numbers from a file.
    fn numbers_in(&self, py: Python<'_>, path: PathBuf) -> PyResult<Numbers> {
        Numbers::load(py, self.numbers(py)?, &path)
    }

    /// Returns the public context as JSON.
    fn public_context(&self) -> PyResult<String> {
        self.inner.public_context().to_json().map_err(raise)
    }

    /// The number of dimensions of a vector.
    #[getter]
    fn embed_len(&self) -> usize {
        self.inner.public_key().parameters().embedding_length()
    }

    /// The length of each prime in bits.
    #[getter]
    fn key_len(&self) -> usize {
        self.inner.public_key().parameters().key_len()
    }

    /// The SHA-256 hash of the public key and configuration.
    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_context().public_id().to_string()
    }

    /// The name of the device that computes.
    #[getter]
    fn device_used(&self) -> String {
        self.inner.device_report().used
    }
}
