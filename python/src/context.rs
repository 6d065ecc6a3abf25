//! The owner's keys.

use crate::arrays::{self, CiphertextRows};
use crate::blocks::{self, in_blocks};
use crate::errors::{InputError, raise};
use crate::numbers::{self, Numbers, Values};
use crate::progress::Reporter;
use crate::provider::{Provider, format_of};
use hushvec::{Device, ExecutionContext, HomomorphicClient, Loader, NumberEvaluator, Scheme, Tables};
use numpy::{PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Keys of one scheme, open on a device.
#[pyclass(frozen, module = "hushvec._hushvec", eq, hash)]
#[derive(Clone)]
pub struct Context {
    inner: Arc<ExecutionContext>,
    threads: Option<NonZeroUsize>,
    /// Opened on first use.
    numbers: Arc<OnceLock<Arc<NumberEvaluator>>>,
}

impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Context {}

impl std::hash::Hash for Context {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.inner.public_id().hash(state);
    }
}

impl Context {
    pub fn get(&self) -> &Arc<ExecutionContext> {
        &self.inner
    }

    fn new(context: ExecutionContext, threads: Option<NonZeroUsize>) -> Self {
        Self { inner: Arc::new(context), threads, numbers: Arc::default() }
    }

    fn numbers(&self, py: Python<'_>) -> PyResult<&Arc<NumberEvaluator>> {
        numbers::evaluator(py, &self.numbers, &self.inner.public_context(), self.inner.device(), self.threads)
    }

    /// Returns the same keys under another provider, in another format.
    fn rekeyed(&self, provider: &Provider, format: &str, context_id: Option<String>) -> PyResult<ExecutionContext> {
        let mut loader = ExecutionContext::loader().threads(self.threads);
        if let Some(id) = context_id {
            loader = loader.context_id(id);
        }
        let context = loader.from_context(&self.inner, provider.get()).map_err(raise)?;
        context.export(format_of(format)?, provider.get()).map_err(raise)
    }
}

fn loader(device: Option<&str>, threads: Option<NonZeroUsize>, allow_weak: bool) -> PyResult<Loader> {
    let mut loader = ExecutionContext::loader().allow_weak(allow_weak).threads(threads);
    if let Some(device) = device {
        loader = loader.device(self::device(device)?);
    }
    Ok(loader)
}

/// Parses the name of a device.
pub fn device(name: &str) -> PyResult<Device> {
    name.parse().map_err(raise)
}

pub fn threads(count: Option<usize>) -> PyResult<Option<NonZeroUsize>> {
    count
        .map(|count| NonZeroUsize::new(count).ok_or_else(|| InputError::new_err("threads must be at least 1")))
        .transpose()
}

#[pymethods]
impl Context {
    /// Creates new keys, and saves them if a path is given.
    #[staticmethod]
    #[pyo3(signature = (scheme, embed_len, key_len, alpha_len, device, threads, secrets_on_cpu, provider, format, path=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's side names them")]
    fn generate(
        py: Python<'_>,
        scheme: &str,
        embed_len: usize,
        key_len: usize,
        alpha_len: Option<usize>,
        device: &str,
        threads: Option<usize>,
        secrets_on_cpu: bool,
        provider: &Provider,
        format: &str,
        path: Option<PathBuf>,
    ) -> PyResult<Self> {
        let threads = self::threads(threads)?;
        let mut builder = ExecutionContext::builder()
            .scheme(scheme.parse::<Scheme>().map_err(raise)?)
            .embedding_length(embed_len)
            .key_len(key_len)
            .device(self::device(device)?)
            .threads(threads)
            .secrets_on_cpu(secrets_on_cpu)
            .format(format_of(format)?)
            .key_provider(provider.get());
        if let Some(alpha_len) = alpha_len {
            builder = builder.alpha_len(alpha_len);
        }
        if let Some(path) = path {
            builder = builder.path(path);
        }
        py.detach(|| builder.build()).map(|context| Self::new(context, threads)).map_err(raise)
    }

