//! Progress bars and messages, and Ctrl-C.

use crate::log;
use hushvec::Progress;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::{info, warn};

const TICK: Duration = Duration::from_millis(100);
const BETWEEN_MESSAGES: Duration = Duration::from_secs(10);

/// Shows a [`Progress`] as a bar or as messages until it is dropped. Shows nothing if standard error is not a terminal.
pub struct Bar {
    progress: Progress,
    finished: std::sync::Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bar {
    /// Creates a bar labelled `what` for `total` items, or for an unknown number of items.
    pub fn new(what: &'static str, total: impl Into<Option<u64>>) -> Self {
        let total = total.into();
        let progress = Progress::new();
        cancel_on_interrupt(&progress);
        let finished = std::sync::Arc::new(AtomicBool::new(false));
        let follow = match log::progress() {
            log::Progress::Hidden => None,
            log::Progress::Bar => Some(draw as fn(&'static str, Option<u64>, &Progress, &AtomicBool)),
            log::Progress::Messages => Some(report as _),
        };
        let thread = follow.map(|follow| {
            let (progress, finished) = (progress.clone(), std::sync::Arc::clone(&finished));
            std::thread::spawn(move || follow(what, total, &progress, &finished))
        });
        Self { progress, finished, thread }
    }

    /// Returns the handle to pass to the work.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finished.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn draw(what: &'static str, total: Option<u64>, progress: &Progress, finished: &AtomicBool) {
    let (bar, style) = match total {
        Some(total) => (ProgressBar::new(total), "{msg:12} {bar:30} {pos}/{len}  {rate}  {eta} left"),
        None => (ProgressBar::no_length(), "{msg:12} {spinner} {pos}  {rate}"),
    };
    let bar = bar.with_message(what);
    if let Ok(style) = ProgressStyle::with_template(style) {
        // indicatif's `{per_sec}` shows four decimals.
        let rate = |state: &ProgressState, to: &mut dyn Write| {
            let _ = write!(to, "{:.0}/s", state.per_sec());
        };
        bar.set_style(style.with_key("rate", rate));
    }
    while !finished.load(Ordering::Relaxed) {
        bar.set_position(progress.done());
        bar.tick();
        std::thread::sleep(TICK);
    }
    bar.finish_and_clear();
}

/// Logs the progress every ten seconds.
fn report(what: &'static str, total: Option<u64>, progress: &Progress, finished: &AtomicBool) {
    let (started, mut last_message) = (Instant::now(), Instant::now());
    while !finished.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
        if last_message.elapsed() < BETWEEN_MESSAGES {
            continue;
        }
        last_message = Instant::now();
        let (done, seconds) = (progress.done(), started.elapsed().as_secs_f64());
        match total {
            Some(total) => info!(done, total, seconds, "{what}: {done} of {total}"),
            None => info!(done, seconds, "{what}: {done}"),
        }
    }
}

/// Installs the handler of Ctrl-C: the first one cancels the work at its next block, the second one ends the program.
fn cancel_on_interrupt(progress: &Progress) {
    static CURRENT: OnceLock<std::sync::Mutex<Progress>> = OnceLock::new();
    let installed = CURRENT.get().is_some();
    let current = CURRENT.get_or_init(|| std::sync::Mutex::new(progress.clone()));
    if let Ok(mut current) = current.lock() {
        *current = progress.clone();
    }
    if installed {
        return;
    }
    // If the handler cannot be installed, Ctrl-C ends the program at once. Nothing on disk is lost.
    let _ = ctrlc::set_handler(|| {
        let current = CURRENT.get().and_then(|current| current.lock().ok().map(|progress| progress.clone()));
        match current {
            Some(progress) if !progress.is_cancelled() => {
                // Cancel before the message, so that no block starts after it.
                progress.cancel();
                warn!("stopping after this block; press Ctrl-C again to stop at once");
            }
            _ => std::process::exit(130),
        }
    });
}
