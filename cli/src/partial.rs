//! Files that have another name until they are whole.

use std::path::{Path, PathBuf};

/// The name of a file while it is not whole.
pub fn of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}
