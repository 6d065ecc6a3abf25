//! A handle on long work: how far it is, and a way to stop it.

use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts finished rows and carries the wish to stop. Clones share one state, so that one half can go to another
/// thread or a signal handler.
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
    /// A new handle at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows finished so far.
    pub fn done(&self) -> u64 {
        self.state.done.load(Ordering::Relaxed)
    }

    /// Asks the work to stop at its next block. What is finished by then is kept.
    pub fn cancel(&self) {
        self.state.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether someone asked.
    pub fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::Relaxed)
    }

    /// Counts `rows` more as finished.
    pub fn add(&self, rows: u64) {
        self.state.done.fetch_add(rows, Ordering::Relaxed);
    }

    /// # Errors
    /// [`Error::Cancelled`] if someone asked to stop.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}
