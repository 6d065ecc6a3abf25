//! The client for servers.

use crate::arrays;
use crate::context::Context;
use crate::errors::{FileError, InputError, raise};
use crate::ids;
use crate::progress::{Reporter, watched_with};
use hushvec::{BitMatrix, Embedding, HomomorphicClient, Ids, Precision, Progress};
use hushvec_client::{
    Error, Fetch, Find, Found, HttpStore, OnConflict, Push, PushedFile, Pusher, Rerank, SealedContent,
};
use numpy::PyReadonlyArray2;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use serde_json::{Map, Value};
use std::future::Future;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tokio::runtime::{Builder, Runtime};

/// Vectors that a push encrypts at once.
const BLOCK: usize = 2048;

/// A client of one server, with the thread that waits for its answers.
#[pyclass(frozen, module = "hushvec._hushvec")]
pub struct Server {
    store: HttpStore,
    runtime: Runtime,
}

/// The numbers of stored, replaced, skipped and unlisted vectors. The server returned no chunk number for unlisted
/// ones.
type Counts = (u64, u64, u64, u64);

fn failed(py: Python<'_>, error: Error) -> PyErr {
    match error {
        Error::Engine(error) => raise(error),
        Error::Argument { .. } => InputError::new_err(error.to_string()),
        Error::List { .. } => FileError::new_err(error.to_string()),
        other => {
            let arguments = (other.to_string(), other.status());
            let kind = py.import("hushvec.remote").and_then(|module| module.getattr("RemoteError"));
            kind.and_then(|kind| kind.call1(arguments)).map_or_else(|error| error, PyErr::from_value)
        }
    }
}

fn on_conflict(name: &str) -> PyResult<OnConflict> {
    match name {
        "replace" => Ok(OnConflict::Replace),
        "skip" => Ok(OnConflict::Skip),
        "error" => Ok(OnConflict::Error),
        other => Err(InputError::new_err(format!("on_conflict is {other:?}, expected replace, skip or error"))),
    }
}

fn json(text: &str, what: &str) -> PyResult<Value> {
    serde_json::from_str(text).map_err(|error| InputError::new_err(format!("{what} is not JSON: {error}")))
}

/// Copies the rows of an array of real vectors.
fn reals(array: &PyReadonlyArray2<'_, f32>) -> Vec<Vec<f32>> {
    array.as_array().rows().into_iter().map(|row| row.iter().copied().collect()).collect()
}

/// Refuses ids with the same name on the server, such as 7 and "7": they would replace each other.
fn refuse_duplicates(ids: &Ids) -> PyResult<()> {
    let mut rows = std::collections::HashMap::new();
    for (row, id) in ids.iter().enumerate() {
        if let Some(first) = rows.insert(id.to_string(), row) {
            return Err(InputError::new_err(format!("duplicate id {id} (vectors {first} and {row})")));
        }
    }
    Ok(())
}

/// The optional data of pushed vectors. Each list has one element per vector.
struct Extras {
    contents: Option<Vec<String>>,
    metadata: Option<Vec<Map<String, Value>>>,
    reals: Option<Vec<Vec<f32>>>,
    precision: Precision,
}

