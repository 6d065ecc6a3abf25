//! Who combines, knowing the public key only.

use crate::arrays;
use crate::blocks::{self, in_blocks};
use crate::context::{device, threads};
use crate::errors::{InputError, raise};
use hushvec::PublicContext;
use numpy::PyArray2;
use pyo3::prelude::*;
use std::path::PathBuf;

/// Combines encrypted queries with encrypted vectors. It holds no secret.
#[pyclass(frozen, module = "hushvec._hushvec")]
pub struct Evaluator {
    inner: hushvec::Evaluator,
}

impl Evaluator {
    fn width(&self) -> usize {
        self.inner.public_key().parameters().ciphertext_bytes()
    }
}

#[pymethods]
impl Evaluator {
    /// Opens a public context, given as its text or its file.
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
        let inner = py.detach(|| hushvec::Evaluator::with_threads(&public, device, threads)).map_err(raise)?;
        Ok(Self { inner })
    }

    /// Encrypts vectors with the public key: (N, key_len/2) uint8.
    #[pyo3(signature = (vectors, told=None))]
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        vectors: &Bound<'py, PyAny>,
        told: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        blocks::encrypt(py, vectors, self.inner.public_key().parameters(), told, |block| {
            self.inner.integers(&self.inner.encrypt_vec_batch(block)?)
        })
    }

    /// Combines one query, (1, key_len/2), with vectors, (N, key_len/2): (N, key_len/2) encrypted distances.
    #[pyo3(signature = (query, vectors, told=None))]
    fn hamming<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        vectors: &Bound<'py, PyAny>,
        told: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        let width = self.width();
        let query = self.inner.import(&arrays::ciphertexts(query, width)?).map_err(raise)?;
        let (Some(query), 1) = (query.get(0), query.len()) else {
            return Err(InputError::new_err(format!("{} queries were given, expected one", query.len())));
        };
        let bytes = arrays::ciphertexts(vectors, width)?;
        let parts = in_blocks(py, bytes.len() / width, told, |range| {
            let block = bytes.get(range.start * width..range.end * width).unwrap_or_default();
            self.inner.integers(&self.inner.hamming_batch(&query, &self.inner.import(block)?)?)
        })?;
        arrays::rows(py, parts.concat(), width)
    }

    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_context().public_id().to_string()
    }

    #[getter]
    fn device_used(&self) -> String {
        self.inner.device_report().used
    }
}
