//! Key providers.

use crate::errors::{InputError, raise};
use hushvec::{Error, Format, Key, KeyProvider, PassphraseKeyProvider, XTraceContent};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key provider of the engine.
#[pyclass(frozen, module = "hushvec._hushvec")]
pub struct Provider {
    inner: Arc<dyn KeyProvider>,
}

impl Provider {
    pub fn get(&self) -> Arc<dyn KeyProvider> {
        Arc::clone(&self.inner)
    }
}

#[pymethods]
impl Provider {
    /// Returns the provider of a passphrase for contexts of a format, with the given salt or a random one.
    #[staticmethod]
    #[pyo3(signature = (passphrase, format, salt=None))]
    fn passphrase(passphrase: String, format: &str, salt: Option<Vec<u8>>) -> PyResult<Self> {
        let provider = match (format_of(format)?, salt) {
            (Format::Native, None) => PassphraseKeyProvider::new(passphrase),
            (Format::Native, Some(salt)) => PassphraseKeyProvider::with_salt(passphrase, &salt),
            (_, salt) => PassphraseKeyProvider::xtrace(passphrase, salt.as_deref()),
        };
        Ok(Self { inner: Arc::new(provider.map_err(raise)?) })
    }

    /// Returns the provider of a key that Python holds. `wrapped` is stored with the context, to recover the key from.
    #[staticmethod]
    fn key(provider_id: String, key: &[u8], wrapped: Vec<u8>) -> PyResult<Self> {
        let key = <[u8; 32]>::try_from(key)
            .map_err(|_| InputError::new_err(format!("the key has {} bytes, expected 32", key.len())))?;
        Ok(Self { inner: Arc::new(GivenKey { provider_id, key: Zeroizing::new(key), wrapped }) })
    }

    fn get_key<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &*self.inner.get_key().map_err(raise)?))
    }

    fn wrap_key(&self) -> Vec<u8> {
        self.inner.wrap_key()
    }

    /// Seals content under the key itself, as XTrace's SDK does. Returns base64.
    fn encrypt_content(&self, content: &[u8]) -> PyResult<String> {
        XTraceContent::new(self.inner.get_key().map_err(raise)?).encrypt(content).map_err(raise)
    }

    /// Opens content that `encrypt_content` or the SDK sealed.
    fn decrypt_content<'py>(&self, py: Python<'py>, sealed: &str) -> PyResult<Bound<'py, PyBytes>> {
        let content = XTraceContent::new(self.inner.get_key().map_err(raise)?).decrypt(sealed).map_err(raise)?;
        Ok(PyBytes::new(py, &content))
    }
}

/// Parses the name of a format.
pub fn format_of(name: &str) -> PyResult<Format> {
    [Format::Native, Format::XTrace]
        .into_iter()
        .find(|format| format.name() == name)
        .ok_or_else(|| InputError::new_err(format!("the format is {name:?}, expected \"native\" or \"xtrace\"")))
}

/// A key from Python.
struct GivenKey {
    provider_id: String,
    key: Zeroizing<[u8; 32]>,
    wrapped: Vec<u8>,
}

impl fmt::Debug for GivenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenKey").field("provider_id", &self.provider_id).finish_non_exhaustive()
    }
}

impl KeyProvider for GivenKey {
    fn provider_id(&self) -> &str {
        &self.provider_id
    }

    fn get_key(&self) -> Result<Key, Error> {
        Ok(self.key.clone())
    }

    fn wrap_key(&self) -> Vec<u8> {
        self.wrapped.clone()
    }

    fn from_wrapped(&self, _: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error> {
        let provider_id = self.provider_id.clone();
        Ok(Arc::new(Self { provider_id, key: self.key.clone(), wrapped: wrapped.to_vec() }))
    }
}
