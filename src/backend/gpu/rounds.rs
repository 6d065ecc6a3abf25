//! Batches in parts that fit into a device's buffers, the next one on its way while the last one comes back.

use super::engine::{Engine, Reading};
use super::failure::GpuFailure;
use super::shader::Shape;
use crate::arith::batch::Rows;

/// How many rows go at once.
pub(super) struct Rounds {
    rows: usize,
}

impl Rounds {
    /// For jobs whose largest buffer takes `bytes_a_row`.
    pub(super) fn new(engine: &Engine, shape: Shape, bytes_a_row: usize) -> Self {
        let fit = engine.most_bytes() / (bytes_a_row as u64).max(1);
        Self { rows: usize::try_from(fit).unwrap_or(usize::MAX).min(engine.most_rows(shape)).max(1) }
    }

    /// Calls `start` with each part of `rows` and the number of its first row, and `take` with that number, the rows
    /// and what came back.
    pub(super) fn run(
        &self,
        engine: &Engine,
        rows: Rows<'_>,
        mut start: impl FnMut(Rows<'_>, usize) -> Result<Reading, GpuFailure>,
        mut take: impl FnMut(usize, usize, &[u8]),
    ) -> Result<(), GpuFailure> {
        let mut coming: Option<(usize, usize, Reading)> = None;
        for (number, limbs) in rows.limbs().chunks(self.rows * rows.width()).enumerate() {
            let (part, first) = (Rows::new(limbs, rows.width()), number * self.rows);
            let reading = start(part, first)?;
            if let Some((first, count, reading)) = coming.replace((first, part.len(), reading)) {
                engine.finish_reading(&reading, |bytes| take(first, count, bytes))?;
            }
        }
        match coming {
            Some((first, count, reading)) => engine.finish_reading(&reading, |bytes| take(first, count, bytes)),
            None => Ok(()),
        }
    }
}

/// Copies bytes that came back to `limbs`.
pub(super) fn copy(bytes: &[u8], limbs: &mut [u64]) {
    bytemuck::cast_slice_mut(limbs).copy_from_slice(bytes);
}
