//! Which organisation a request is of, for the log and the metrics.

use std::sync::{Arc, OnceLock};

/// The organisation that a request turns out to be of.
#[derive(Clone, Default)]
pub struct Organisation(Arc<OnceLock<String>>);

impl Organisation {
    /// Notes it.
    pub fn set(&self, name: &str) {
        let _ = self.0.set(name.to_owned());
    }

    /// Its name, once it is known.
    pub fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
