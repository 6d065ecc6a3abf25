//! The public interface of the execution context, for all schemes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "context/content.rs"]
mod content;
#[path = "context/files.rs"]
mod files;
#[path = "context/identity.rs"]
mod identity;
#[path = "common/keys.rs"]
mod keys;
#[path = "context/making.rs"]
mod making;
#[path = "context/remote.rs"]
mod remote;
#[path = "context/secrets.rs"]
mod secrets;
#[path = "context/vectors.rs"]
mod vectors;

use hushvec::ExecutionContext;
use keys::FixedKeyProvider;

/// Serializes a context and loads it again.
fn reopen(context: &ExecutionContext) -> ExecutionContext {
    let text = context.serialize_exec_context().unwrap();
    ExecutionContext::from_serialized(&text, &FixedKeyProvider::default(), None).unwrap()
}
