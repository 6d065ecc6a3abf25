//! The engine as a Python extension module. The public interface is in `python/hushvec`, on top of this module.

#![expect(clippy::needless_pass_by_value, reason = "PyO3 passes arguments by value")]

mod aggregate;
mod arrays;
mod blocks;
mod client;
mod context;
mod errors;
mod evaluator;
mod ids;
mod index;
mod keys;
mod nearest;
mod numbers;
mod packed;
mod pinned;
mod plain;
mod progress;
mod projection;
mod provider;
mod query;
mod response;
mod writer;

use pyo3::prelude::*;

/// The extension module of hushvec.
#[pymodule]
mod _hushvec {
    #[pymodule_export]
    use crate::client::Server;
    #[pymodule_export]
    use crate::context::Context;
    #[pymodule_export]
    use crate::errors::{DeviceError, FileError, InputError, WeakKeyError};
    #[pymodule_export]
    use crate::evaluator::Evaluator;
    #[pymodule_export]
    use crate::index::Index;
    #[pymodule_export]
    use crate::numbers::Numbers;
    #[pymodule_export]
    use crate::packed::{PackedEvaluator, PackedIndex, PackedIndexWriter, PackedKeys, PackedQuery, PackedResponse};
    #[pymodule_export]
    use crate::plain::PlainArray;
    #[pymodule_export]
    use crate::provider::Provider;
    #[pymodule_export]
    use crate::query::Query;
    #[pymodule_export]
    use crate::response::Response;
    #[pymodule_export]
    use crate::writer::IndexWriter;

    use crate::errors::raise;
    use numpy::PyArray2;
    use pyo3::prelude::*;
    use std::path::PathBuf;

    /// Returns the CPU and the GPUs of this machine, and the device that `auto` selects, as JSON.
    #[pyfunction]
    fn devices(py: Python<'_>) -> PyResult<String> {
        let devices = py.detach(|| hushvec::Devices::detect(None)).map_err(raise)?;
        Ok(serde_json::to_string(&devices).unwrap_or_default())
    }

    /// See `hushvec.project`.
    #[pyfunction]
    #[pyo3(signature = (vectors, bits, progress=None))]
    fn project<'py>(
        vectors: &Bound<'py, PyAny>,
        bits: usize,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        crate::projection::project(vectors, bits, progress)
    }

    /// See `hushvec.Evaluator.aggregate`.
    #[pyfunction]
    #[pyo3(signature = (evaluator, query, index, path, progress=None))]
    fn aggregate(
        py: Python<'_>,
        evaluator: &Evaluator,
        query: &Query,
        index: &Index,
        path: PathBuf,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Response> {
        crate::aggregate::aggregate(py, evaluator, query, index, path, progress)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
