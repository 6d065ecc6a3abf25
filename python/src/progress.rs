//! Runs long work in another thread, while the calling thread handles Ctrl-C and reports progress.

use crate::errors::raise;
use hushvec::{Error, Progress};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The longest delay of Ctrl-C and of progress reports.
const TICK: Duration = Duration::from_millis(50);

/// Reports progress to a function or a bar, or to nobody, and knows when to stop.
pub struct Reporter<'py> {
    to: Option<Bound<'py, PyAny>>,
    /// A `threading.Event` that stops the work when it is set.
    stop: Option<Bound<'py, PyAny>>,
}

impl<'py> Reporter<'py> {
    /// Creates the reporter for the argument `progress`: see `hushvec.progress`.
    pub fn new(progress: Option<&Bound<'py, PyAny>>, total: u64, what: &str) -> PyResult<Self> {
        let Some(progress) = progress else { return Ok(Self::silent()) };
        let to = progress.py().import("hushvec.progress")?.call_method1("start", (progress, total, what))?;
        Ok(Self { to: (!to.is_none()).then_some(to), stop: None })
    }

    /// Returns a reporter that reports to nobody.
    pub fn silent() -> Self {
        Self { to: None, stop: None }
    }

    /// Also stops the work when a `threading.Event` is set.
    pub fn with_stop(self, stop: Option<&Bound<'py, PyAny>>) -> Self {
        let mut reporter = self;
        reporter.stop = stop.cloned();
        reporter
    }

    /// Returns an error after Ctrl-C, or if the work is to stop.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?;
        match &self.stop {
            Some(stop) if stop.call_method0("is_set")?.is_truthy()? => Err(PyKeyboardInterrupt::new_err("stopped")),
            _ => Ok(()),
        }
    }

    /// Reports the number of finished rows.
    pub fn report(&self, done: u64) -> PyResult<()> {
        self.to.as_ref().map_or(Ok(()), |to| to.call1((done,)).map(drop))
    }
}

impl Drop for Reporter<'_> {
    fn drop(&mut self) {
        if let Some(to) = &self.to {
            // An error here must not discard the result.
            let _ = to.call_method0("close");
        }
    }
}

/// Runs `work` in another thread. Ctrl-C stops it at its next block.
pub fn watched<T: Send>(
    py: Python<'_>,
    reporter: &Reporter<'_>,
    work: impl FnOnce(&Progress) -> Result<T, Error> + Send,
) -> PyResult<T> {
    watched_with(py, reporter, raise, work)
}

/// Like [`watched`], for work with other errors, which `raise` converts.
pub fn watched_with<T: Send, E: Send>(
    py: Python<'_>,
    reporter: &Reporter<'_>,
    raise: impl FnOnce(E) -> PyErr,
    work: impl FnOnce(&Progress) -> Result<T, E> + Send,
) -> PyResult<T> {
    let (progress, ended) = (Progress::new(), Ended::default());
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let _ended = ended.guard();
            work(&progress)
        });
        let (mut outcome, mut last) = (Ok(()), 0);
        while !py.detach(|| ended.wait(TICK)) {
            if outcome.is_err() {
                continue;
            }
            let done = progress.done();
            outcome = reporter.check(py).and_then(|()| if done == last { Ok(()) } else { reporter.report(done) });
            last = done;
            if outcome.is_err() {
                progress.cancel();
            }
        }
        let result = py.detach(|| worker.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome?;
        let result = result.map_err(raise)?;
        reporter.report(progress.done())?;
        Ok(result)
    })
}

/// Whether a thread has ended, by returning or by a panic.
#[derive(Default)]
struct Ended {
    flag: Mutex<bool>,
    changed: Condvar,
}

/// Marks the end of the thread when it is dropped.
struct Guard<'a>(&'a Ended);

impl Ended {
    fn guard(&self) -> Guard<'_> {
        Guard(self)
    }

    fn wait(&self, most: Duration) -> bool {
        let flag = self.flag.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(flag, most, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        *self.0.flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}
