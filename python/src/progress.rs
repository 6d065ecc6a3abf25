//! Long work in the background, while the interpreter hears Ctrl-C and tells how far it is.

use crate::errors::raise;
use hushvec::{Error, Progress};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long Ctrl-C may wait.
const TICK: Duration = Duration::from_millis(50);

/// Where progress is told: to a function, to a bar, or nowhere.
pub struct Told<'py> {
    to: Option<Bound<'py, PyAny>>,
    /// Set to stop the work: a `threading.Event`.
    stop: Option<Bound<'py, PyAny>>,
}

impl<'py> Told<'py> {
    /// From what a caller gave as `progress`: see `hushvec.progress`.
    pub fn new(progress: Option<&Bound<'py, PyAny>>, total: u64, what: &str) -> PyResult<Self> {
        let Some(progress) = progress else { return Ok(Self::nowhere()) };
        let to = progress.py().import("hushvec.progress")?.call_method1("start", (progress, total, what))?;
        Ok(Self { to: (!to.is_none()).then_some(to), stop: None })
    }

    /// Told to nobody.
    pub fn nowhere() -> Self {
        Self { to: None, stop: None }
    }

    /// The same, until a `threading.Event` is set.
    pub fn until(self, stop: Option<&Bound<'py, PyAny>>) -> Self {
        let mut told = self;
        told.stop = stop.cloned();
        told
    }

    /// Hears Ctrl-C, and whether to stop.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?;
        match &self.stop {
            Some(stop) if stop.call_method0("is_set")?.is_truthy()? => Err(PyKeyboardInterrupt::new_err("stopped")),
            _ => Ok(()),
        }
    }

    /// Tells how many rows are done.
    pub fn say(&self, done: u64) -> PyResult<()> {
        self.to.as_ref().map_or(Ok(()), |to| to.call1((done,)).map(drop))
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if let Some(to) = &self.to {
            // A bar that cannot be closed is no reason to lose what was computed.
            let _ = to.call_method0("close");
        }
    }
}

/// Does `work` in another thread. Ctrl-C stops it at its next block.
pub fn watched<T: Send>(
    py: Python<'_>,
    told: &Told<'_>,
    work: impl FnOnce(&Progress) -> Result<T, Error> + Send,
) -> PyResult<T> {
    watched_with(py, told, raise, work)
}

/// The same for work whose errors `raise` makes exceptions of.
pub fn watched_with<T: Send, E: Send>(
    py: Python<'_>,
    told: &Told<'_>,
    raise: impl FnOnce(E) -> PyErr,
    work: impl FnOnce(&Progress) -> Result<T, E> + Send,
) -> PyResult<T> {
    let (progress, ended) = (Progress::new(), Ended::default());
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let _ended = ended.guard();
            work(&progress)
        });
        let (mut heard, mut last) = (Ok(()), 0);
        while !py.detach(|| ended.wait(TICK)) {
            if heard.is_err() {
                continue;
            }
            let done = progress.done();
            heard = told.check(py).and_then(|()| if done == last { Ok(()) } else { told.say(done) });
            last = done;
            if heard.is_err() {
                progress.cancel();
            }
        }
        let result = py.detach(|| worker.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        heard?;
        let result = result.map_err(raise)?;
        told.say(progress.done())?;
        Ok(result)
    })
}

/// Whether a thread has come to its end, by returning or by a panic.
#[derive(Default)]
struct Ended {
    flag: Mutex<bool>,
    changed: Condvar,
}

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
