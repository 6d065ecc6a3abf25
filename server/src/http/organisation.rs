//! The organisation of a request, for the log and the metrics.

use std::sync::{Arc, OnceLock};

/// The organisation of a request, set when the request is authenticated.
#[derive(Clone, Default)]
pub struct Organisation(Arc<OnceLock<String>>);

impl Organisation {
    /// Sets the name.
    pub fn set(&self, name: &str) {
        let _ = self.0.set(name.to_owned());
    }

    /// Returns the name, or `None` before authentication.
    pub fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
