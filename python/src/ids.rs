//! Conversion of ids: arrays and lists of integers or strings.

use crate::errors::{InputError, counted_from, raise};
use hushvec::{IdKind, IdRef, Ids};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Reads ids from an iterable. Messages count ids from `first`.
pub fn from_python(ids: &Bound<'_, PyAny>, first: u64) -> PyResult<Ids> {
    if ids.is_instance_of::<PyString>() || ids.is_instance_of::<PyBytes>() {
        return Err(InputError::new_err("ids must be an array or a list; put a single id into a list"));
    }
    let mut read = Ids::new();
    // `tolist` of an array returns Python integers and strings.
    let ids = ids.call_method0("tolist").unwrap_or_else(|_| ids.clone());
    let wrong = |id: &Bound<'_, PyAny>, number: u64| {
        InputError::new_err(format!("id {number} is {}, expected an integer from 0 to 2^64 - 1, or a string", id))
    };
    let all = ids.try_iter().map_err(|_| InputError::new_err("ids must be an array or a list"))?;
    for (number, id) in (first..).zip(all) {
        let id = id?;
        let pushed = match id.cast::<PyString>() {
            Ok(text) => read.push(IdRef::Text(text.to_str()?)),
            Err(_) => read.push(IdRef::Number(id.extract().map_err(|_| wrong(&id, number))?)),
        };
        pushed.map_err(|error| raise(counted_from(error, first)))?;
    }
    Ok(read)
}

/// Reads ids, and refuses a wrong number of them before anything is encrypted.
pub fn for_vectors(ids: &Bound<'_, PyAny>, vectors: usize, first: u64) -> PyResult<Ids> {
    let ids = from_python(ids, first)?;
    if ids.len() == vectors {
        return Ok(ids);
    }
    Err(InputError::new_err(format!("{} ids were given for {vectors} vectors", ids.len())))
}

/// Returns ids as an array of uint64 or of strings, in the given shape. An empty array has the type uint64.
pub fn array<'py>(py: Python<'py>, ids: &Ids, shape: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    let array = if ids.kind() == Some(IdKind::Strings) {
        let texts: Vec<&str> = ids.iter().filter_map(IdRef::text).collect();
        py.import("numpy")?.call_method1("array", (texts,))?
    } else {
        let numbers: Vec<u64> = ids.iter().filter_map(IdRef::number).collect();
        numpy::PyArray1::from_vec(py, numbers).into_any()
    };
    array.call_method1("reshape", (shape.to_vec(),))
}
