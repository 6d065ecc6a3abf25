//! Progress and cancellation of long operations.

use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts finished rows and cancels long operations. Clones share their state, so one can go to another thread or to a
/// signal handler.
///
/// ```
/// let progress = hushvec::Progress::new();
/// let watcher = progress.clone();
/// watcher.cancel();
/// assert!(progress.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Progress {
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    done: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// Returns a new handle with a count of zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how many rows are finished.
    pub fn done(&self) -> u64 {
        self.state.done.load(Ordering::Relaxed)
    }

    /// Asks the operation to stop before its next block. Finished blocks are kept.
    pub fn cancel(&self) {
        self.state.cancelled.store(true, Ordering::Relaxed);
    }

    /// Returns whether [`Progress::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::Relaxed)
    }

    /// Adds `rows` to the count.
    pub fn add(&self, rows: u64) {
        self.state.done.fetch_add(rows, Ordering::Relaxed);
    }

    /// Fails once [`Progress::cancel`] was called.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if it was.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}
