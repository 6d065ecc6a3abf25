//! How many threads there may be.

use crate::error::Error;
use std::num::NonZeroUsize;

/// Threads for each core that may be asked for. More only cost memory.
const MOST_A_CORE: usize = 4;
/// So many may be asked for on any machine, so that settings can move to a smaller one.
const ALWAYS_ALLOWED: usize = 64;
/// What sets the default, as it does for every program that uses rayon.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// The most threads that may be asked for on this machine.
pub(crate) fn most() -> usize {
    MOST_A_CORE.saturating_mul(cores()).max(ALWAYS_ALLOWED)
}

/// The threads to start: as many as asked for, or one a core.
///
/// # Errors
/// [`Error::Parameter`] if there would be more than [`most`].
pub(crate) fn checked(asked: Option<NonZeroUsize>) -> Result<usize, Error> {
    let variable = || std::env::var(VARIABLE).ok()?.parse().ok();
    let (name, threads) = match asked {
        Some(threads) => ("threads", threads.get()),
        None => (VARIABLE, variable().map_or_else(cores, NonZeroUsize::get)),
    };
    if threads <= most() {
        return Ok(threads);
    }
    let limit = format!("at most {} threads can be used on this machine, which has {} cores", most(), cores());
    Err(Error::Parameter { name, actual: threads, limit })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_bounded() {
        let check = |threads| checked(NonZeroUsize::new(threads));
        assert_eq!(check(1).unwrap(), 1);
        assert_eq!(check(most()).unwrap(), most());
        assert!(most() >= 64 && most() >= 4 * cores());
        for threads in [most() + 1, 999_999, usize::MAX] {
            match check(threads) {
                Err(Error::Parameter { name: "threads", actual, limit }) => {
                    assert_eq!(actual, threads);
                    assert!(limit.contains(&format!("at most {}", most())), "{limit}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
