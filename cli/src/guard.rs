//! Turns panics of other libraries on damaged files into errors.

use crate::failure::Failure;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs code that reads the file `name` and may panic. A panic becomes an error.
///
/// After an error, nothing that `read` changed may be used.
pub fn guarded<T>(name: &Path, read: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    unless_it_panics(read)
        .unwrap_or_else(|| Err(Failure::Other(format!("{}: damaged: its reader failed unexpectedly", name.display()))))
}

/// Runs code that may panic. Returns `None` and prints nothing if it does.
pub fn unless_it_panics<T>(work: impl FnOnce() -> T) -> Option<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                previous(panic);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_errors() {
        let name = Path::new("a.parquet");
        assert!(matches!(guarded(name, || Ok(7)), Ok(7)));
        assert!(matches!(guarded(name, || Err::<u8, _>(Failure::BrokenPipe)), Err(Failure::BrokenPipe)));
        let Err(Failure::Other(text)) = guarded(name, || Ok([1][std::hint::black_box(1)])) else { panic!() };
        assert_eq!(text, "a.parquet: damaged: its reader failed unexpectedly");
    }
}
