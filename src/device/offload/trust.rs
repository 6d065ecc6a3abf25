//! Whether a GPU may have the next batch: what it has proven, and how often it failed.

use crate::device::gpu::GpuFailure;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures after which a GPU is retired, unless enough batches in a row were right in between.
const MOST_FAILURES: u32 = 3;
/// Batches in a row that have to be right for earlier failures to be forgotten.
const FORGIVEN_AFTER: u32 = 100;

/// The record of one GPU. A failure takes away what it has proven, so that each kernel shows its known answers again before its
/// next batch. The third failure retires it; so do wrong known answers of a GPU that has proven nothing yet, and a lost device.
#[derive(Default)]
pub(super) struct Trust(Mutex<State>);

#[derive(Default)]
struct State {
    /// Counts all failures, to tell batches that began before one from those that began after.
    generation: u64,
    failures: u32,
    right_in_a_row: u32,
    is_retired: bool,
    has_proven: bool,
    /// What has shown known answers since the last failure.
    proven: HashSet<Proven>,
}

/// A kernel, by its name, and the size of its modulus in bits.
pub(super) type Proven = (&'static str, usize);

/// Says when a batch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Admission(u64);

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another batch met the same failure before.
    Known,
    /// The GPU has this many failures left.
    TriedAgain(u32),
    /// The GPU is not used any more.
    Retired,
}

impl Trust {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_retired(&self) -> bool {
        self.state().is_retired
    }

    /// Admits a batch, after `show` if the kernel has proven nothing at this size since the last failure. Other batches wait
    /// meanwhile.
    ///
    /// # Errors
    /// What `show` fails with, and what follows from that.
    pub(super) fn admit(
        &self,
        kernel: Proven,
        show: impl FnOnce() -> Result<(), GpuFailure>,
    ) -> Result<Option<Admission>, (GpuFailure, Verdict)> {
        let mut state = self.state();
        if state.is_retired {
            return Ok(None);
        }
        if !state.proven.contains(&kernel) {
            if let Err(failure) = show() {
                state.is_retired |= !state.has_proven;
                let verdict = state.fail(&failure);
                return Err((failure, verdict));
            }
            state.has_proven = true;
            state.proven.insert(kernel);
        }
        Ok(Some(Admission(state.generation)))
    }

    /// A batch was right.
    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        if state.failures > 0 {
            state.right_in_a_row += 1;
            if state.right_in_a_row >= FORGIVEN_AFTER {
                (state.failures, state.right_in_a_row) = (0, 0);
            }
        }
    }

    /// A batch was wrong, or not finished.
    pub(super) fn failed(&self, admission: Admission, failure: &GpuFailure) -> Verdict {
        let mut state = self.state();
        if state.generation != admission.0 {
            return Verdict::Known;
        }
        state.fail(failure)
    }

    /// Uses the GPU again, whatever happened.
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
    fn a_failure_is_counted_once_and_proofs_are_asked_for_again() {
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
