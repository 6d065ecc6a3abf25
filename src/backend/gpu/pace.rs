//! How much one dispatch does.

use super::engine::Engine;
use super::failure::GpuFailure;
use super::shader::Shape;
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Loop iterations of one invocation in one dispatch, at most. Mesa's software driver ends loops silently after 65,535,
/// with wrong results.
pub(super) const MOST_ITERATIONS: u32 = 60_000;
/// What a dispatch should take: long enough to be worth its overhead, short enough for watchdogs and for other work
/// on the device.
const TARGET: Duration = Duration::from_millis(80);
/// Dispatches that are on their way at a time.
const IN_FLIGHT: usize = 2;

/// The steps that one dispatch may take within its iterations.
pub(super) fn most_steps(shape: Shape, products_a_step: u32) -> usize {
    let iterations = shape.iterations_a_product() * products_a_step;
    (MOST_ITERATIONS / iterations.max(1)).max(1) as usize
}

/// Does `steps` steps in dispatches of a length that adapts to the device. `dispatch` submits a range of them.
pub(super) fn in_dispatches(
    engine: &Engine,
    steps: usize,
    most: usize,
    mut dispatch: impl FnMut(Range<u32>) -> Result<wgpu::SubmissionIndex, GpuFailure>,
) -> Result<(), GpuFailure> {
    let mut waiting = VecDeque::new();
    let (mut done, mut length) = (0, most.min(8));
    let mut clock = Instant::now();
    while done < steps {
        let end = (done + length).min(steps);
        let range = u32::try_from(done).unwrap_or(u32::MAX)..u32::try_from(end).unwrap_or(u32::MAX);
        waiting.push_back((dispatch(range)?, end - done));
        done = end;
        if waiting.len() >= IN_FLIGHT
            && let Some((submission, steps)) = waiting.pop_front()
        {
            engine.wait(submission)?;
            length = next_length(steps, clock.elapsed()).min(most);
            clock = Instant::now();
        }
    }
    Ok(())
}

/// Steps for the next dispatch when `steps` took `time`.
fn next_length(steps: usize, time: Duration) -> usize {
    let affordable = steps as u128 * TARGET.as_micros() / time.as_micros().max(1);
    // Not more than twice as many at once: the first dispatch includes starting up.
    usize::try_from(affordable).unwrap_or(usize::MAX).clamp(1, 2 * steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dispatch_takes_too_many_iterations() {
        for words in [16, 32, 48, 64, 96, 128, 192, 256] {
            for lanes in [1, 2, 4, 8, 16, 32] {
                let shape = Shape { words, lanes, wide: lanes > 1 };
                for products in 1..=shape.most_products() {
                    let iterations = shape.iterations_a_product() * products;
                    assert!(iterations <= MOST_ITERATIONS, "{shape:?}: not even one step");
                    let steps = u32::try_from(most_steps(shape, products)).unwrap();
                    assert!(steps * iterations <= MOST_ITERATIONS, "{shape:?}");
                }
            }
        }
    }

    #[test]
    fn dispatches_grow_and_shrink_toward_their_target() {
        assert_eq!(next_length(8, TARGET), 8);
        assert_eq!(next_length(8, TARGET * 4), 2);
        assert_eq!(next_length(8, TARGET / 100), 16);
        assert_eq!(next_length(1, TARGET * 100), 1);
    }
}
