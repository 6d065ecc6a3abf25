//! Long batches, a block at a time.

use crate::arrays;
use crate::errors::raise;
use hushvec::{BitMatrix, Parameters};
use numpy::PyArray2;
use pyo3::prelude::*;

/// Rows a turn: between two, Ctrl-C is heard and progress is told.
const BLOCK: usize = 4096;

/// Calls `work` on a block of rows at a time, without the interpreter's lock, and `told` with how many are done.
pub fn in_blocks<T: Send>(
    py: Python<'_>,
    rows: usize,
    told: Option<&Bound<'_, PyAny>>,
    mut work: impl FnMut(std::ops::Range<usize>) -> Result<T, hushvec::Error> + Send,
) -> PyResult<Vec<T>> {
    let mut parts = Vec::with_capacity(rows.div_ceil(BLOCK));
    for start in (0..rows).step_by(BLOCK) {
        let range = start..(start + BLOCK).min(rows);
        let end = range.end;
        let first = range.start as u64;
        parts.push(py.detach(|| work(range)).map_err(|error| raise(at_record(error, first)))?);
        py.check_signals()?;
        if let Some(told) = told {
            told.call1((end,))?;
        }
    }
    Ok(parts)
}

/// Encrypts (N, D) or (N, D/8) vectors by `work`, which gives the bytes of a block's ciphertexts: (N, key_len/2) uint8.
pub fn encrypt<'py>(
    py: Python<'py>,
    vectors: &Bound<'py, PyAny>,
    parameters: &Parameters,
    told: Option<&Bound<'py, PyAny>>,
    mut work: impl FnMut(&BitMatrix) -> Result<Vec<u8>, hushvec::Error> + Send,
) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let vectors = arrays::vectors(vectors, parameters.embedding_length())?;
    let parts = in_blocks(py, vectors.len(), told, |range| work(&vectors.slice(range)))?;
    arrays::rows(py, parts.concat(), parameters.ciphertext_bytes())
}

/// Errors count records from the start of a block, people from the start of their array.
fn at_record(error: hushvec::Error, first: u64) -> hushvec::Error {
    match error {
        hushvec::Error::Ciphertext { record, problem } => {
            hushvec::Error::Ciphertext { record: first + record, problem }
        }
        hushvec::Error::Decode { record, problem } => hushvec::Error::Decode { record: first + record, problem },
        other => other,
    }
}
