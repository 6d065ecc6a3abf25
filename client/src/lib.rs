//! A client of the HTTP interface that `hushvec serve` and XTrace's service have: stores contexts and encrypted vectors, and
//! searches them.
//!
//! ```no_run
//! use hushvec::{ExecutionContext, HomomorphicClient, PassphraseKeyProvider};
//! use hushvec_client::{HttpStore, Search};
//!
//! # async fn search() -> Result<(), Box<dyn std::error::Error>> {
//! let store = HttpStore::new("https://search.example.org", "default", "the API key")?;
//! let provider = PassphraseKeyProvider::new("correct horse")?;
//! let context = ExecutionContext::load_from_remote(&store, "the context's id", &provider).await?;
//!
//! let query = context.encrypt_vec_one(&[0, 1, 1, 0])?;
//! let (key, context_id) = (context.public_key(), &context.id()?);
//! let search = Search { knowledge_base: "the base's id", context_id, query: &query, key, filter: None, range: None };
//! let mut answer = store.search(&search).await?;
//! while let Some(block) = answer.next_block(1024).await? {
//!     let distances = context.decode_hamming_client_batch(&context.import(&block.integers)?)?;
//!     println!("{:?} {distances:?}", block.chunk_ids);
//! }
//! # Ok(())
//! # }
//! ```

mod api_key;
#[cfg(feature = "aws-kms")]
mod aws_kms;
mod chunks;
mod contexts;
mod error;
mod exchange;
mod http_store;
mod knowledge_bases;
mod rows;
mod search;

#[cfg(feature = "aws-kms")]
pub use aws_kms::{AwsKmsKeyProvider, KmsClient};
pub use chunks::{Chunk, MOST_CHUNKS, NewChunk};
pub use error::Error;
pub use http_store::HttpStore;
pub use knowledge_bases::KnowledgeBase;
pub use rows::Block;
pub use search::{EncryptedDistances, Search};
