//! Encrypted queries.

use crate::arrays::{self, CiphertextRows};
use crate::errors::raise;
use crate::keys::{Keys, Owner};
use hushvec::{HomomorphicClient, PublicKey};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// One or several encrypted query vectors, on their way to an evaluator. `len()` is their number.
#[pyclass(frozen, module = "hushvec")]
pub struct Query {
    inner: hushvec::Query,
    key: Arc<PublicKey>,
}

impl Query {
    pub fn new(inner: hushvec::Query, key: Arc<PublicKey>) -> Self {
        Self { inner, key }
    }

    pub fn get(&self) -> &hushvec::Query {
        &self.inner
    }
}

#[pymethods]
impl Query {
    /// A query of (Q, key_len/2) uint8 ciphertexts, which are checked. Keys are a context, a client or an evaluator. It gets a
    /// random id unless one is given.
    #[new]
    #[pyo3(signature = (ciphertexts, keys, id=None))]
    fn of(py: Python<'_>, ciphertexts: &Bound<'_, PyAny>, keys: Keys, id: Option<&str>) -> PyResult<Self> {
        let id = id.map(str::parse).transpose().map_err(raise)?;
        let rows = CiphertextRows::new(ciphertexts, keys.public_key().parameters().ciphertext_bytes())?;
        let bytes = rows.all()?;
        let query = py.detach(|| match id {
            Some(id) => hushvec::Query::with_id(keys.import(&bytes)?, id),
            None => hushvec::Query::new(keys.import(&bytes)?),
        });
        Ok(Self::new(query.map_err(raise)?, Arc::clone(keys.public_key())))
    }

    /// Encrypts vectors, (Q, D) or (Q, D/8).
    #[staticmethod]
    fn encrypt(py: Python<'_>, vectors: &Bound<'_, PyAny>, keys: Owner) -> PyResult<Self> {
        let vectors = arrays::vectors(vectors, keys.0.embed_len(), 0)?;
        let query = py.detach(|| hushvec::Query::new(keys.0.encrypt_vec_batch(&vectors)?)).map_err(raise)?;
        Ok(Self::new(query, Arc::clone(keys.0.public_key())))
    }

    /// Reads it from a file and checks its ciphertexts. Keys are a context, a client or an evaluator.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, keys: Keys) -> PyResult<Self> {
        let query = py.detach(|| match &keys {
            Keys::Owner(context) => context.load_query(&path),
            Keys::Public(evaluator) => evaluator.load_query(&path),
        });
        Ok(Self::new(query.map_err(raise)?, Arc::clone(keys.public_key())))
    }

    /// Its random id, which responses repeat, in hexadecimal; None if it was read from version 1 of the format.
    #[getter]
    fn id(&self) -> Option<String> {
        self.inner.id().map(|id| id.to_string())
    }

    /// Writes it to a file, in one step.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.inner.save(&path, &self.key)).map_err(raise)
    }

    fn __len__(&self) -> usize {
        self.inner.vectors().len()
    }

    /// SHA-256 of public key and configuration.
    #[getter]
    fn public_id(&self) -> String {
        self.key.id().to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Query of {}>", self.inner.vectors().len())
    }
}
