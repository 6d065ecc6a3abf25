//! Files with a temporary name until they are complete.

use std::path::{Path, PathBuf};

/// Returns the name of a file while it is incomplete.
pub fn of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
