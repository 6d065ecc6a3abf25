//! Splits long work into several dispatches of bounded size.

use super::shape::{MOST_ITERATIONS, Shape};
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

/// The number of dispatches in flight.
const IN_FLIGHT: usize = 2;

/// Returns how many steps a dispatch may do, so that it stays within [`MOST_ITERATIONS`].
pub(crate) fn most_steps(shape: Shape, products_per_step: u32) -> usize {
    let iterations = shape.iterations_per_product() * products_per_step;
    (MOST_ITERATIONS / iterations.max(1)).max(1) as usize
}

/// Steps of one product per row, which are distributed over successive dispatches.
pub(crate) struct Steps {
    pub(crate) shape: Shape,
    pub(crate) rows: usize,
    /// The steps to do.
    pub(crate) range: Range<usize>,
    /// Products that the last dispatch does in addition to its steps.
    pub(crate) more: usize,
}

impl Steps {
    /// Runs the steps in dispatches whose length adapts to the device. `dispatch` submits a range of steps.
    pub(crate) fn run(
        self,
        engine: &Engine,
        mut dispatch: impl FnMut(Range<u32>) -> Result<wgpu::SubmissionIndex, GpuFailure>,
    ) -> Result<(), GpuFailure> {
        let Self { shape, rows, range, more } = self;
        let most = most_steps(shape, 1).saturating_sub(more).max(1);
        let mut waiting = VecDeque::new();
        let mut done = range.start;
        let mut clock = Instant::now();
        while done < range.end {
            let length = shape.affordable_products(&engine.budget, rows).saturating_sub(more).clamp(1, most);
            let end = (done + length).min(range.end);
            let next = u32::try_from(done).unwrap_or(u32::MAX)..u32::try_from(end).unwrap_or(u32::MAX);
            waiting.push_back((dispatch(next)?, end - done));
            done = end;
            if waiting.len() >= IN_FLIGHT
                && let Some((submission, steps)) = waiting.pop_front()
            {
                engine.wait(submission)?;
                engine.budget.took(shape.macs(rows, steps), clock.elapsed());
                clock = Instant::now();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dispatch_takes_too_many_iterations() {
        for words in [16, 32, 48, 64, 96, 128, 192, 256] {
            for (lanes, software) in [1, 2, 4, 8, 16, 32].into_iter().flat_map(|lanes| [(lanes, false), (lanes, true)])
            {
                let shape = Shape { words, lanes, wide: lanes > 1, software };
                for products in 1..=shape.most_products() {
                    let iterations = shape.iterations_per_product() * products;
                    assert!(iterations <= MOST_ITERATIONS, "{shape:?}: not even one step");
                    let steps = u32::try_from(most_steps(shape, products)).unwrap();
                    assert!(steps * iterations <= MOST_ITERATIONS, "{shape:?}");
                }
            }
        }
    }
}
