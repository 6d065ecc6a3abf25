//! The engine's errors as Python exceptions.

use hushvec::{Error, ErrorKind};
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PyValueError};
use pyo3::{PyErr, create_exception};

create_exception!(
    hushvec,
    InputError,
    PyValueError,
    "An argument or a file is invalid. The message says what, where and why."
);
create_exception!(hushvec, WeakKeyError, PyValueError, "The key is known to be weak, and allow_weak was not given.");
create_exception!(hushvec, FileError, PyOSError, "A file cannot be read or written.");
create_exception!(
    hushvec,
    DeviceError,
    PyRuntimeError,
    "A device, or a service that the engine needs, is not available."
);

/// Converts an error to an exception.
pub fn raise(error: Error) -> PyErr {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::WeakKey => WeakKeyError::new_err(text),
        ErrorKind::File => FileError::new_err(text),
        ErrorKind::Device | ErrorKind::Service => DeviceError::new_err(text),
        ErrorKind::Cancelled => PyKeyboardInterrupt::new_err(text),
        ErrorKind::Parameter
        | ErrorKind::Input
        | ErrorKind::Ciphertext
        | ErrorKind::Context
        | ErrorKind::Mismatch
        | ErrorKind::Unseal
        | ErrorKind::Format => InputError::new_err(text),
    }
}

/// Adds `first` to the rows and records of an error. Errors count from the start of a block; messages count from the
/// start of the caller's array or file.
pub fn counted_from(error: Error, first: u64) -> Error {
    error.counted_from(first)
}
