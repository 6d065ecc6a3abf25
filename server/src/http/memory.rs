//! The memory budget of requests and replies, in total and per organisation.
//!
//! A request takes memory for its body as it arrives, and for its reply as it is written. It holds that memory until
//! all of its work has ended and the reply has been sent.

use crate::error::{ApiError, ApiResult};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes per semaphore permit.
const UNIT: usize = 1024;
/// The largest share of an organisation, in quarters of the budget.
const SHARE: usize = 3;
/// How long a reply waits for memory while it is written.
const REPLY_WAIT: Duration = Duration::from_millis(500);
/// How often it tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

tokio::task_local! {
    /// The memory of the request that this task answers.
    static HELD: Held;
}

/// The memory budget of all requests and replies.
pub struct Memory {
    all: Arc<Semaphore>,
    share: usize,
    /// Permits of each organisation.
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Memory {
    /// Creates a budget of `bytes`. A single request may need up to `largest` bytes.
    pub fn new(bytes: usize, largest: usize) -> Arc<Self> {
        let units = (bytes / UNIT).min(u32::MAX as usize >> 1);
        let share = (units / 4 * SHARE).max(largest.div_ceil(UNIT)).min(u32::MAX as usize >> 1);
        Arc::new(Self { all: Arc::new(Semaphore::new(units.max(share))), share, shares: Mutex::default() })
    }

    fn share_of(&self, organisation: &str) -> Arc<Semaphore> {
        let mut shares = lock(&self.shares);
        if let Some(share) = shares.get(organisation) {
            return share.clone();
        }
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(organisation.to_owned(), share.clone());
        share
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The memory that one request holds. Clones share it.
#[derive(Clone)]
pub struct Held {
    memory: Arc<Memory>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    share: Option<Arc<Semaphore>>,
    /// Bytes taken and not used yet.
    rest: usize,
    /// Permits of the organisation's share, then of the total.
    permits: Vec<OwnedSemaphorePermit>,
}

impl Held {
    /// Creates one that holds nothing yet.
    pub fn new(memory: Arc<Memory>) -> Self {
        Self { memory, state: Arc::default() }
    }

    /// Returns that of the request that this task answers, or a new one outside of requests.
    pub fn current(memory: &Arc<Memory>) -> Self {
        HELD.try_with(Self::clone).unwrap_or_else(|_| Self::new(memory.clone()))
    }

    /// Runs `work` as part of the request that holds this.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        HELD.scope(self, work).await
    }

    /// Sets the organisation whose share the request uses.
    pub fn set_organisation(&self, name: &str) {
        let share = self.memory.share_of(name);
        lock(&self.state).share.get_or_insert(share);
    }

    /// Takes more memory, waiting until enough is free.
    ///
    /// # Errors
    /// If that takes longer than `wait`.
    pub async fn take(&self, bytes: usize, wait: Duration) -> ApiResult<()> {
        let Some(units) = self.units(bytes) else { return Ok(()) };
        let share = lock(&self.state).share.clone();
        let permits = async {
            let mut permits = Vec::with_capacity(2);
            for semaphore in share.iter().chain([&self.memory.all]) {
                permits.push(
                    semaphore.clone().acquire_many_owned(units).await.map_err(|error| ApiError::internal(&error))?,
                );
            }
            Ok::<_, ApiError>(permits)
        };
        let permits = timeout(wait, permits).await.map_err(|_| exhausted())??;
        self.keep(permits);
        Ok(())
    }

    /// Takes more memory on a thread that may block, waiting at most [`REPLY_WAIT`].
    ///
    /// # Errors
    /// If not enough memory is free.
    pub fn take_blocking(&self, bytes: usize) -> ApiResult<()> {
        let Some(units) = self.units(bytes) else { return Ok(()) };
        let share = lock(&self.state).share.clone();
        let started = Instant::now();
        loop {
            let permits: Result<Vec<_>, _> = share
                .iter()
                .chain([&self.memory.all])
                .map(|semaphore| semaphore.clone().try_acquire_many_owned(units))
                .collect();
            match permits {
                Ok(permits) => {
                    self.keep(permits);
                    return Ok(());
                }
                Err(_) if started.elapsed() < REPLY_WAIT => std::thread::sleep(RETRY_INTERVAL),
                Err(_) => return Err(exhausted()),
            }
        }
    }

    /// Returns the units to acquire for `bytes` more; `None` if the rest of the last unit suffices.
    fn units(&self, bytes: usize) -> Option<u32> {
        // A request larger than a share takes the whole share.
        let bytes = bytes.min(self.memory.share * UNIT);
        let mut state = lock(&self.state);
        if let Some(rest) = state.rest.checked_sub(bytes) {
            state.rest = rest;
            return None;
        }
        let units = (bytes - state.rest).div_ceil(UNIT);
        state.rest = units * UNIT + state.rest - bytes;
        Some(u32::try_from(units).unwrap_or(u32::MAX))
    }

    fn keep(&self, permits: Vec<OwnedSemaphorePermit>) {
        let kept = &mut lock(&self.state).permits;
        if kept.is_empty() {
            *kept = permits;
        } else {
            kept.iter_mut().rev().zip(permits.into_iter().rev()).for_each(|(kept, permit)| kept.merge(permit));
        }
    }
}

fn exhausted() -> ApiError {
    ApiError::busy("no memory left for requests and replies (--max-memory); try again later")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(memory: &Memory) -> usize {
        memory.all.available_permits()
    }

    #[test]
    fn memory_is_released_with_the_last_clone() {
        let memory = Memory::new(64 << 10, 1);
        let held = Held::new(memory.clone());
        held.set_organisation("acme");
        held.take_blocking(10 << 10).unwrap();
        held.take_blocking(1).unwrap();
        held.take_blocking(1000).unwrap();
        assert_eq!((all(&memory), memory.share_of("acme").available_permits()), (53, 37));
        let other = held.clone();
        drop(held);
        assert_eq!(all(&memory), 53);
        drop(other);
        assert_eq!((all(&memory), memory.share_of("acme").available_permits()), (64, 48));
    }

    #[test]
    fn one_organisation_leaves_memory_to_the_others() {
        let memory = Memory::new(64 << 10, 1);
        let [greedy, other] = ["greedy", "other"].map(|name| {
            let held = Held::new(memory.clone());
            held.set_organisation(name);
            held
        });
        greedy.take_blocking(48 << 10).unwrap();
        assert!(greedy.take_blocking(1).is_err());
        other.take_blocking(16 << 10).unwrap();
    }

    #[test]
    fn the_largest_request_fits_any_budget() {
        let memory = Memory::new(1 << 10, 32 << 10);
        let held = Held::new(memory.clone());
        held.set_organisation("acme");
        held.take_blocking(32 << 10).unwrap();
    }
}
