//! Limits the work of one dispatch, so that no driver's watchdog stops it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Target run time of a dispatch: long compared with its overhead, short enough for watchdogs (2 s on Windows) and
/// for other work on the device.
const TARGET: Duration = Duration::from_millis(80);
/// Multiply-adds of a dispatch before any has been timed: 0.15 s on an integrated GPU that does 7·10^9 per second.
pub(crate) const FIRST: u64 = 1_000_000_000;
const LEAST: u64 = 1_000_000;
const MOST: u64 = 1 << 42;

/// The number of 32-bit multiply-adds that one dispatch may do, adapted to the run time of earlier dispatches.
pub(crate) struct DispatchBudget {
    macs: AtomicU64,
    is_fixed: bool,
    /// Multiply-adds of the largest dispatch so far.
    largest: AtomicU64,
}

impl DispatchBudget {
    /// A budget that adapts, or a constant one of `fixed` multiply-adds.
    pub(crate) fn new(fixed: Option<u64>) -> Self {
        Self { macs: fixed.unwrap_or(FIRST).into(), is_fixed: fixed.is_some(), largest: AtomicU64::new(0) }
    }

    /// Returns how many pieces of work of `macs` multiply-adds each a dispatch may do: at least one.
    pub(crate) fn pieces(&self, macs: u64) -> usize {
        let pieces = self.macs.load(Ordering::Relaxed) / macs.max(1);
        usize::try_from(pieces).unwrap_or(usize::MAX).max(1)
    }

    /// Adapts the budget after `macs` multiply-adds took at most `time`.
    pub(crate) fn took(&self, macs: u64, time: Duration) {
        let budget = self.macs.load(Ordering::Relaxed);
        if !self.is_fixed {
            self.macs.store(adapted(budget, macs, time), Ordering::Relaxed);
        }
    }

    /// Records the multiply-adds of a dispatch.
    pub(super) fn note(&self, macs: u64) {
        self.largest.fetch_max(macs, Ordering::Relaxed);
    }

    /// Returns the multiply-adds of the largest dispatch so far.
    #[cfg(feature = "hazmat")]
    pub(super) fn largest(&self) -> u64 {
        self.largest.load(Ordering::Relaxed)
    }
}

/// Returns the budget after `macs` multiply-adds took `time`. Small dispatches do not change it, because most of
/// their time is overhead.
fn adapted(budget: u64, macs: u64, time: Duration) -> u64 {
    let affordable = u128::from(macs) * TARGET.as_micros() / time.as_micros().max(1);
    let affordable = u64::try_from(affordable).unwrap_or(u64::MAX);
    if macs < budget / 2 {
        return budget;
    }
    // At most double it at once: the time of the first dispatch includes startup.
    affordable.min(budget.saturating_mul(2)).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_follows_the_time_that_dispatches_take() {
        assert_eq!(adapted(FIRST, FIRST, TARGET), FIRST);
        assert_eq!(adapted(FIRST, FIRST, TARGET * 4), FIRST / 4);
        assert_eq!(adapted(FIRST, FIRST, TARGET / 100), 2 * FIRST);
        assert_eq!(adapted(FIRST, FIRST / 100, TARGET / 50), FIRST, "too little to learn from");
        assert_eq!(adapted(FIRST, FIRST, Duration::from_hours(1)), LEAST);
        assert_eq!(adapted(MOST, MOST, Duration::ZERO), MOST);
        let fixed = DispatchBudget::new(Some(7_000_000));
        fixed.took(7_000_000, Duration::ZERO);
        assert_eq!(fixed.pieces(1280), 7_000_000 / 1280);
        assert_eq!(fixed.pieces(8_000_000), 1);
    }
}