impl Extras {
    fn new(
        rows: usize,
        contents: Option<Vec<String>>,
        metadata: Option<&str>,
        embeddings: Option<&PyReadonlyArray2<'_, f32>>,
        precision: &str,
    ) -> PyResult<Self> {
        let metadata = metadata.map(|text| match json(text, "the metadata")? {
            Value::Array(all) => all
                .into_iter()
                .enumerate()
                .map(|(row, one)| match one {
                    Value::Object(fields) => Ok(fields),
                    Value::Null => Ok(Map::new()),
                    _ => Err(InputError::new_err(format!("the metadata of vector {row} is not a dictionary"))),
                })
                .collect::<PyResult<Vec<_>>>(),
            _ => Err(InputError::new_err("the metadata is not a list")),
        });
        let precision = precision.parse().map_err(InputError::new_err)?;
        let (metadata, reals) = (metadata.transpose()?, embeddings.map(reals));
        let lengths = [
            ("contents", contents.as_ref().map(Vec::len)),
            ("metadata", metadata.as_ref().map(Vec::len)),
            ("embeddings", reals.as_ref().map(Vec::len)),
        ];
        for (what, length) in lengths {
            if let Some(length) = length.filter(|length| *length != rows) {
                return Err(InputError::new_err(format!("there are {rows} vectors and {length} {what}")));
            }
        }
        if let Some((row, column)) = reals
            .iter()
            .flatten()
            .enumerate()
            .find_map(|(row, real)| Some((row, real.iter().position(|component| !component.is_finite())?)))
        {
            return Err(raise(hushvec::Error::NotANumber { row: row as u64, column }));
        }
        Ok(Self { contents, metadata, reals, precision })
    }

    /// Seals the data of a row.
    fn sealed(
        &self,
        row: usize,
        id: hushvec::IdRef<'_>,
        owner: &hushvec::ExecutionContext,
    ) -> Result<SealedContent, Error> {
        let mut sealed = SealedContent::default();
        if self.contents.is_some() || self.metadata.is_some() {
            let text = self.contents.as_ref().and_then(|contents| contents.get(row)).map_or("", String::as_str);
            let metadata = self.metadata.as_ref().and_then(|metadata| metadata.get(row)).cloned();
            sealed = sealed.with_text(id, text, metadata.unwrap_or_default(), owner)?;
        }
        if let Some(real) = self.reals.as_ref().and_then(|reals| reals.get(row)) {
            sealed = sealed.with_embedding(id, &Embedding::new(real, self.precision)?, owner)?;
        }
        Ok(sealed)
    }
}

impl Server {
    /// Waits for an answer without the GIL.
    fn wait<T: Send>(&self, py: Python<'_>, answer: impl Future<Output = Result<T, Error>> + Send) -> PyResult<T> {
        py.detach(|| self.runtime.block_on(answer)).map_err(|error| failed(py, error))
    }

    /// Encrypts and stores vectors block by block.
    async fn push_all(
        &self,
        context: &hushvec::ExecutionContext,
        push: Push<'_>,
        (vectors, ids): (&BitMatrix, &Ids),
        extras: &Extras,
        progress: &Progress,
    ) -> Result<Counts, Error> {
        let mut pusher = Pusher::new(&self.store, push, progress)?;
        if push.on_conflict == OnConflict::Error {
            let names: std::collections::HashSet<String> = ids.iter().map(|id| id.to_string()).collect();
            pusher.check_new(|name| names.contains(name)).await?;
        }
        let size = context.public_key().parameters().ciphertext_bytes();
        for first in (0..vectors.len()).step_by(BLOCK) {
            progress.check()?;
            let end = vectors.len().min(first + BLOCK);
            let encrypted = context.encrypt_vec_batch(&vectors.slice(first..end))?;
            let integers = context.integers(&encrypted)?;
            for (row, integer) in (first..end).zip(integers.chunks_exact(size)) {
                let Some(id) = ids.get(row) else { continue };
                if !pusher.pass_over(id) {
                    pusher.add(id, integer, extras.sealed(row, id, context)?).await?;
                }
            }
        }
        pusher.flush().await?;
        let done = pusher.done();
        Ok((done.stored, done.replaced, done.skipped, done.unlisted))
    }
}

#[pymethods]
impl Server {
    #[new]
    #[pyo3(signature = (url, org, api_key, admin_key=None, certificates=None))]
    fn new(
        py: Python<'_>,
        url: &str,
        org: &str,
        api_key: &str,
        admin_key: Option<&str>,
        certificates: Option<&[u8]>,
    ) -> PyResult<Self> {
        let made = HttpStore::new(url, org, api_key).and_then(|store| {
            let store = admin_key.map_or(Ok(store.clone()), |key| store.with_admin_key(key))?;
            certificates.map_or(Ok(store.clone()), |pem| store.with_ca(pem))
        });
        let store = made.map_err(|error| failed(py, error))?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("hushvec-http").enable_all().build();
        let runtime =
            runtime.map_err(|error| raise(hushvec::Error::Remote(format!("cannot start the HTTP client: {error}"))))?;
        Ok(Self { store, runtime })
    }

