//! A client of the HTTP interface of `hushvec serve` and of XTrace's service. It stores contexts and encrypted
//! vectors, and searches them.
//!
//! ```no_run
//! use hushvec::{ExecutionContext, HomomorphicClient, PassphraseKeyProvider};
//! use hushvec_client::{Expected, HttpStore, PushedFile, Search};
//!
//! # async fn search() -> Result<(), Box<dyn std::error::Error>> {
//! let store = HttpStore::new("https://search.example.org", "default", "the API key")?;
//! let provider = PassphraseKeyProvider::new("correct horse")?;
//! let context = ExecutionContext::load_from_remote(&store, "the context's id", &provider).await?;
//!
//! let query = context.encrypt_vec_one(&[0, 1, 1, 0])?;
//! let (knowledge_base, context_id) = ("the base's id", &context.id()?);
//! // The local list of stored chunks: the server cannot drop, repeat or add any.
//! let pushed = PushedFile::new("ctx.json.pushed").read(knowledge_base, context_id)?.ok_or("nothing was pushed there")?;
//! let (key, expected) = (context.public_key(), Expected::Pushed(&pushed));
//! let search = Search { knowledge_base, context_id, query: &query, key, filter: None, range: None, expected };
//! let mut answer = store.search(&search).await?;
//! while let Some(block) = answer.next_block(1024).await? {
//!     let distances = context.decode_hamming_client_batch(&context.import(&block.integers)?)?;
//!     for (chunk, distance) in block.chunk_ids.iter().zip(distances) {
//!         println!("{:?} {distance}", pushed.id(*chunk));
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod api_key;
mod api_keys;
#[cfg(feature = "aws-kms")]
mod aws_kms;
mod chunks;
mod contexts;
mod error;
mod exchange;
mod expected;
mod find;
mod http_store;
mod knowledge_bases;
mod pushed;
mod pusher;
mod rows;
mod search;

pub use api_keys::{KeyRecord, Permission};
#[cfg(feature = "aws-kms")]
pub use aws_kms::{AwsKmsKeyProvider, KmsClient};
pub use chunks::{Chunk, MOST_CHUNKS, NewChunk, OnConflict, Stored};
pub use error::{Error, RowsProblem};
pub use expected::Expected;
pub use find::{Fetch, Find, Found, Rerank};
pub use http_store::HttpStore;
pub use knowledge_bases::KnowledgeBase;
pub use pushed::{Pushed, PushedFile, PushedWriter};
pub use pusher::{Push, Pusher, Pushing, SealedContent};
pub use rows::Block;
pub use search::{EncryptedDistances, Search};
