//! Decides whether a GPU may compute the next batch, from its known answers and its failures.

use crate::device::gpu::GpuFailure;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures after which a GPU is retired.
const MOST_FAILURES: u32 = 3;
/// Number of consecutive right batches after which earlier failures are forgotten.
const FORGIVEN_AFTER: u32 = 100;

/// The record of one GPU.
///
/// A kernel must show its known answers before its first batch at each size, and again after every failure. A GPU is
/// retired after its third failure, if it is lost, or if its very first known answer is wrong.
#[derive(Default)]
pub(super) struct Trust(Mutex<State>);

#[derive(Default)]
struct State {
    /// Counts all failures, to tell batches admitted before a failure from batches admitted after it.
    generation: u64,
    failures: u32,
    right_in_a_row: u32,
    is_retired: bool,
    /// Whether any known answer has been right.
    has_proven: bool,
    /// Kernels and sizes whose known answers have been right since the last failure.
    proven: HashSet<Proven>,
}

/// The name of a kernel and the size of its numbers.
pub(super) type Proven = (&'static str, usize);

/// A batch's permission to run. Holds the number of failures before it was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission(u64);

/// The consequence of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// None: another batch that ran at the same time has already reported a failure.
    Known,
    /// The GPU may be used again. It is retired after this many more failures.
    TriedAgain(u32),
    /// The GPU is not used again.
    Retired,
}

impl Trust {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_retired(&self) -> bool {
        self.state().is_retired
    }

    /// Admits a batch, or returns `None` if the GPU is retired. If the kernel has not shown its known answers at this
    /// size since the last failure, `prove` is called first, and other batches wait.
    ///
    /// # Errors
    /// The failure of `prove` and its consequence.
    pub(super) fn admit(
        &self,
        kernel: Proven,
        prove: impl FnOnce() -> Result<(), GpuFailure>,
    ) -> Result<Option<Admission>, (GpuFailure, Verdict)> {
        let mut state = self.state();
        if state.is_retired {
            return Ok(None);
        }
        if !state.proven.contains(&kernel) {
            if let Err(failure) = prove() {
                state.is_retired |= !state.has_proven;
                let verdict = state.fail(&failure);
                return Err((failure, verdict));
            }
            state.has_proven = true;
            state.proven.insert(kernel);
        }
        Ok(Some(Admission(state.generation)))
    }

    /// Records that a batch was right.
    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        if state.failures > 0 {
            state.right_in_a_row += 1;
            if state.right_in_a_row >= FORGIVEN_AFTER {
                (state.failures, state.right_in_a_row) = (0, 0);
            }
        }
    }

    /// Records that a batch was wrong or did not finish.
    pub(super) fn failed(&self, admission: Admission, failure: &GpuFailure) -> Verdict {
        let mut state = self.state();
        if state.generation != admission.0 {
            return Verdict::Known;
        }
        state.fail(failure)
    }

    /// Allows the GPU to be used again, whatever failed before.
    #[cfg(feature = "hazmat")]
    pub(super) fn restore(&self) {
        let mut state = self.state();
        (state.failures, state.right_in_a_row, state.is_retired) = (0, 0, false);
    }
}

impl State {
    fn fail(&mut self, failure: &GpuFailure) -> Verdict {
        self.generation += 1;
        self.failures += 1;
        self.right_in_a_row = 0;
        self.proven.clear();
        self.is_retired |= self.failures >= MOST_FAILURES || matches!(failure, GpuFailure::Lost(_));
        if self.is_retired { Verdict::Retired } else { Verdict::TriedAgain(MOST_FAILURES - self.failures) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL: Proven = ("pair_pow", 1024);
    const WRONG: GpuFailure = GpuFailure::Wrong("result");

    fn admit(trust: &Trust, shown: &mut u32) -> Admission {
        let admitted = trust.admit(KERNEL, || {
            *shown += 1;
            Ok(())
        });
        admitted.unwrap().unwrap()
    }

    #[test]
    fn a_failure_is_counted_once_and_clears_known_answers() {
        let (trust, mut shown) = (Trust::default(), 0);
        let [first, second] = [(); 2].map(|()| admit(&trust, &mut shown));
        assert_eq!(shown, 1);
        assert_eq!(trust.failed(first, &WRONG), Verdict::TriedAgain(2));
        assert_eq!(trust.failed(second, &WRONG), Verdict::Known);
        let third = admit(&trust, &mut shown);
        assert_eq!(shown, 2);
        assert_eq!(trust.failed(third, &WRONG), Verdict::TriedAgain(1));
        let fourth = admit(&trust, &mut shown);
        assert_eq!(trust.failed(fourth, &WRONG), Verdict::Retired);
        assert_eq!(trust.admit(KERNEL, || Ok(())), Ok(None));
    }

    #[test]
    fn failures_are_forgotten_after_enough_right_batches() {
        let (trust, mut shown) = (Trust::default(), 0);
        for _ in 0..10 {
            let batch = admit(&trust, &mut shown);
            assert_eq!(trust.failed(batch, &WRONG), Verdict::TriedAgain(2));
            (0..FORGIVEN_AFTER).for_each(|_| trust.succeeded());
        }
        assert_eq!(shown, 10);
    }

    #[test]
    fn wrong_known_answers_retire_a_gpu_that_has_proven_nothing() {
        let trust = Trust::default();
        let refused = trust.admit(KERNEL, || Err(WRONG));
        assert_eq!(refused, Err((WRONG, Verdict::Retired)));
        let (trust, mut shown) = (Trust::default(), 0);
        admit(&trust, &mut shown);
        let refused = trust.admit(("multi_exp", 1024), || Err(WRONG));
        assert_eq!(refused, Err((WRONG, Verdict::TriedAgain(2))));
    }

    #[test]
    fn a_lost_device_is_retired_at_once() {
        let (trust, mut shown) = (Trust::default(), 0);
        let batch = admit(&trust, &mut shown);
        assert_eq!(trust.failed(batch, &GpuFailure::Lost(String::new())), Verdict::Retired);
        assert!(trust.is_retired());
    }
}
