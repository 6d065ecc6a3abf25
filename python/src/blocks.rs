//! Long batches, computed block by block.

use crate::arrays;
use crate::errors::{counted_from, raise};
use crate::progress::Reporter;
use hushvec::{BitMatrix, Parameters};
use numpy::PyArray2;
use pyo3::prelude::*;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Rows of the first block. Ctrl-C is checked and progress is reported between blocks.
const FIRST_BLOCK: usize = 4096;
/// Rows of the largest block, which is large enough for every device.
const LARGEST_BLOCK: usize = 65_536;
/// Blocks grow as long as they take less than this.
const SHORT: Duration = Duration::from_millis(200);

/// Calls `work` without the GIL on each block of rows that `take` returns.
pub fn in_blocks<B: Send, T: Send>(
    py: Python<'_>,
    rows: usize,
    reporter: &Reporter<'_>,
    take: impl Fn(Range<usize>) -> PyResult<B>,
    work: impl FnMut(B) -> Result<T, hushvec::Error> + Send,
) -> PyResult<Vec<T>> {
    in_blocks_from(py, rows, FIRST_BLOCK, reporter, take, work)
}

/// Like [`in_blocks`], with a first block of `first_block` rows.
pub fn in_blocks_from<B: Send, T: Send>(
    py: Python<'_>,
    rows: usize,
    first_block: usize,
    reporter: &Reporter<'_>,
    take: impl Fn(Range<usize>) -> PyResult<B>,
    work: impl FnMut(B) -> Result<T, hushvec::Error> + Send,
) -> PyResult<Vec<T>> {
    let first_block = first_block.clamp(1, FIRST_BLOCK);
    in_blocks_until(py, rows, first_block, first_block, reporter, take, work)
}

/// Like [`in_blocks`], with a first block that ends at `first_end`. The others are multiples of `block` rows.
pub fn in_blocks_until<B: Send, T: Send>(
    py: Python<'_>,
    rows: usize,
    first_end: usize,
    mut block: usize,
    reporter: &Reporter<'_>,
    take: impl Fn(Range<usize>) -> PyResult<B>,
    mut work: impl FnMut(B) -> Result<T, hushvec::Error> + Send,
) -> PyResult<Vec<T>> {
    let (mut parts, mut start, mut end) = (Vec::new(), 0, rows.min(first_end));
    while start < rows {
        let began = Instant::now();
        let taken = take(start..end)?;
        parts.push(py.detach(|| work(taken)).map_err(|error| raise(counted_from(error, start as u64)))?);
        if began.elapsed() < SHORT && 2 * block <= LARGEST_BLOCK {
            block *= 2;
        }
        py.check_signals()?;
        reporter.report(end as u64)?;
        start = end;
        end = rows.min(start.saturating_add(block));
    }
    Ok(parts)
}

/// Encrypts vectors (N, D) or (N, D/8) with `work`, which returns the bytes of a block's ciphertexts. Returns
/// (N, key_len/2) uint8.
pub fn encrypt<'py>(
    py: Python<'py>,
    vectors: &Bound<'py, PyAny>,
    parameters: &Parameters,
    progress: Option<&Bound<'py, PyAny>>,
    mut work: impl FnMut(&BitMatrix) -> Result<Vec<u8>, hushvec::Error> + Send,
) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let vectors = arrays::vectors(vectors, parameters.embedding_length(), 0)?;
    let reporter = Reporter::new(progress, vectors.len() as u64, "encrypt")?;
    let parts = in_blocks(py, vectors.len(), &reporter, Ok, |range| work(&vectors.slice(range)))?;
    arrays::rows(py, parts.concat(), parameters.ciphertext_bytes())
}
