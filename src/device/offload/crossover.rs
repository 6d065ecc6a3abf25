//! Finds the batch size from which the GPU is faster than the CPU, by timing the batches themselves.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A kind of work: what the time per row depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Work {
    /// The kernel's name.
    pub(super) kernel: &'static str,
    /// The size of numbers: see [`Kernel::size`](super::kernel::Kernel::size).
    pub(super) size: usize,
    /// See [`Kernel::length`](super::kernel::Kernel::length).
    pub(super) length: usize,
}

/// Batches with fewer rows always stay on the CPU: a GPU gains nothing on them.
const LEAST_ROWS: usize = 16;
/// Rows per thread on which the CPU's time is measured.
const ROWS_A_THREAD: usize = 4;

/// The measurements of one kind of work.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Crossover {
    /// Seconds per row on the CPU.
    cpu_row: f64,
    /// The largest batch, in rows, on which the CPU was faster.
    cpu_up_to: usize,
    /// The smallest batch, in rows, on which the GPU was faster.
    gpu_from: usize,
    /// Seconds that the GPU took for that batch.
    gpu_seconds: f64,
}

impl Crossover {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn on_cpu(&self, rows: usize) -> f64 {
        self.cpu_row * rows as f64
    }

    /// Returns whether the CPU should take a batch. Between `cpu_up_to` and `gpu_from`, the geometric mean divides
    /// them, which halves the interval (on a logarithmic scale) with each measurement.
    fn prefers_cpu(&self, rows: usize) -> bool {
        if rows <= self.cpu_up_to {
            return true;
        }
        if rows >= self.gpu_from || self.gpu_from == usize::MAX || self.gpu_seconds < self.on_cpu(rows) {
            return false;
        }
        rows.saturating_mul(rows) < self.cpu_up_to.saturating_mul(self.gpu_from)
    }

    fn gpu_took(&mut self, rows: usize, time: Duration) {
        let seconds = time.as_secs_f64();
        if seconds < self.on_cpu(rows) {
            if rows <= self.gpu_from {
                (self.gpu_from, self.gpu_seconds) = (rows, seconds);
            }
            // The latest measurement wins, because the load of a machine changes.
            self.cpu_up_to = self.cpu_up_to.min(rows.saturating_sub(1));
        } else {
            self.cpu_up_to = self.cpu_up_to.max(rows);
            if self.gpu_from <= rows {
                self.gpu_from = usize::MAX;
            }
        }
    }
}

/// The measurements of all kinds of work.
#[derive(Debug, Default)]
pub(super) struct Crossovers(Mutex<HashMap<Work, Crossover>>);

impl Crossovers {
    /// Returns whether the CPU should take a batch. The first time for each kind of work, `compute` is called to
    /// measure the CPU on a few rows.
    pub(super) fn prefers_cpu(&self, work: Work, rows: usize, threads: usize, compute: impl FnOnce(usize)) -> bool {
        if rows < LEAST_ROWS {
            return true;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(work)
            .or_insert_with(|| {
                let measured = rows.min(ROWS_A_THREAD * threads);
                let started = Instant::now();
                compute(measured);
                #[expect(clippy::cast_precision_loss, reason = "an estimate")]
                let cpu_row = started.elapsed().as_secs_f64() / measured as f64;
                Crossover { cpu_row, cpu_up_to: LEAST_ROWS, gpu_from: usize::MAX, gpu_seconds: f64::MAX }
            })
            .prefers_cpu(rows)
    }

    /// Records that the GPU took `time` for a batch, including its checks.
    pub(super) fn gpu_took(&self, work: Work, rows: usize, time: Duration) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(crossover) = known.get_mut(&work) {
            crossover.gpu_took(rows, time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = Work { kernel: "pair_pow", size: 1024, length: 512 };

    /// Simulates a GPU that takes `fixed` seconds plus `each` per row, and a CPU that takes a millisecond per row.
    fn settle(fixed: f64, each: f64) -> Crossover {
        let mut crossover =
            Crossover { cpu_row: 1e-3, cpu_up_to: LEAST_ROWS, gpu_from: usize::MAX, gpu_seconds: f64::MAX };
        for rows in [5000, 20, 3000, 100, 700, 300, 900, 500, 600, 650].into_iter().cycle().take(100) {
            if !crossover.prefers_cpu(rows) {
                #[expect(clippy::cast_precision_loss, reason = "small numbers")]
                crossover.gpu_took(rows, Duration::from_secs_f64(fixed + each * rows as f64));
            }
        }
        crossover
    }

    #[test]
    fn the_crossover_is_found() {
        // The times are equal at 0.5 / 0.0009 = 556 rows.
        let crossover = settle(0.5, 1e-4);
        assert!((500..600).contains(&crossover.cpu_up_to), "{crossover:?}");
        assert_eq!(crossover.gpu_from, 600);
        assert!(crossover.prefers_cpu(20) && !crossover.prefers_cpu(5000));
    }

    #[test]
    fn a_slow_gpu_is_left_alone_and_a_fast_one_gets_everything() {
        let slow = settle(0.1, 2e-3);
        assert!(slow.prefers_cpu(5000), "{slow:?}");
        let fast = settle(1e-3, 1e-5);
        assert!(!fast.prefers_cpu(20), "{fast:?}");
    }

    #[test]
    fn the_cpu_is_measured_once_and_small_batches_stay_there() {
        let crossovers = Crossovers::default();
        assert!(crossovers.prefers_cpu(WORK, LEAST_ROWS - 1, 2, |_| panic!("measured")));
        let mut measured = 0;
        assert!(!crossovers.prefers_cpu(WORK, 1000, 2, |rows| measured = rows));
        assert_eq!(measured, 8);
        assert!(!crossovers.prefers_cpu(WORK, 1000, 2, |_| panic!("measured again")));
        crossovers.gpu_took(WORK, 1000, Duration::from_secs(3600));
        assert!(crossovers.prefers_cpu(WORK, 1000, 2, |_| panic!("measured again")));
    }
}
