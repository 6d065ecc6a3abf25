//! Batches in rounds that fit into a device's buffers, the next one on its way while the last one comes back.

use super::dispatch_budget::macs;
use super::engine::Engine;
use super::failure::GpuFailure;
use super::reading::Reading;
use super::shader::Shape;
use crate::arith::batch::Rows;
use std::time::Instant;

/// How many rows go at once.
pub(super) struct Rounds {
    shape: Shape,
    /// As many as buffers and dispatches have room for.
    rows: usize,
    /// Rounds end where the number of rows is a multiple of this.
    border: usize,
    /// Products for each row in one dispatch, at least.
    products: usize,
    /// Products for each row in all dispatches of a round, if the time of a round is to be learned from.
    learned: Option<usize>,
}

/// Takes the results of a round, one slice a list.
type Arrived<'a, 'out, T> = &'a mut dyn FnMut(Vec<&'out mut [T]>) -> Result<(), GpuFailure>;

/// Where a kernel's results go: one or more lists of rows, filled a round at a time from their beginnings.
pub(in crate::backend) struct Output<'a, 'out, T> {
    lists: Vec<&'out mut [T]>,
    /// Elements of a row.
    width: usize,
    /// Rows of a round, at most.
    most: usize,
    arrived: Option<Arrived<'a, 'out, T>>,
}

impl<'a, 'out, T> Output<'a, 'out, T> {
    /// One list of rows of `width` elements.
    pub(in crate::backend) fn new(out: &'out mut [T], width: usize) -> Self {
        Self::lists(vec![out], width)
    }

    /// Lists of equal length.
    pub(in crate::backend) fn lists(lists: Vec<&'out mut [T]>, width: usize) -> Self {
        Self { lists, width, most: usize::MAX, arrived: None }
    }

    /// In rounds of at most `most` rows, whose results `arrived` is given as they come back. It may end the batch.
    pub(in crate::backend) fn in_rounds(self, most: usize, arrived: Arrived<'a, 'out, T>) -> Self {
        Self { most, arrived: Some(arrived), ..self }
    }

    /// Waits for the next `rows` rows of each list, and hands them on.
    pub(super) fn fill(
        &mut self,
        engine: &Engine,
        reading: Reading,
        rows: usize,
        write: &mut impl FnMut(&[u8], &mut [T]),
    ) -> Result<(), GpuFailure> {
        let mut filled = Vec::new();
        reading.finish(engine, |bytes| filled = self.take(rows, bytes, write))?;
        self.arrived.as_mut().map_or(Ok(()), |arrived| arrived(filled))
    }

    /// Has `write` fill the next `rows` rows of each list, from its share of the bytes.
    fn take(&mut self, rows: usize, bytes: &[u8], write: &mut impl FnMut(&[u8], &mut [T])) -> Vec<&'out mut [T]> {
        let share = bytes.len() / self.lists.len().max(1);
        let mut filled = Vec::with_capacity(self.lists.len());
        for (list, bytes) in self.lists.iter_mut().zip(bytes.chunks_exact(share.max(1))) {
            let whole = std::mem::take(list);
            let (next, rest) = whole.split_at_mut((rows * self.width).min(whole.len()));
            *list = rest;
            write(bytes, next);
            filled.push(next);
        }
        filled
    }
}

impl Rounds {
    /// For jobs whose largest buffer takes `bytes_a_row`, and whose dispatches do at least `products` products for each row.
    pub(super) fn new(engine: &Engine, shape: Shape, bytes_a_row: usize, products: usize) -> Self {
        let fit = engine.most_bytes() / (bytes_a_row as u64).max(1);
        let rows = usize::try_from(fit).unwrap_or(usize::MAX).min(engine.most_rows(shape)).max(1);
        Self { shape, rows, border: usize::MAX, products, learned: None }
    }

    /// Rounds that never go beyond a multiple of `border` rows.
    pub(super) fn within(self, border: usize) -> Self {
        Self { border: border.max(1), ..self }
    }

    /// The time that a round takes tells how much a dispatch may do. For kernels that do `products` products for each row
    /// and are not timed otherwise.
    pub(super) fn learn(self, products: usize) -> Self {
        Self { learned: Some(products), ..self }
    }

    /// The rows of the round that begins at row `first`.
    fn next(&self, engine: &Engine, first: usize, most: usize) -> usize {
        let affordable = engine.budget.rows(self.shape, self.products);
        self.rows.min(most).min(affordable).min(self.border - first % self.border).max(1)
    }

    /// Calls `start` with the rows of each round and the number of the first, and `write` with what came back for each
    /// list and its place there.
    pub(super) fn run<T>(
        &self,
        engine: &Engine,
        rows: Rows<'_>,
        out: &mut Output<'_, '_, T>,
        mut start: impl FnMut(Rows<'_>, usize) -> Result<Reading, GpuFailure>,
        mut write: impl FnMut(&[u8], &mut [T]),
    ) -> Result<(), GpuFailure> {
        let most = out.most;
        let mut finish = |(rows, started, reading): (usize, Instant, Reading)| {
            out.fill(engine, reading, rows, &mut write)?;
            if let Some(products) = self.learned {
                engine.budget.took(macs(self.shape, rows, products), started.elapsed());
            }
            Ok(())
        };
        let (mut coming, mut first) = (None, 0);
        while first < rows.len() {
            let end = (first + self.next(engine, first, most)).min(rows.len());
            let clock = Instant::now();
            let started = start(rows.slice(first..end), first);
            // What came before is not lost if this one fails.
            coming.take().map_or(Ok(()), &mut finish)?;
            coming = Some((end - first, clock, started?));
            first = end;
        }
        coming.map_or(Ok(()), finish)
    }
}

/// Copies bytes that came back to `limbs`.
pub(super) fn copy(bytes: &[u8], limbs: &mut [u64]) {
    bytemuck::cast_slice_mut(limbs).copy_from_slice(bytes);
}
