//! Long batches, a block at a time.

use crate::arrays;
use crate::errors::{counted_from, raise};
use crate::progress::Told;
use hushvec::{BitMatrix, Parameters};
use numpy::PyArray2;
use pyo3::prelude::*;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Rows of the first block: between two, Ctrl-C is heard and progress is told.
const FIRST_BLOCK: usize = 4096;
/// Large enough for every device.
const LARGEST_BLOCK: usize = 65_536;
/// Blocks grow as long as they take less than this.
const SOON: Duration = Duration::from_millis(200);

/// Takes a block of rows at a time by `take`, and calls `work` on it without the GIL.
pub fn in_blocks<B: Send, T: Send>(
    py: Python<'_>,
    rows: usize,
    told: &Told<'_>,
    take: impl Fn(Range<usize>) -> PyResult<B>,
    work: impl FnMut(B) -> Result<T, hushvec::Error> + Send,
) -> PyResult<Vec<T>> {
    in_blocks_from(py, rows, FIRST_BLOCK, told, take, work)
}

/// The same with a first block of so many rows.
pub fn in_blocks_from<B: Send, T: Send>(
    py: Python<'_>,
    rows: usize,
    first_block: usize,
    told: &Told<'_>,
    take: impl Fn(Range<usize>) -> PyResult<B>,
    mut work: impl FnMut(B) -> Result<T, hushvec::Error> + Send,
) -> PyResult<Vec<T>> {
    let (mut parts, mut start, mut block) = (Vec::new(), 0, first_block.clamp(1, FIRST_BLOCK));
    while start < rows {
        let end = rows.min(start.saturating_add(block));
        let began = Instant::now();
        let taken = take(start..end)?;
        parts.push(py.detach(|| work(taken)).map_err(|error| raise(counted_from(error, start as u64)))?);
        if began.elapsed() < SOON {
            block = LARGEST_BLOCK.min(2 * block);
        }
        py.check_signals()?;
        told.say(end as u64)?;
        start = end;
    }
    Ok(parts)
}

/// Encrypts (N, D) or (N, D/8) vectors by `work`, which gives the bytes of a block's ciphertexts: (N, key_len/2) uint8.
pub fn encrypt<'py>(
    py: Python<'py>,
    vectors: &Bound<'py, PyAny>,
    parameters: &Parameters,
    progress: Option<&Bound<'py, PyAny>>,
    mut work: impl FnMut(&BitMatrix) -> Result<Vec<u8>, hushvec::Error> + Send,
) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let vectors = arrays::vectors(vectors, parameters.embedding_length(), 0)?;
    let told = Told::new(progress, vectors.len() as u64, "encrypt")?;
    let parts = in_blocks(py, vectors.len(), &told, Ok, |range| work(&vectors.slice(range)))?;
    arrays::rows(py, parts.concat(), parameters.ciphertext_bytes())
}
