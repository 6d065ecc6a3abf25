//! How much work one dispatch is given, so that no driver's watchdog ends it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a dispatch should take: long enough to be worth its overhead, short enough for watchdogs (Windows has 2 s) and for
/// other work on the device.
const TARGET: Duration = Duration::from_millis(80);
/// Multiply-adds of a dispatch before any has been timed: 0.15 s on an integrated GPU that does 7·10^9 a second.
pub(crate) const FIRST: u64 = 1_000_000_000;
const LEAST: u64 = 1_000_000;
const MOST: u64 = 1 << 42;
/// The multiply-adds of 32-bit words that one dispatch may do, which follows from how long others took.
pub(crate) struct DispatchBudget {
    macs: AtomicU64,
    is_fixed: bool,
    /// Of all dispatches so far.
    largest: AtomicU64,
}

impl DispatchBudget {
    /// One that adapts, or one of `fixed` multiply-adds.
    pub(crate) fn new(fixed: Option<u64>) -> Self {
        Self { macs: fixed.unwrap_or(FIRST).into(), is_fixed: fixed.is_some(), largest: AtomicU64::new(0) }
    }

    /// How many pieces of work, of `macs` multiply-adds each, a dispatch may do: at least one.
    pub(crate) fn pieces(&self, macs: u64) -> usize {
        let pieces = self.macs.load(Ordering::Relaxed) / macs.max(1);
        usize::try_from(pieces).unwrap_or(usize::MAX).max(1)
    }

    /// Learns from work that took at most `time`.
    pub(crate) fn took(&self, macs: u64, time: Duration) {
        let budget = self.macs.load(Ordering::Relaxed);
        if !self.is_fixed {
            self.macs.store(adapted(budget, macs, time), Ordering::Relaxed);
        }
    }

    /// Notes what a dispatch does.
    pub(super) fn note(&self, macs: u64) {
        self.largest.fetch_max(macs, Ordering::Relaxed);
    }

    /// The multiply-adds of the largest dispatch so far.
    #[cfg(feature = "hazmat")]
    pub(super) fn largest(&self) -> u64 {
        self.largest.load(Ordering::Relaxed)
    }
}

/// The budget after `macs` multiply-adds took `time`. Small work says little, since most of its time is overhead.
fn adapted(budget: u64, macs: u64, time: Duration) -> u64 {
    let affordable = u128::from(macs) * TARGET.as_micros() / time.as_micros().max(1);
    let affordable = u64::try_from(affordable).unwrap_or(u64::MAX);
    if macs < budget / 2 {
        return budget;
    }
    // Not more than twice as much at once: the first dispatch includes starting up.
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
