#![doc = include_str!("../README.md")]

mod arith;
mod atomic_file;
mod backend;
#[cfg(test)]
#[cfg(all(feature = "hazmat", feature = "owner", target_arch = "x86_64", target_os = "linux"))]
mod constant_time;
#[cfg(feature = "owner")]
mod context;
mod destination;
mod device;
mod embedding;
#[cfg(feature = "owner")]
mod envelope;
mod error;
mod id;
mod numbers;
mod occupant;
mod paillier;
mod progress;
mod projection;
mod search;

pub use arith::bits::BitMatrix;
pub use backend::devices::{CpuInfo, Devices};
pub use backend::report::{AdapterInfo, DeviceReport, GpuTimes};
pub use device::Device;
pub use embedding::{Embedding, Precision};
pub use error::kind::ErrorKind;
pub use error::{CiphertextProblem, ContentProblem, DecodeProblem, Error, NumberProblem};
pub use id::{Id, IdKind, IdRef};
pub use numbers::encode::MachineNumber;
pub use numbers::encrypted::{Encrypted, EncryptedArray, EncryptedNumber};
pub use numbers::evaluator::NumberEvaluator;
pub use numbers::format::NumberFormat;
pub use numbers::plain::{PlainArray, PlainMatrix};
pub use occupant::Occupant;
pub use paillier::ciphertext::{Ciphertext, Ciphertexts};
pub use paillier::parameters::{Parameters, Scheme};
pub use paillier::plaintext::Plaintext;
pub use paillier::public_context::PublicContext;
pub use paillier::public_key::{PublicId, PublicKey};
pub use progress::Progress;
pub use projection::Projection;
pub use search::evaluator::{Evaluator, OpenDevice, ResidentIndex};
pub use search::ids::Ids;
pub use search::index::compact::Compaction;
pub use search::index::writer::IndexWriter;
pub use search::index::{Index, Recovery};
pub use search::partial::PartialResponse;
pub use search::query::Query;
pub use search::query_id::QueryId;
pub use search::response::Response;
pub use search::shard::Shard;
pub use search::top_k::{Neighbour, TopK};

#[cfg(feature = "owner")]
pub use context::ExecutionContext;
#[cfg(feature = "owner")]
pub use context::builder::Builder;
#[cfg(feature = "owner")]
pub use context::content::XTraceContent;
#[cfg(feature = "owner")]
pub use context::format::Format;
#[cfg(feature = "owner")]
pub use context::key_provider::{Derivation, Key, KeyProvider, PassphraseKeyProvider};
#[cfg(feature = "owner")]
pub use context::loader::{ContextInfo, Loader};
#[cfg(feature = "owner")]
pub use context::remote::{MemoryStore, RemoteStore};
#[cfg(feature = "owner")]
pub use context::tables::Tables;
#[cfg(feature = "owner")]
pub use paillier::attack::RecoveredKey;
#[cfg(feature = "owner")]
pub use paillier::client::{Client, HomomorphicClient};
#[cfg(feature = "owner")]
pub use search::rekey::Rekeyed;

/// The kernels themselves, which check nothing: for benchmarks, parity tests and new backends.
#[cfg(feature = "hazmat")]
pub mod hazmat {
    pub use crate::arith::batch::Rows;
    pub use crate::arith::modulus::Modulus;
    pub use crate::arith::window::Exponent;
    pub use crate::backend::fixed_base::FixedBase;
    #[cfg(feature = "gpu")]
    pub use crate::backend::gpu::{adapter::KernelOptions, fault::Fault};
    pub use crate::backend::weights::Weights;
    pub use crate::backend::{Backend, Resident};
    pub use crate::search::record_file::survey::RecordSurvey;

    #[cfg(feature = "owner")]
    pub use crate::backend::crt_key::{CrtKey, NOT_A_DISTANCE, PrimeKey};
}
