//! Interrupts database queries when the client disconnects or a time limit passes.
//!
//! SQLite's progress handler calls [`is_over`] on the thread that runs a statement. The state is thread-local, because
//! requests share database connections.

use crate::error::{ApiError, ApiResult};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

thread_local! {
    static CURRENT: RefCell<Current> = const { RefCell::new(Current { cancelled: None, deadline: None }) };
}

struct Current {
    cancelled: Option<Arc<AtomicBool>>,
    deadline: Option<Instant>,
}

/// A request that a client is waiting for. Dropping it cancels the work.
#[derive(Default)]
pub struct Waiting(Arc<AtomicBool>);

/// The work of a request, which runs on another thread.
pub struct Work(Arc<AtomicBool>);

impl Waiting {
    /// Returns work whose queries are interrupted when this is dropped.
    pub fn work(&self) -> Work {
        Work(self.0.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Restores the previous state when dropped, even if the work panics.
struct Restore(Option<Current>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = self.0.take() {
            CURRENT.set(before);
        }
    }
}

impl Work {
    /// Runs the work on this thread, unless the client has already disconnected.
    ///
    /// # Errors
    /// The errors of the work.
    pub fn run<T>(self, work: impl FnOnce() -> ApiResult<T>) -> ApiResult<T> {
        let _restore = Restore(Some(CURRENT.replace(Current { cancelled: Some(self.0), deadline: None })));
        check()?;
        work()
    }
}

/// Runs work that neither a deadline nor a disconnect interrupts.
pub fn uninterrupted<T>(work: impl FnOnce() -> T) -> T {
    let _restore = Restore(Some(CURRENT.replace(Current { cancelled: None, deadline: None })));
    work()
}

/// Checks whether to go on.
///
/// # Errors
/// If the work of this thread should stop.
pub fn check() -> ApiResult<()> {
    if is_over() { Err(ApiError::too_slow()) } else { Ok(()) }
}

/// Runs work with a time limit. An earlier deadline set by the caller still applies.
pub fn within<T>(time: Duration, work: impl FnOnce() -> T) -> T {
    let deadline = Instant::now().checked_add(time);
    let before = CURRENT.with_borrow_mut(|current| {
        let before = Current { cancelled: current.cancelled.clone(), deadline: current.deadline };
        current.deadline = [current.deadline, deadline].into_iter().flatten().min();
        before
    });
    let _restore = Restore(Some(before));
    work()
}

/// Returns whether the work of this thread should stop.
pub fn is_over() -> bool {
    CURRENT.with_borrow(|current| {
        current.cancelled.as_ref().is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
            || current.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_stops_when_the_client_disconnects() {
        let waiting = Waiting::default();
        let work = waiting.work();
        let [before, after] = work
            .run(|| {
                let before = is_over();
                drop(waiting);
                Ok([before, is_over()])
            })
            .unwrap();
        assert_eq!((before, after, is_over()), (false, true, false));
        let abandoned = Waiting::default().work();
        assert!(abandoned.run(|| -> ApiResult<()> { unreachable!("nobody waits for this") }).is_err());
    }

    #[test]
    fn work_stops_at_the_earliest_deadline() {
        let [now, inner, after] = within(Duration::from_secs(3600), || {
            let inner = within(Duration::ZERO, || within(Duration::from_secs(3600), is_over));
            [within(Duration::from_secs(7200), is_over), inner, is_over()]
        });
        assert_eq!((now, inner, after, is_over()), (false, true, false, false));
        assert!(!within(Duration::ZERO, || uninterrupted(is_over)));
    }
}
