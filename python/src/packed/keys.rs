//! The owner's keys of packed search.

use super::metric::{self, described};
use super::query::PackedQuery;
use super::vectors::Given;
use crate::context::{device, threads};
use crate::errors::{InputError, raise};
use crate::provider::Provider;
use hushvec::{OpenDevice, PackedContext};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// A secret key of packed search, open on a device.
#[pyclass(frozen, module = "hushvec._hushvec", eq, hash)]
pub struct PackedKeys {
    inner: Arc<PackedContext>,
}

impl PartialEq for PackedKeys {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for PackedKeys {}

impl std::hash::Hash for PackedKeys {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.inner.public_id().hash(state);
    }
}

#[pymethods]
impl PackedKeys {
    /// Generates a new key, and saves it if a path is given.
    #[staticmethod]
    #[pyo3(signature = (metric, embedding_length, bits, device, threads, provider, path=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's side names them")]
    fn generate(
        py: Python<'_>,
        metric: &str,
        embedding_length: usize,
        bits: Option<i64>,
        device: &str,
        threads: Option<usize>,
        provider: &Provider,
        path: Option<PathBuf>,
    ) -> PyResult<Self> {
        let parameters = metric::parameters(metric, embedding_length, bits)?;
        let (device, threads, provider) = (self::device(device)?, self::threads(threads)?, provider.get());
        let context = py.detach(|| {
            let device = OpenDevice::open(device, threads)?;
            match path {
                Some(path) => PackedContext::create_on_disk(&path, parameters, device, provider),
                None => PackedContext::generate(parameters, device, provider),
            }
        });
        Ok(Self { inner: Arc::new(context.map_err(raise)?) })
    }

    /// Opens a stored context, on its stored device unless another one is given.
    #[staticmethod]
    fn from_text(
        py: Python<'_>,
        text: &str,
        provider: &Provider,
        device: Option<&str>,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let (device, threads) = (device.map(self::device).transpose()?, self::threads(threads)?);
        let provider = provider.get();
        let context = py.detach(|| {
            let open = device.map(|device| OpenDevice::open(device, threads)).transpose()?;
            let is_stored = open.is_none();
            let context = PackedContext::from_serialized(text, &*provider, open)?;
            if is_stored && threads.is_some() {
                let device = OpenDevice::open(context.device().clone(), threads)?;
                return Ok(context.on(device));
            }
            Ok(context)
        });
        Ok(Self { inner: Arc::new(context.map_err(raise)?) })
    }

    /// Encrypts query vectors (Q, D), or (Q, D/8) of packed bits.
    fn encrypt_query(&self, py: Python<'_>, vectors: &Bound<'_, PyAny>) -> PyResult<PackedQuery> {
        let vectors = Given::new(vectors, self.inner.parameters(), 0)?.all()?;
        let query = py.detach(|| self.inner.encrypt_queries(&vectors.as_vectors())).map_err(raise)?;
        Ok(PackedQuery::new(query))
    }

    /// Returns the context as text, with the secret key sealed.
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.serialize()).map_err(raise)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.inner.save_to_disk(&path)).map_err(raise)
    }

    /// Returns the public context, which an evaluator needs, as JSON.
    fn public_text(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.public_context()?.to_json()).map_err(raise)
    }

    fn id(&self) -> String {
        self.inner.id()
    }

    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    #[getter]
    fn metric(&self) -> &'static str {
        self.inner.parameters().metric().name()
    }

    #[getter]
    fn embedding_length(&self) -> usize {
        self.inner.parameters().dimensions()
    }

    #[getter]
    fn bits(&self) -> Option<i64> {
        metric::bits(self.inner.parameters().metric())
    }

    #[getter]
    fn cosine_error(&self) -> Option<f64> {
        self.inner.parameters().cosine_error()
    }

    #[getter]
    fn most_queries(&self) -> usize {
        self.inner.most_queries()
    }

    #[getter]
    fn device(&self) -> String {
        self.inner.device().to_string()
    }

    fn __repr__(&self) -> String {
        format!("{}, {}", self.inner.public_id(), described(self.inner.parameters()))
    }
}

/// The owner's keys of an argument.
pub struct Owner(pub Arc<PackedContext>);

impl<'py> FromPyObject<'_, 'py> for Owner {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let keys = given.getattr_opt("_packed_keys")?;
        let keys = keys.as_ref().and_then(|keys| keys.cast::<PackedKeys>().ok());
        let keys =
            keys.ok_or_else(|| InputError::new_err(format!("expected a PackedContext, not {}", given.get_type())))?;
        Ok(Self(Arc::clone(&keys.get().inner)))
    }
}
