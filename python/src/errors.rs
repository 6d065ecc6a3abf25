//! The engine's errors as Python's exceptions.

use hushvec::Error;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};
use pyo3::{PyErr, create_exception};

create_exception!(
    hushvec,
    InputError,
    PyValueError,
    "Something given cannot be used: the message says what, where and why."
);
create_exception!(hushvec, WeakKeyError, PyValueError, "The key is known to be weak, and allow_weak was not given.");
create_exception!(hushvec, FileError, PyOSError, "A file cannot be read or written.");
create_exception!(
    hushvec,
    DeviceError,
    PyRuntimeError,
    "A device, or something else that the engine needs, is not there."
);

/// The exception for an error.
pub fn raise(error: Error) -> PyErr {
    let text = error.to_string();
    match error.root() {
        Error::WeakKey { .. } => WeakKeyError::new_err(text),
        Error::Io { .. } | Error::Occupied { .. } | Error::NotDurable { .. } => FileError::new_err(text),
        Error::Device { .. } | Error::Random(_) | Error::KeyProvider(_) | Error::Remote(_) => {
            DeviceError::new_err(text)
        }
        Error::Cancelled => PyKeyboardInterrupt::new_err(text),
        _ => InputError::new_err(text),
    }
}

/// The same error, its rows and records counted from there: errors count from the start of a block, people from the start
/// of their array or file.
pub fn counted_from(error: Error, first: u64) -> Error {
    match error {
        Error::Dimension { row, expected, actual } => Error::Dimension { row: first + row, expected, actual },
        Error::NotBinary { row, column, value } => Error::NotBinary { row: first + row, column, value },
        Error::NotANumber { row, column } => Error::NotANumber { row: first + row, column },
        Error::Ciphertext { record, problem } => Error::Ciphertext { record: first + record, problem },
        Error::Decode { record, problem } => Error::Decode { record: first + record, problem },
        Error::Number { index, problem } => Error::Number { index: first + index, problem },
        Error::IdTaken { id, vector } => Error::IdTaken { id, vector: first + vector },
        Error::BadId { number, reason } => Error::BadId { number: first + number, reason },
        Error::InFile { path, source } => Error::InFile { path, source: Box::new(counted_from(*source, first)) },
        other => other,
    }
}