    /// The server's host, with the port unless it is the default port.
    #[getter]
    fn host(&self) -> &str {
        self.store.host()
    }

    /// Returns the knowledge bases that the key has access to, as JSON.
    fn knowledge_bases(&self, py: Python<'_>) -> PyResult<String> {
        let bases = self.wait(py, self.store.knowledge_bases())?;
        Ok(serde_json::to_string(&bases).unwrap_or_default())
    }

    /// Returns a knowledge base by its id or name, as JSON.
    fn find_knowledge_base(&self, py: Python<'_>, id_or_name: &str) -> PyResult<String> {
        let base = self.wait(py, self.store.find_knowledge_base(id_or_name))?;
        Ok(serde_json::to_string(&base).unwrap_or_default())
    }

    /// Returns the id of a knowledge base. If the server does not list knowledge bases, the argument is taken as the
    /// id.
    fn knowledge_base_id(&self, py: Python<'_>, id_or_name: &str) -> PyResult<String> {
        self.wait(py, self.store.knowledge_base_id(id_or_name))
    }

    /// Creates a knowledge base and gives the API key access to it. Returns the knowledge base as JSON.
    fn create_knowledge_base(&self, py: Python<'_>, name: &str, description: &str) -> PyResult<String> {
        let base = self.wait(py, async {
            let base = self.store.create_knowledge_base(name, description).await?;
            self.store.grant_own_key(&base.id).await?;
            Ok(base)
        })?;
        Ok(serde_json::to_string(&base).unwrap_or_default())
    }

    /// Deletes a knowledge base by its id.
    fn delete_knowledge_base(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        self.wait(py, self.store.delete_knowledge_base(id))
    }

    /// Stores a context unless the server has it, and returns its id.
    fn ensure_context(&self, py: Python<'_>, context: &Context) -> PyResult<String> {
        Ok(self.wait(py, self.store.ensure_context(context.get()))?.0)
    }

