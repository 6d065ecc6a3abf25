#![doc = include_str!("../README.md")]

mod atomic_file;
mod bignum;
mod bit_matrix;
mod compat;
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
mod packed_context;
mod paillier;
mod progress;
mod projection;
mod query_id;
mod ring;
mod rlwe;
mod search;
mod stored;

pub use bit_matrix::BitMatrix;
pub use device::Device;
pub use device::detect::{CpuInfo, Devices};
pub use device::open_device::OpenDevice;
pub use device::report::{AdapterInfo, DeviceReport, GpuTimes};
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
pub use packed_context::public::PackedPublicContext;
pub use paillier::ciphertext::{Ciphertext, Ciphertexts};
pub use paillier::parameters::{Parameters, Scheme};
pub use paillier::plaintext::Plaintext;
pub use paillier::public_context::PublicContext;
pub use paillier::public_key::{PublicId, PublicKey};
pub use progress::Progress;
pub use projection::Projection;
pub use query_id::QueryId;
pub use rlwe::packed;
pub use search::evaluator::{Evaluator, ResidentIndex};
pub use search::ids::Ids;
pub use search::index::compact::Compaction;
pub use search::index::writer::IndexWriter;
pub use search::index::{Index, Recovery};
pub use search::packed::evaluator::PackedEvaluator;
pub use search::packed::index::{Deletion, PackedIndex};
pub use search::packed::query::PackedQuery;
pub use search::packed::response::PackedResponse;
pub use search::partial::PartialResponse;
pub use search::query::Query;
pub use search::response::Response;
pub use search::shard::Shard;
pub use search::top_k::{Neighbour, TopK};

#[cfg(feature = "owner")]
pub use compat::xtrace::content::XTraceContent;
#[cfg(feature = "owner")]
pub use compat::xtrace::tables::Tables;
#[cfg(feature = "owner")]
pub use context::ExecutionContext;
#[cfg(feature = "owner")]
pub use context::format::Format;
#[cfg(feature = "owner")]
pub use context::key_provider::{Key, KeyProvider};
#[cfg(feature = "owner")]
pub use context::remote::{MemoryStore, RemoteStore};
#[cfg(feature = "owner")]
pub use packed_context::owner::PackedContext;
#[cfg(feature = "audit")]
pub use paillier::attack::RecoveredKey;
#[cfg(feature = "owner")]
pub use paillier::client::{Client, HomomorphicClient};
#[cfg(feature = "owner")]
pub use search::packed::nearest::PackedNeighbour;
#[cfg(feature = "owner")]
pub use search::packed::writer::PackedIndexWriter;
#[cfg(feature = "owner")]
pub use search::rekey::Rekeyed;
#[cfg(feature = "owner")]
pub use stored::builder::Builder;
#[cfg(feature = "owner")]
pub use stored::derivation::Derivation;
#[cfg(feature = "owner")]
pub use stored::file::ContextFile;
#[cfg(feature = "owner")]
pub use stored::info::ContextInfo;
#[cfg(feature = "owner")]
pub use stored::loader::Loader;
#[cfg(feature = "owner")]
pub use stored::packed_file::{PackedContextFile, StoredContext};
#[cfg(feature = "owner")]
pub use stored::passphrase::PassphraseKeyProvider;

// Makes doctests of the Rust examples in the guides, as the README's are.
#[cfg(doctest)]
#[doc = include_str!("../docs/guides/encrypted-numbers.md")]
struct EncryptedNumbersGuide;

/// The kernels, which check none of their inputs: for benchmarks, parity tests and new devices.
#[cfg(feature = "hazmat")]
pub mod hazmat {
    pub use crate::bignum::batch::Rows;
    pub use crate::bignum::modulus::Modulus;
    pub use crate::bignum::window::Exponent;
    #[cfg(feature = "gpu")]
    pub use crate::device::gpu::{adapter::Cooperation, adapter::KernelOptions, fault::Fault};
    pub use crate::paillier::kernels::SAMPLERS;
    pub use crate::paillier::kernels::fixed_base::FixedBase;
    pub use crate::paillier::kernels::hamming_aggregate::{
        Resident, hamming_aggregate, hamming_aggregate_integers, hamming_aggregate_resident,
    };
    pub use crate::paillier::kernels::integers::{integers_from_pairs, pairs_from_integers};
    pub use crate::paillier::kernels::messages::add_messages;
    #[cfg(feature = "gpu")]
    pub use crate::paillier::kernels::multi_exp::multi_exp_on_gpu;
    pub use crate::paillier::kernels::multi_exp::multi_exp_vartime;
    pub use crate::paillier::kernels::pair_fixed_base_pow::pair_fixed_base_pow;
    pub use crate::paillier::kernels::pair_mul::pair_mul;
    #[cfg(feature = "gpu")]
    pub use crate::paillier::kernels::pair_mul::pair_mul_on_gpu;
    pub use crate::paillier::kernels::pair_pow::pair_pow;
    pub use crate::paillier::kernels::residue_product::residue_product;
    pub use crate::paillier::kernels::samples::{Sample, Sampler};
    pub use crate::paillier::kernels::weights::Weights;
    #[cfg(all(feature = "gpu", feature = "owner"))]
    pub use crate::paillier::kernels::{SHADERS, gpu::shader::Shader, gpu::shape::Shape};
    pub use crate::ring::basis::Basis;
    pub use crate::ring::kernels::ntt_forward::ntt_forward;
    pub use crate::ring::kernels::ntt_inverse::ntt_inverse;
    pub use crate::ring::ntt::Ntt;
    pub use crate::ring::primes::ntt_primes;
    pub use crate::rlwe::key_switch::{SwitchingKey, key_switch};
    pub use crate::rlwe::packed::kernels::packed_scan::packed_scan;
    #[cfg(feature = "gpu")]
    pub use crate::rlwe::packed::kernels::sources as lattice_shaders;
    pub use crate::search::record_file::survey::RecordSurvey;

    #[cfg(feature = "owner")]
    pub use crate::paillier::kernels::crt_decrypt::crt_decrypt;
    #[cfg(feature = "owner")]
    pub use crate::paillier::kernels::crt_encrypt::crt_encrypt;
    #[cfg(feature = "owner")]
    pub use crate::paillier::kernels::crt_key::{CrtKey, NOT_A_DISTANCE, PrimeKey};
    #[cfg(feature = "owner")]
    pub use crate::paillier::kernels::crt_pow::crt_pow;
    #[cfg(feature = "owner")]
    pub use crate::paillier::kernels::hamming_decode::hamming_decode;
}
