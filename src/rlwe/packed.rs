//! Packed search: 4,096 encrypted vectors in one block, and an answer of four bytes per vector.
//!
//! The owner encrypts vectors into [`Block`]s and a query into a [`Query`]. The evaluator, with an [`EvaluationKey`]
//! only, expands the query once and scans any number of blocks. The owner decodes scores: Hamming distances, or inner
//! products with a small known error.
//!
//! docs/packed.md explains the construction and its security.
//!
//! ```
//! # #[cfg(feature = "owner")] {
//! use hushvec::packed::{Parameters, SecretKey, Vectors};
//! use hushvec::{BitMatrix, Device, OpenDevice};
//!
//! let device = OpenDevice::open(Device::Cpu, None)?;
//! let key = SecretKey::generate(Parameters::hamming(64)?)?;
//! let vectors = BitMatrix::from_rows(64, (0..100u8).map(|i| [i % 2; 64].map(|bit| bit & (i / 50))))?;
//! let blocks = key.encrypt(&device, &Vectors::Bits(&vectors))?;
//! let (query, secret) = key.encrypt_query(&device, &Vectors::Bits(&vectors), 99)?;
//!
//! // The evaluator.
//! let evaluation_key = key.evaluation_key(&device)?;
//! let expanded = evaluation_key.expand(&device, &query)?;
//! let response = expanded.scan(&device, &blocks)?;
//!
//! let headers: Vec<_> = blocks.iter().map(|block| block.header()).collect();
//! let distances = key.decode(&device, &secret, &headers, &response)?;
//! assert_eq!(distances[99], 0);
//! assert_eq!(distances[0], 64);
//! # }
//! # Ok::<(), hushvec::Error>(())
//! ```

mod block;
mod bytes;
#[cfg(feature = "owner")]
mod content;
#[cfg(feature = "owner")]
mod decode;
#[cfg(feature = "owner")]
mod decrypt;
#[cfg(feature = "owner")]
mod encrypt;
#[cfg(feature = "owner")]
mod encrypt_query;
mod evaluation_key;
mod expand;
pub(crate) mod kernels;
mod noise;
mod parameters;
#[cfg(feature = "owner")]
mod plain;
mod query;
mod response;
mod scan;
#[cfg(feature = "owner")]
mod secret_key;
mod sizes;

pub use block::{Block, BlockHeader};
#[cfg(feature = "owner")]
pub use content::Vectors;
#[cfg(feature = "owner")]
pub use encrypt_query::QuerySecret;
pub use evaluation_key::EvaluationKey;
pub use expand::ExpandedQuery;
pub use parameters::{Metric, Parameters};
#[cfg(feature = "owner")]
pub use plain::PlainVectors;
#[cfg(feature = "owner")]
pub(crate) use plain::{plain_row, score};
pub use query::Query;
pub use response::Response;
#[cfg(feature = "owner")]
pub use secret_key::SecretKey;

#[cfg(all(test, feature = "owner"))]
mod tests;
