//! The HTTP server of hushvec: an unmodified XTrace SDK stores contexts and chunks in it and searches them.
//!
//! It is built on the library without the feature `owner`, so that there is nothing in it that could hold a secret key.

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
