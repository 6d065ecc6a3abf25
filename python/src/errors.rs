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
        Error::Io { .. } => FileError::new_err(text),
        Error::Device { .. } | Error::Random(_) | Error::KeyProvider(_) | Error::Remote(_) => {
            DeviceError::new_err(text)
        }
        Error::Cancelled => PyKeyboardInterrupt::new_err(text),
        _ => InputError::new_err(text),
    }
}