    /// Encrypts vectors and stores them: see `hushvec.Client.push`.
    #[pyo3(signature = (context, base, context_id, vectors, ids, contents, metadata, embeddings, precision, on_conflict, list, progress=None, stop=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's side names them")]
    fn push(
        &self,
        py: Python<'_>,
        context: &Context,
        base: &str,
        context_id: &str,
        vectors: &Bound<'_, PyAny>,
        ids: &Bound<'_, PyAny>,
        contents: Option<Vec<String>>,
        metadata: Option<&str>,
        embeddings: Option<PyReadonlyArray2<'_, f32>>,
        precision: &str,
        on_conflict: &str,
        list: PathBuf,
        progress: Option<&Bound<'_, PyAny>>,
        stop: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Counts> {
        let owner = context.get();
        let vectors = arrays::vectors(vectors, owner.parameters().embedding_length(), 0)?;
        let ids = ids::from_python(ids, 0)?;
        if ids.len() != vectors.len() {
            return Err(InputError::new_err(format!("there are {} vectors and {} ids", vectors.len(), ids.len())));
        }
        refuse_duplicates(&ids)?;
        let extras = Extras::new(vectors.len(), contents, metadata, embeddings.as_ref(), precision)?;
        drop(embeddings);
        let list = PushedFile::new(list);
        let on_conflict = self::on_conflict(on_conflict)?;
        let push = Push { knowledge_base: base, context_id, on_conflict, list: &list };
        let reporter = Reporter::new(progress, vectors.len() as u64, "push")?.with_stop(stop);
        watched_with(
            py,
            &reporter,
            |error| failed(py, error),
            |progress| self.runtime.block_on(self.push_all(owner, push, (&vectors, &ids), &extras, progress)),
        )
    }

    /// Searches: see `hushvec.Client.search`. Returns for each query a list of tuples: id, chunk, distance, cosine,
    /// name, metadata as JSON, and content.
    #[pyo3(signature = (context, base, context_id, queries, reals, k, oversample, filter, range, fetch, list, stop=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's side names them")]
    fn find<'py>(
        &self,
        py: Python<'py>,
        context: &Context,
        base: &str,
        context_id: &str,
        queries: &Bound<'_, PyAny>,
        reals: Option<PyReadonlyArray2<'_, f32>>,
        k: usize,
        oversample: Option<NonZeroUsize>,
        filter: Option<&str>,
        range: Option<(u64, u64)>,
        fetch: u8,
        list: Option<PathBuf>,
        stop: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<Vec<Bound<'py, PyTuple>>>> {
        let owner = context.get();
        let queries = arrays::vectors(queries, owner.parameters().embedding_length(), 0)?;
        let reals = reals.as_ref().map(self::reals).unwrap_or_default();
        let filter = filter.map(|text| json(text, "the filter")).transpose()?;
        let pushed = match list {
            None => None,
            Some(path) => {
                let read = PushedFile::new(path.clone()).read(base, context_id).map_err(|error| failed(py, error))?;
                Some(read.ok_or_else(|| {
                    let list = path.display();
                    FileError::new_err(format!(
                        "{list}: no list of the chunks pushed to the knowledge base {base}; give another list as pushed=, \
                         create it from the server with `hushvec push --relist`, or search without one with \
                         unlisted=True"
                    ))
                })?)
            }
        };
        let find = Find {
            knowledge_base: base,
            context_id,
            k,
            filter: filter.as_ref(),
            range,
            pushed: pushed.as_ref(),
            fetch: match fetch {
                0 => Fetch::Nothing,
                1 => Fetch::Names,
                _ => Fetch::Content,
            },
            rerank: oversample.map(|oversample| Rerank { oversample, queries: &reals }),
        };
        let answers = watched_with(
            py,
            &Reporter::silent().with_stop(stop),
            |error| failed(py, error),
            |progress| self.runtime.block_on(self.store.find(owner, &queries, &find, progress)),
        )?;
        answers.iter().map(|found| found.iter().map(|found| tuple(py, found)).collect()).collect()
    }

    /// Deletes chunks by the ids they were pushed with. Returns the number of chunks that the server deleted.
    fn delete(
        &self,
        py: Python<'_>,
        base: &str,
        context_id: &str,
        ids: &Bound<'_, PyAny>,
        list: PathBuf,
    ) -> PyResult<u64> {
        let ids = ids::from_python(ids, 0)?;
        let list = PushedFile::new(list);
        let pushed = list.read(base, context_id).map_err(|error| failed(py, error))?.unwrap_or_default();
        let wanted: std::collections::HashSet<hushvec::IdRef<'_>> = ids.iter().collect();
        let known = pushed.iter().filter(|(_, id)| id.is_some_and(|id| wanted.contains(&id)));
        let chunks: Vec<u64> = known.map(|(chunk, _)| chunk).collect();
        self.wait(py, async {
            let deleted = self.store.delete(base, &chunks).await?;
            list.remove(base, context_id, &chunks)?;
            Ok(deleted)
        })
    }

    fn __repr__(&self) -> String {
        format!("Server({:?}, …)", self.store.host())
    }
}

fn tuple<'py>(py: Python<'py>, found: &Found) -> PyResult<Bound<'py, PyTuple>> {
    let id = match &found.id {
        Some(hushvec::Id::Number(number)) => Some(number.into_pyobject(py)?.into_any()),
        Some(hushvec::Id::Text(text)) => Some(text.into_pyobject(py)?.into_any()),
        None => None,
    };
    let metadata = found.metadata.as_ref().map(|fields| serde_json::to_string(fields).unwrap_or_default());
    (id, found.chunk, found.distance, found.cosine, &found.name, metadata, &found.content).into_pyobject(py)
}
