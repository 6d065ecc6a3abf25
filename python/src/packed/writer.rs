//! Index files of packed search: writing.

use super::keys::Owner;
use super::vectors::Given;
use crate::blocks::in_blocks_until;
use crate::errors::{InputError, counted_from, raise};
use crate::ids;
use crate::progress::Reporter;
use hushvec::Error;
use hushvec::packed::Parameters;
use pyo3::prelude::*;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Writes an index file of packed search: encrypts and appends vectors, and deletes them. The file is locked, so there
/// is one writer at a time.
///
/// Vectors are encrypted in blocks of 4,096. The rest is the tail of the index, and moves into a block when later
/// vectors fill it. Each block is on disk before the next one is written, so a crash of the program or the machine
/// loses at most the last block. Use it in a `with` statement, or call `close`.
///
/// With `mode` "x" the file must not exist; "a" appends to it, or creates it.
#[pyclass(frozen, module = "hushvec")]
pub struct PackedIndexWriter {
    inner: Mutex<Option<hushvec::PackedIndexWriter>>,
    parameters: Parameters,
    torn_bytes: u64,
}

impl PackedIndexWriter {
    /// Calls `work` with the open writer.
    fn with<T>(&self, work: impl FnOnce(&mut hushvec::PackedIndexWriter) -> Result<T, Error>) -> Result<T, Error> {
        let mut writer = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_mut().map_or(Err(Error::Missing("the index writer is closed")), work)
    }
}

#[pymethods]
impl PackedIndexWriter {
    #[new]
    #[pyo3(signature = (path, context, mode="x"))]
    fn new(py: Python<'_>, path: PathBuf, context: Owner, mode: &str) -> PyResult<Self> {
        let append = match mode {
            "x" => false,
            "a" => path.exists(),
            _ => return Err(InputError::new_err(format!("the mode is {mode:?}, expected \"x\" or \"a\""))),
        };
        let opened = py.detach(|| match append {
            false => hushvec::PackedIndexWriter::create(&path, &context.0).map(|writer| (writer, None)),
            true => hushvec::PackedIndexWriter::append_to(&path, &context.0),
        });
        let (writer, recovery) = opened.map_err(raise)?;
        let torn_bytes = recovery.map_or(0, |recovery| recovery.torn_bytes);
        Ok(Self { inner: Mutex::new(Some(writer)), parameters: context.0.parameters().clone(), torn_bytes })
    }

    /// Encrypts vectors (N, D), or (N, D/8) of packed bits, and appends them. `ids` are integers or strings. By default
    /// the ids continue the numbering of the index.
    ///
    /// Raises InputError that names the row or id, counted from `first_row`. The blocks before it are kept.
    #[pyo3(signature = (vectors, ids=None, progress=None, first_row=0))]
    fn append(
        &self,
        py: Python<'_>,
        vectors: &Bound<'_, PyAny>,
        ids: Option<&Bound<'_, PyAny>>,
        progress: Option<&Bound<'_, PyAny>>,
        first_row: u64,
    ) -> PyResult<()> {
        let vectors = Given::new(vectors, &self.parameters, first_row)?;
        let ids = ids.map(|ids| ids::for_vectors(ids, vectors.len(), first_row)).transpose()?;
        let reporter = Reporter::new(progress, vectors.len() as u64, "encrypt")?;
        let tail = py.detach(|| self.with(|writer| Ok(writer.tail()))).map_err(raise)?;
        // The first block fills that of the tail, so that no other one leaves a tail.
        let per_block = self.parameters.vectors_per_block();
        let first_end = if tail < per_block { per_block - tail } else { per_block };
        let take = |range: Range<usize>| Ok((vectors.part(range.clone())?, range));
        in_blocks_until(py, vectors.len(), first_end, per_block, &reporter, take, |(part, range)| {
            let ids = ids.as_ref().map(|ids| ids.slice(range));
            self.with(|writer| writer.append(&part.as_vectors(), ids.as_ref()))
                .map_err(|error| counted_from(error, first_row))
        })
        .map(drop)
    }

    /// Deletes the vectors with these ids, and returns their number. If an id is missing, deletes nothing and raises
    /// InputError; with `missing_ok`, ignores missing ids. The encrypted vectors stay in the file until
    /// `PackedIndex.compact`.
    #[pyo3(signature = (ids, missing_ok=false))]
    fn delete(&self, py: Python<'_>, ids: &Bound<'_, PyAny>, missing_ok: bool) -> PyResult<u64> {
        let ids = ids::from_python(ids, 0)?;
        let delete = |writer: &mut hushvec::PackedIndexWriter| match missing_ok {
            true => writer.delete_if_there(&ids),
            false => writer.delete(&ids),
        };
        py.detach(|| self.with(delete)).map_err(raise)
    }

    /// Syncs everything written so far to disk.
    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.with(hushvec::PackedIndexWriter::sync)).map_err(raise)
    }

    /// Syncs everything to disk and closes the file.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let writer = py.detach(|| self.inner.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(mut writer) = writer else { return Ok(()) };
        py.detach(|| writer.sync()).map_err(raise)
    }

    /// Syncs everything to disk, closes the file and renames it atomically. A file of the new name must not exist.
    fn rename(&self, py: Python<'_>, to: PathBuf) -> PyResult<()> {
        let writer = py.detach(|| self.inner.lock().unwrap_or_else(PoisonError::into_inner).take());
        let writer = writer.ok_or_else(|| raise(Error::Missing("the index writer is closed")))?;
        py.detach(|| writer.rename(&to)).map_err(raise)
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }

    #[expect(clippy::cast_possible_truncation, reason = "a file has no more rows than there are addresses")]
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        py.detach(|| self.with(|writer| Ok(writer.len() as usize))).map_err(raise)
    }

    /// The number of vectors appended since the index was created or compacted, including deleted ones. An
    /// interrupted job continues from it.
    #[getter]
    fn appended(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.with(|writer| Ok(writer.appended()))).map_err(raise)
    }

    /// The number of bytes of an interrupted append, which were removed when the index was opened.
    #[getter]
    fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }
}
