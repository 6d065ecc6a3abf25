//! Keeps arrays from being resized while they are read.

use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::PyWeakrefReference;

/// The longest chain of views that is followed. NumPy's own views refer to the original array directly.
const MOST_BASES: usize = 32;

/// Keeps an array, and the arrays that it is a view of, from being resized during its lifetime.
///
/// NumPy refuses to resize an array with weak references, even with `refcheck=False`. A buffer export does not stop it.
pub struct Pinned<'py> {
    _references: Vec<Bound<'py, PyWeakrefReference>>,
}

impl<'py> Pinned<'py> {
    pub fn new(array: &Bound<'py, PyAny>) -> PyResult<Self> {
        let (mut references, mut array) = (Vec::new(), array.clone());
        while references.len() < MOST_BASES && array.is_instance_of::<PyUntypedArray>() {
            references.push(PyWeakrefReference::new(&array)?);
            array = array.getattr("base")?;
        }
        Ok(Self { _references: references })
    }
}
