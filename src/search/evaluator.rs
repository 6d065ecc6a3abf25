//! The evaluator: aggregates queries with stored vectors, with the public key alone.

use super::index::Index;
use super::query::Query;
use super::response::ResponseWriter;
use crate::bignum::batch::Rows;
use crate::bit_matrix::BitMatrix;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::device::report::{DeviceReport, GpuTimes};
use crate::error::Error;
use crate::paillier::ciphertext::{Ciphertext, Ciphertexts};
use crate::paillier::kernels::hamming_aggregate::Resident;
use crate::paillier::kernels::hamming_aggregate::hamming_aggregate_resident;
use crate::paillier::plaintext::Plaintext;
use crate::paillier::public_context::PublicContext;
use crate::paillier::public_key::PublicKey;
use crate::paillier::{encrypt, evaluate};
use crate::progress::Progress;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

/// The most limbs of results to compute before writing them: 64 MiB, or one block's results if those are more.
const MOST_LIMBS: usize = 1 << 23;

/// An index whose vectors are in the memory of the evaluator's GPU, as far as they fit.
#[derive(Debug)]
pub struct ResidentIndex {
    index: Index,
    blocks: Vec<Resident>,
}

impl ResidentIndex {
    /// Returns the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Returns a block's copy in GPU memory.
    pub(super) fn resident(&self, block: usize) -> Option<&Resident> {
        self.blocks.get(block)
    }

    /// Returns how many blocks are in GPU memory.
    pub fn blocks_on_gpu(&self) -> usize {
        self.blocks.iter().filter(|block| block.is_on_gpu()).count()
    }
}

/// Wraps an index without copying it to the GPU.
impl From<Index> for ResidentIndex {
    fn from(index: Index) -> Self {
        Self { index, blocks: Vec::new() }
    }
}

/// Aggregates queries with indexes: a public key on an open device.
#[derive(Debug, Clone)]
pub struct Evaluator {
    public: PublicContext,
    device: OpenDevice,
}

