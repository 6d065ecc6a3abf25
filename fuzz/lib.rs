//! What the fuzz targets share.

use hushvec::{Error, ExecutionContext, Format, Key, KeyProvider};
use std::path::PathBuf;
use std::sync::Arc;

/// A provider whose key costs nothing to derive.
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

/// Loads a context of any format as a caller would who accepts weak keys.
///
/// # Errors
/// What loading fails with.
pub fn load(text: &str) -> Result<ExecutionContext, Error> {
    let loader = ExecutionContext::loader().allow_weak(true).threads(std::num::NonZeroUsize::new(1));
    loader.from_serialized(text, &FixedKeyProvider(Vec::new()))
}

/// The context whose files are the seeds of the corpus.
///
/// # Panics
/// If the repository has lost it.
pub fn context() -> ExecutionContext {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/context/subgroup.json");
    let text = std::fs::read_to_string(path).expect("the seed is there");
    load(&text).expect("the seed is a context")
}

/// Writes bytes into a file of this process, in memory where the system has such a place.
///
/// # Panics
/// If they cannot be written.
pub fn file_with(bytes: &[u8]) -> PathBuf {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let path = folder.join(format!("hushvec-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("a file can be written");
    path
}
