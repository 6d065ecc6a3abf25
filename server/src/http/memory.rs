//! What requests and replies hold in memory, all of them together and those of each organisation.
//!
//! A request pays for its body as it arrives, and for its reply as it is written. What it has paid for it holds until
//! everything that works for it has ended and the reply was sent.

use crate::error::{ApiError, ApiResult};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Bytes that a permit stands for.
const UNIT: usize = 1024;
/// What an organisation gets of all there is, at most: so many quarters.
const SHARE: usize = 3;
/// How long a reply that is being written waits for memory.
const REPLY_WAIT: Duration = Duration::from_millis(500);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

tokio::task_local! {
    /// That of the request that this task answers.
    static HELD: Held;
}

/// What all requests and replies may take.
pub struct Memory {
    all: Arc<Semaphore>,
    share: usize,
    /// By organisation.
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Memory {
    /// A budget in bytes, of which a single request may need `largest`.
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

/// What one request holds. Clones hold the same.
#[derive(Clone)]
pub struct Held {
    memory: Arc<Memory>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    share: Option<Arc<Semaphore>>,
    /// Paid for and not used yet, in bytes.
    rest: usize,
    /// Of the organisation's share, and of all.
    permits: Vec<OwnedSemaphorePermit>,
}

impl Held {
    /// Nothing yet.
    pub fn new(memory: Arc<Memory>) -> Self {
        Self { memory, state: Arc::default() }
    }

    /// That of the request that this task answers; outside of requests, one that is of no request.
    pub fn current(memory: &Arc<Memory>) -> Self {
        HELD.try_with(Self::clone).unwrap_or_else(|_| Self::new(memory.clone()))
    }

    /// Does something for the request that holds this.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        HELD.scope(self, work).await
    }

    /// Notes whose share it is of.
    pub fn set_organisation(&self, name: &str) {
        let share = self.memory.share_of(name);
        lock(&self.state).share.get_or_insert(share);
    }

    /// Takes more, waiting for others to give it back.
    ///
    /// # Errors
    /// If that takes too long.
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

    /// Takes more on a thread that may block, waiting for a moment only.
    ///
    /// # Errors
    /// If there is no more.
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
                Err(_) if started.elapsed() < REPLY_WAIT => std::thread::sleep(LOOK),
                Err(_) => return Err(exhausted()),
            }
        }
    }

    /// What has to be acquired for so many bytes more; nothing if what is left of the last unit does.
    fn units(&self, bytes: usize) -> Option<u32> {
        // Nobody gets more than a share, and who needs more is no worse for it.
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
    ApiError::busy("requests and replies take all the memory that they may (--max-memory); try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(memory: &Memory) -> usize {
        memory.all.available_permits()
    }

    #[test]
    fn what_is_held_comes_back_when_the_last_one_goes() {
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
    fn one_organisation_leaves_something_to_the_others() {
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
    fn the_largest_request_fits_however_little_there_is() {
        let memory = Memory::new(1 << 10, 32 << 10);
        let held = Held::new(memory.clone());
        held.set_organisation("acme");
        held.take_blocking(32 << 10).unwrap();
    }
}
