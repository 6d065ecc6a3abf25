//! Limits on the number of threads.

use crate::error::Error;
use std::num::NonZeroUsize;

/// Maximum number of threads per core. More threads only cost memory.
const MOST_A_CORE: usize = 4;
/// Allowed on any machine, so that the same settings work on a smaller machine.
const ALWAYS_ALLOWED: usize = 64;
/// Sets the default number of threads, as in every program that uses rayon.
const VARIABLE: &str = "RAYON_NUM_THREADS";

/// Returns the maximum number of threads on this machine.
pub(crate) fn most() -> usize {
    MOST_A_CORE.saturating_mul(cores()).max(ALWAYS_ALLOWED)
}

/// Returns the number of threads to start: `asked`, or else `RAYON_NUM_THREADS`, or else one per core.
///
/// # Errors
/// [`Error::Parameter`] for more than [`most`] threads.
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
