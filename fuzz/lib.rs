//! Shared code of the fuzz targets.

pub mod packed_file;

use hushvec::{Error, ExecutionContext, Format, Key, KeyProvider};
use std::path::PathBuf;
use std::sync::Arc;

/// A provider whose key takes no time to derive.
#[derive(Debug, Clone)]
pub struct FixedKeyProvider(pub Vec<u8>);

impl KeyProvider for FixedKeyProvider {
    fn provider_id(&self) -> &str {
        "fixed"
    }

    fn get_key(&self) -> Result<Key, Error> {
        Ok([7; 32].into())
    }

    fn wrap_key(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn from_wrapped(&self, _: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error> {
        Ok(Arc::new(Self(wrapped.to_vec())))
    }
}

/// Loads a context of any format, and accepts weak keys.
///
/// # Errors
/// Any error of loading.
pub fn load(text: &str) -> Result<ExecutionContext, Error> {
    let loader = ExecutionContext::loader().allow_weak(true).threads(std::num::NonZeroUsize::new(1));
    loader.from_serialized(text, &FixedKeyProvider(Vec::new()))
}

/// Loads the context that the seeds of the corpus belong to.
///
/// # Panics
/// If the seed is missing or invalid.
pub fn context() -> ExecutionContext {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/context/subgroup.json");
    let text = std::fs::read_to_string(path).expect("the seed exists");
    load(&text).expect("the seed is a context")
}

/// Writes bytes to a file of this process, in memory if the system has /dev/shm.
///
/// # Panics
/// If the file cannot be written.
pub fn file_with(bytes: &[u8]) -> PathBuf {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let path = folder.join(format!("hushvec-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("the file can be written");
    path
}
