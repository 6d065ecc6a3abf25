//! Ids of vectors: arrays and lists of integers or strings.

use crate::errors::{InputError, counted_from, raise};
use hushvec::{IdKind, IdRef, Ids};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Ids from anything that can be iterated over. Messages count them from `first`.
pub fn given(ids: &Bound<'_, PyAny>, first: u64) -> PyResult<Ids> {
    if ids.is_instance_of::<PyString>() || ids.is_instance_of::<PyBytes>() {
        return Err(InputError::new_err("ids must be an array or a list; put a single id into a list"));
    }
    let mut taken = Ids::new();
    // Of an array this gives Python's own integers and strings.
    let ids = ids.call_method0("tolist").unwrap_or_else(|_| ids.clone());
    let wrong = |id: &Bound<'_, PyAny>, number: u64| {
        InputError::new_err(format!("id {number} is {}, expected an integer from 0 to 2^64 - 1, or a string", id))
    };
    let all = ids.try_iter().map_err(|_| InputError::new_err("ids must be an array or a list"))?;
    for (number, id) in (first..).zip(all) {
        let id = id?;
        let pushed = match id.cast::<PyString>() {
            Ok(text) => taken.push(IdRef::Text(text.to_str()?)),
            Err(_) => taken.push(IdRef::Number(id.extract().map_err(|_| wrong(&id, number))?)),
        };
        pushed.map_err(|error| raise(counted_from(error, first)))?;
    }
    Ok(taken)
}

/// Ids as an array, of uint64 or of strings, in a shape. Of none the kind is what it would be.
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