    /// Loads keys from the texts that `pk`, `sk` and `config` return, here or in the SDK. `kind` is the SDK's name of
    /// the client.
    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "Python's side names them")]
    fn from_keys(
        py: Python<'_>,
        kind: &str,
        pk: &str,
        sk: &str,
        config: &str,
        device: &str,
        threads: Option<usize>,
        secrets_on_cpu: bool,
        provider: &Provider,
    ) -> PyResult<Self> {
        let threads = self::threads(threads)?;
        let loader = loader(Some(device), threads, true)?.secrets_on_cpu(secrets_on_cpu);
        let context = py.detach(|| loader.from_stringified([kind, pk, config], sk, provider.get())).map_err(raise)?;
        Ok(Self::new(context, threads))
    }

    /// Returns the same keys with another configuration.
    fn with_config(&self, py: Python<'_>, kind: &str, config: &str, provider: &Provider) -> PyResult<Self> {
        let owner = &self.inner;
        let loader = ExecutionContext::loader()
            .allow_weak(true)
            .device(owner.device().clone())
            .threads(self.threads)
            .secrets_on_cpu(owner.secrets_on_cpu());
        let keys = [kind, &owner.stringify_pk(), config];
        let context = py.detach(|| loader.from_stringified(keys, &owner.stringify_sk()?, provider.get()));
        Ok(Self::new(context.map_err(raise)?, self.threads))
    }

    /// Returns the same context on another device.
    fn on_device(&self, py: Python<'_>, device: &str, threads: Option<usize>) -> PyResult<Self> {
        let (device, threads) = (self::device(device)?, self::threads(threads)?);
        let context = py.detach(|| self.inner.on_device(device, threads)).map_err(raise)?;
        Ok(Self::new(context, threads))
    }

    /// Opens a stored context: the text of a file, or the JSON of a dictionary, whose layout does not matter.
    #[staticmethod]
    #[pyo3(signature = (text, is_dict, provider, device, threads, secrets_on_cpu, allow_weak, context_id, expect_id=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's side names them")]
    fn from_text(
        py: Python<'_>,
        text: &str,
        is_dict: bool,
        provider: &Provider,
        device: Option<&str>,
        threads: Option<usize>,
        secrets_on_cpu: bool,
        allow_weak: bool,
        context_id: Option<String>,
        expect_id: Option<String>,
    ) -> PyResult<Self> {
        let threads = self::threads(threads)?;
        let mut loader = loader(device, threads, allow_weak)?.secrets_on_cpu(secrets_on_cpu);
        if let Some(id) = context_id {
            loader = loader.context_id(id);
        }
        if let Some(id) = expect_id {
            loader = loader.expect_id(id);
        }
        if is_dict {
            let value = serde_json::from_str(text)
                .map_err(|error| InputError::new_err(format!("the context is not a JSON object: {error}")))?;
            let context = py.detach(|| loader.from_dict(value, &*provider.get())).map_err(raise)?;
            return Ok(Self::new(context, threads));
        }
        let context = py.detach(|| loader.from_serialized(text, &*provider.get())).map_err(raise)?;
        Ok(Self::new(context, threads))
    }

    /// Returns the same keys under another provider, in the given format.
    fn with_provider(
        &self,
        py: Python<'_>,
        provider: &Provider,
        format: &str,
        context_id: Option<String>,
    ) -> PyResult<Self> {
        py.detach(|| self.rekeyed(provider, format, context_id)).map(|context| Self::new(context, self.threads))
    }

    /// Encrypts vectors (N, D) or (N, D/8). Returns (N, key_len/2) uint8.
    #[pyo3(signature = (vectors, progress=None))]
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        vectors: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        blocks::encrypt(py, vectors, self.inner.parameters(), progress, |block| {
            self.inner.integers(&self.inner.encrypt_vec_batch(block)?)
        })
    }

    /// Decrypts encrypted distances (N, key_len/2). Returns (N,) uint32.
    #[pyo3(signature = (ciphertexts, progress=None))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        ciphertexts: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let rows = CiphertextRows::new(ciphertexts, self.width())?;
        let reporter = Reporter::new(progress, rows.len() as u64, "decode")?;
        let take = |range| rows.copied(range);
        let parts = in_blocks(py, rows.len(), &reporter, take, |block| {
            self.inner.decode_hamming_client_batch(&self.inner.import(&block)?)
        })?;
        Ok(PyArray1::from_vec(py, parts.concat()))
    }

    /// Decrypts encrypted vectors (N, key_len/2). Returns (N, D) uint8 of 0 and 1.
    fn decrypt_vectors<'py>(
        &self,
        py: Python<'py>,
        ciphertexts: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        let rows = CiphertextRows::new(ciphertexts, self.width())?;
        let take = |range| rows.copied(range);
        let parts = in_blocks(py, rows.len(), &Reporter::silent(), take, |block| {
            let vectors = self.inner.decrypt_vec_batch(&self.inner.import(&block)?)?;
            Ok((0..vectors.len()).filter_map(|row| vectors.row(row)).flatten().collect::<Vec<u8>>())
        })?;
        arrays::rows(py, parts.concat(), self.inner.embed_len())
    }

    /// Encrypts a flat array of numbers.
    fn numbers_of(
        &self,
        py: Python<'_>,
        values: &Bound<'_, PyAny>,
        integer_bits: u32,
        fraction_bits: Option<u16>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Numbers> {
        let format = (integer_bits, fraction_bits);
        Values::new(values)?.encrypt(py, Some(&self.inner), self.numbers(py)?, format, progress)
    }

    /// Reads encrypted numbers from bytes.
    fn numbers_from(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<Numbers> {
        Numbers::from_bytes(py, self.numbers(py)?, bytes)
    }

    /// Reads encrypted numbers from a file.
    fn numbers_in(&self, py: Python<'_>, path: PathBuf) -> PyResult<Numbers> {
        Numbers::load(py, self.numbers(py)?, &path)
    }

    /// Decrypts numbers. Returns (N,) int64, or float64 if their exponent is negative.
    fn decrypt_numbers<'py>(&self, py: Python<'py>, numbers: &Numbers) -> PyResult<Bound<'py, PyAny>> {
        numbers.decrypted(py, &self.inner)
    }

    /// Decrypts numbers of any size. Returns integers and their common exponent.
    fn decrypt_exactly_vartime<'py>(
        &self,
        py: Python<'py>,
        numbers: &Numbers,
    ) -> PyResult<(Vec<Bound<'py, PyAny>>, i32)> {
        numbers.decrypted_exactly_vartime(py, &self.inner)
    }

    /// Returns the public key in the SDK's form.
    fn pk(&self) -> String {
        self.inner.stringify_pk()
    }

    /// Returns the configuration in the SDK's form.
    fn config(&self) -> String {
        self.inner.stringify_config()
    }

    /// Returns the secret key as plain text in the SDK's form.
    fn sk<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(PyString::new(py, &self.inner.stringify_sk().map_err(raise)?))
    }

    /// Returns the context as text, with the secret key sealed.
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.serialize_exec_context()).map_err(raise)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.inner.save_to_disk(&path)).map_err(raise)
    }

    /// Returns the public context, which an evaluator needs, as JSON.
    fn public_text(&self) -> PyResult<String> {
        self.inner.public_context().to_json().map_err(raise)
    }

    fn encrypt_content(&self, content: &[u8]) -> PyResult<String> {
        self.inner.encrypt_content(content).map_err(raise)
    }

    fn decrypt_content<'py>(&self, py: Python<'py>, sealed: &str) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.inner.decrypt_content(sealed).map_err(raise)?))
    }

    fn encrypt_content_for(&self, name: &str, content: &[u8]) -> PyResult<String> {
        self.inner.encrypt_content_for(name, content).map_err(raise)
    }

    fn decrypt_content_for<'py>(&self, py: Python<'py>, name: &str, sealed: &str) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.inner.decrypt_content_for(name, sealed).map_err(raise)?))
    }

    /// Returns the SDK's tables as JSON. They are empty unless the scheme is `paillier_lookup`.
    fn tables(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.dump_tables()?.to_json()).map_err(raise)
    }

    /// Checks foreign tables. They are not kept: computing new tables is faster than reading them.
    fn check_tables(&self, py: Python<'_>, tables: &str) -> PyResult<()> {
        py.detach(|| self.inner.load_tables(&Tables::from_json(tables)?)).map_err(raise)
    }

    fn hash(&self) -> PyResult<String> {
        self.inner.hash().map_err(raise)
    }

    fn id(&self) -> PyResult<String> {
        self.inner.id().map_err(raise)
    }

    #[getter]
    fn public_id(&self) -> String {
        self.inner.public_id().to_string()
    }

    #[getter]
    fn scheme(&self) -> &'static str {
        self.inner.scheme().name()
    }

    #[getter]
    fn format(&self) -> &'static str {
        self.inner.format().name()
    }

    #[getter]
    fn embed_len(&self) -> usize {
        self.inner.embed_len()
    }

    #[getter]
    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    #[getter]
    fn alpha_len(&self) -> Option<usize> {
        self.inner.parameters().alpha_len()
    }

    /// A description of the known weakness of the key, or None.
    #[getter]
    fn weakness(&self) -> Option<String> {
        self.inner.parameters().weakness()
    }

    /// The size of a ciphertext in bytes.
    #[getter]
    fn width(&self) -> usize {
        self.inner.parameters().ciphertext_bytes()
    }

    #[getter]
    fn device(&self) -> String {
        self.inner.device().to_string()
    }

    /// Whether all computation with secrets stays on the CPU, whatever the device.
    #[getter]
    fn secrets_on_cpu(&self) -> bool {
        self.inner.secrets_on_cpu()
    }

    /// The name of the device that computes with secrets.
    #[getter]
    fn device_used(&self) -> String {
        self.inner.device_report().used
    }

    fn __repr__(&self) -> String {
        let context = &self.inner;
        format!(
            "<{} {}, key_len {}, {} dimensions>",
            context.scheme().name(),
            context.public_id(),
            context.key_len(),
            context.embed_len()
        )
    }
}
