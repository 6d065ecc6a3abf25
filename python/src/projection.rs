//! Projection of embeddings to more bits than they have dimensions.

use crate::arrays::{Rows, rows};
use crate::blocks::in_blocks_from;
use crate::errors::{InputError, raise};
use crate::progress::Reporter;
use hushvec::{BitMatrix, Projection};
use numpy::PyArray2;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

/// Projected components of the first block, which take about 10 ms.
const FIRST_COMPONENTS: usize = 1 << 20;

/// Projects (N, D) float32 to (N, `bits`) uint8 of 0 and 1.
pub fn project<'py>(
    vectors: &Bound<'py, PyAny>,
    bits: usize,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let py = vectors.py();
    let given: Rows<'py, f32> =
        Rows::of(vectors)?.ok_or_else(|| InputError::new_err("embeddings must be (N, D) of float32"))?;
    let dimensions = given.width();
    let projection = Projection::new(dimensions, bits).map_err(raise)?;
    let mut projected = Vec::new();
    given.len().checked_mul(bits).and_then(|bytes| projected.try_reserve_exact(bytes).ok()).ok_or_else(|| {
        PyMemoryError::new_err(format!("not enough memory for {} vectors of {bits} bits", given.len()))
    })?;
    let reporter = Reporter::new(progress, given.len() as u64, "project")?;
    let first_block = FIRST_COMPONENTS / bits.max(dimensions.next_power_of_two());
    in_blocks_from(
        py,
        given.len(),
        first_block,
        &reporter,
        |range| given.copied(range),
        |block| {
            let mut matrix = BitMatrix::new(bits);
            block.chunks_exact(dimensions).try_for_each(|row| projection.push(row, &mut matrix))?;
            (0..matrix.len()).filter_map(|row| matrix.row(row)).for_each(|row| projected.extend(row));
            Ok(())
        },
    )?;
    rows(py, projected, bits)
}
