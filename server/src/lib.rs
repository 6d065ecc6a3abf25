//! The HTTP server of hushvec. An unmodified XTrace SDK can store contexts and chunks on it and search them.
//!
//! It uses the library without the feature `owner`, so it has no code that handles secret keys.

mod api_key;
mod bounded;
mod error;
mod filter;
mod http;
mod interrupt;
mod metadata;
mod metrics;
mod options;
mod serve;
mod store;

pub use options::Options;
pub use serve::{Server, router, serve_until_stopped};
