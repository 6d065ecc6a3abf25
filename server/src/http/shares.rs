//! Semaphore permits, shared so that no organisation gets all of them.

use crate::error::{ApiError, ApiResult};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A number of permits, and a lower limit for each organisation.
pub struct Shares {
    all: Arc<Semaphore>,
    share: usize,
    /// Permits of each organisation. Only the operator adds organisations, so there are few.
    shares: Mutex<HashMap<i64, Arc<Semaphore>>>,
}

/// One permit, held until it is dropped.
pub struct Permit(#[expect(dead_code, reason = "held")] [OwnedSemaphorePermit; 2]);

impl Shares {
    /// Creates `all` permits. An organisation gets at most three quarters of them.
    pub fn new(all: usize) -> Self {
        let share = (all - all / 4).min(all - 1).max(1);
        Self { all: Arc::new(Semaphore::new(all.max(1))), share, shares: Mutex::default() }
    }

    /// Waits for a permit: first for one of the organisation's, so that an organisation cannot fill the common queue.
    pub async fn acquire(&self, organisation: i64) -> ApiResult<Permit> {
        let share = {
            let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
            shares.entry(organisation).or_insert_with(|| Arc::new(Semaphore::new(self.share))).clone()
        };
        let own = share.acquire_owned().await.map_err(|error| ApiError::internal(&error))?;
        let permit = self.all.clone().acquire_owned().await.map_err(|error| ApiError::internal(&error))?;
        Ok(Permit([own, permit]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn no_organisation_gets_all_permits() {
        for all in 1..20 {
            let shares = Shares::new(all);
            let (mut greedy, moment) = (Vec::new(), Duration::from_millis(1));
            while let Ok(permit) = timeout(moment, shares.acquire(1)).await {
                greedy.push(permit.unwrap());
            }
            assert!(!greedy.is_empty() && greedy.len() <= all);
            assert_eq!(timeout(moment, shares.acquire(2)).await.is_ok(), all > 1, "of {all}");
            drop(greedy);
            assert!(timeout(moment, shares.acquire(2)).await.is_ok());
        }
    }
}
