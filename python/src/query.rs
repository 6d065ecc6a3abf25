//! Encrypted queries.

use crate::arrays::{self, CiphertextRows};
use crate::errors::raise;
use crate::keys::{Keys, Owner};
use hushvec::{HomomorphicClient, PublicKey};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// One or several encrypted query vectors, for an evaluator. `len()` is their number.
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
    /// Creates a query from ciphertexts (Q, key_len/2) uint8, and checks them. `keys` is a context, a client or an
    /// evaluator. The id is random unless given.
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

    /// Encrypts query vectors (Q, D) or (Q, D/8).
    #[staticmethod]
    fn encrypt(py: Python<'_>, vectors: &Bound<'_, PyAny>, keys: Owner) -> PyResult<Self> {
        let vectors = arrays::vectors(vectors, keys.0.embed_len(), 0)?;
        let query = py.detach(|| hushvec::Query::new(keys.0.encrypt_vec_batch(&vectors)?)).map_err(raise)?;
        Ok(Self::new(query, Arc::clone(keys.0.public_key())))
    }

    /// Reads a query from a file, and checks its ciphertexts. `keys` is a context, a client or an evaluator.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf, keys: Keys) -> PyResult<Self> {
        let query = py.detach(|| match &keys {
            Keys::Owner(context) => context.load_query(&path),
            Keys::Public(evaluator) => evaluator.load_query(&path),
        });
        Ok(Self::new(query.map_err(raise)?, Arc::clone(keys.public_key())))
    }

    /// The id in hexadecimal, which responses repeat. None if the query was read from a file of format version 1.
    #[getter]
    fn id(&self) -> Option<String> {
        self.inner.id().map(|id| id.to_string())
    }

    /// Writes the query to a file atomically.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.inner.save(&path, &self.key)).map_err(raise)
    }

    fn __len__(&self) -> usize {
        self.inner.vectors().len()
    }

    /// The SHA-256 hash of the public key and configuration.
    #[getter]
    fn public_id(&self) -> String {
        self.key.id().to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Query of {}>", self.inner.vectors().len())
    }
}