impl Evaluator {
    /// Opens a device for a public context, with one thread per core.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn open(public: &PublicContext, device: Device) -> Result<Self, Error> {
        Self::with_threads(public, device, None)
    }

    /// Like [`Evaluator::open`], with a number of threads.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn with_threads(public: &PublicContext, device: Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        Ok(Self::on(public, &OpenDevice::open(device, threads)?))
    }

    /// Creates an evaluator on a device that is already open.
    pub fn on(public: &PublicContext, device: &OpenDevice) -> Self {
        Self { public: public.clone(), device: device.clone() }
    }

    /// Returns the public context.
    pub fn public_context(&self) -> &PublicContext {
        &self.public
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &Arc<PublicKey> {
        self.public.key()
    }

    /// Reports which device is used.
    pub fn device_report(&self) -> DeviceReport {
        self.device.report()
    }

    /// Returns how the GPU spent its time; `None` on the CPU.
    pub fn gpu_times(&self) -> Option<GpuTimes> {
        self.device.gpu_times()
    }

    pub(crate) fn open_device(&self) -> &OpenDevice {
        &self.device
    }

    /// Encrypts vectors with the public key alone, on all cores.
    ///
    /// # Errors
    /// [`Error::Dimension`] if a vector does not have the key's embedding length; [`Error::Random`].
    pub fn encrypt_vec_batch(&self, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
        encrypt::encrypt_vec_batch(self.public_key(), &self.device, vectors)
    }

    /// Encrypts an integer below n with the public key alone.
    ///
    /// # Errors
    /// [`Error::Plaintext`] if it is not below n; [`Error::Random`].
    pub fn encrypt(&self, plaintext: &Plaintext) -> Result<Ciphertext, Error> {
        encrypt::encrypt(self.public_key(), &self.device, plaintext)
    }

    /// Returns `Enc(a + b mod n)` from `Enc(a)` and `Enc(b)`.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, Error> {
        evaluate::add(self.public_key(), &self.device, a, b)
    }

    /// Returns `Enc(a + b mod n)` from `Enc(a)` and b, without fresh noise.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
    pub fn add_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
        evaluate::add_plain(self.public_key(), &self.device, a, b)
    }

    /// Returns `Enc(a·b mod n)` from `Enc(a)` and b, without fresh noise.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
    pub fn mul_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
        evaluate::mul_plain(self.public_key(), &self.device, a, b)
    }

    /// Aggregates a query with vectors in memory. Returns their encrypted distances, in order.
    ///
    /// # Errors
    /// [`Error::WrongKey`] if query or vectors belong to another key.
    pub fn hamming_batch(&self, query: &Ciphertext, vectors: &Ciphertexts) -> Result<Ciphertexts, Error> {
        evaluate::hamming_batch(self.public_key(), &self.device, query, vectors)
    }

    /// Reads a query file and checks its ciphertexts.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is incomplete or not a query; [`Error::WrongKey`]; [`Error::Ciphertext`].
    pub fn load_query(&self, path: &Path) -> Result<Query, Error> {
        Query::load(path, self.public_key(), &self.device)
    }

    /// Reads and checks ciphertexts from little-endian integers: see [`Ciphertexts::to_integers`].
    ///
    /// # Errors
    /// [`Error::Ciphertext`], naming the first invalid one; [`Error::Format`] if the last one is incomplete.
    pub fn import(&self, integers: &[u8]) -> Result<Ciphertexts, Error> {
        Ciphertexts::from_integers(self.public_key(), &self.device, integers)
    }

    /// Returns ciphertexts as concatenated little-endian integers: see [`Ciphertexts::to_integers`].
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn integers(&self, ciphertexts: &Ciphertexts) -> Result<Vec<u8>, Error> {
        ciphertexts.to_integers(self.public_key(), &self.device)
    }

    /// Aggregates every query with every vector of an index and writes the encrypted distances to a response file.
    ///
    /// It passes over the index once, and its memory does not grow with the index. `progress` counts ciphertexts.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if the index is damaged; [`Error::Io`]; [`Error::Cancelled`]. No response
    /// file is written on error.
    pub fn aggregate(&self, query: &Query, index: &Index, response: &Path, progress: &Progress) -> Result<(), Error> {
        self.aggregate_blocks(query, index, &[], response, progress)
    }

    /// Copies an index to GPU memory, for repeated calls of [`Evaluator::aggregate_resident`]. Blocks that do not fit
    /// stay in the file; on the CPU all of them do.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if the index is damaged.
    pub fn reside(&self, index: Index) -> Result<ResidentIndex, Error> {
        index.check_key(self.public_key())?;
        let blocks: Result<_, Error> = index
            .live_blocks()
            .map(|block| match block? {
                block if block.is_empty() => Ok(Resident::default()),
                block => Ok(Resident::new(&self.device, block.rows())),
            })
            .collect();
        Ok(ResidentIndex { blocks: blocks?, index })
    }

    /// Like [`Evaluator::aggregate`], over an index in GPU memory.
    ///
    /// # Errors
    /// As [`Evaluator::aggregate`].
    pub fn aggregate_resident(
        &self,
        query: &Query,
        index: &ResidentIndex,
        response: &Path,
        progress: &Progress,
    ) -> Result<(), Error> {
        self.aggregate_blocks(query, &index.index, &index.blocks, response, progress)
    }

    fn aggregate_blocks(
        &self,
        query: &Query,
        index: &Index,
        residents: &[Resident],
        response: &Path,
        progress: &Progress,
    ) -> Result<(), Error> {
        let key = self.public_key();
        key.check_id("the query", query.vectors().key_id())?;
        index.check_key(key)?;
        let mut writer = ResponseWriter::create(response, key, query, index.len())?;
        let (mut out, queries) = (Vec::new(), query.vectors().rows());
        let not_resident = Resident::default();
        for (number, block) in index.live_blocks().enumerate() {
            let (block, resident) = (block?, residents.get(number).unwrap_or(&not_resident));
            if block.is_empty() {
                continue;
            }
            let stored = block.rows();
            let answer = stored.limbs().len();
            let at_once = (MOST_LIMBS / answer.max(1)).clamp(1, queries.len().max(1));
            for (group, limbs) in queries.limbs().chunks(at_once * queries.width()).enumerate() {
                progress.check()?;
                let some = Rows::new(limbs, queries.width());
                out.resize(answer * some.len(), 0);
                hamming_aggregate_resident(&self.device, key.modulus(), some, stored, resident, &mut out);
                for (number, answer) in (group * at_once..).zip(out.chunks_exact(answer.max(1))) {
                    writer.write(number, &block.ids, Rows::new(answer, stored.width()))?;
                    progress.add(stored.len() as u64);
                }
            }
        }
        writer.finish()
    }
}
