//! The execution context: the owner's keys, protected by a key provider, with an id.

pub mod format;
pub mod key_provider;
pub(crate) mod native;
pub(crate) mod open_devices;
pub mod remote;

use crate::bit_matrix::BitMatrix;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::device::report::{DeviceReport, GpuTimes};
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::ciphertext::{Ciphertext, Ciphertexts};
use crate::paillier::client::{Client, HomomorphicClient};
use crate::paillier::evaluate;
use crate::paillier::parameters::{Parameters, Scheme};
use crate::paillier::plaintext::Plaintext;
use crate::paillier::public_context::PublicContext;
use crate::paillier::public_key::{PublicId, PublicKey};
use format::Format;
use key_provider::KeyProvider;
use open_devices::OpenDevices;
use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

/// The root secret of an encrypted collection: a homomorphic client whose secret key decrypts distances, and a key
/// for document content. A key provider protects both.
///
/// Contexts are equal, and have equal hashes, if their public ids are equal. The device, the format, the passphrase
/// and an explicit context id are ignored.
///
/// ```no_run
/// use hushvec::{BitMatrix, Device, Evaluator, ExecutionContext, HomomorphicClient, PassphraseKeyProvider, Scheme};
///
/// let ctx = ExecutionContext::builder().scheme(Scheme::Paillier).embedding_length(4).key_len(1024)
///     .device(Device::Auto).create(PassphraseKeyProvider::new("correct horse")?)?;
/// let vectors = BitMatrix::from_rows(4, [[0, 1, 1, 0], [1, 1, 1, 1]])?;
/// let index = ctx.encrypt_vec_batch(&vectors)?;
/// let query = ctx.encrypt_vec_one(&[0, 1, 1, 1])?;
///
/// let evaluator = Evaluator::open(&ctx.public_context(), Device::Auto)?; // needs no secret
/// let response = evaluator.hamming_batch(&query, &index)?;
/// assert_eq!(ctx.decode_hamming_client_batch(&response)?, [1, 1]);
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Debug)]
pub struct ExecutionContext {
    pub(crate) client: Arc<Client>,
    pub(crate) devices: OpenDevices,
    pub(crate) format: Format,
    pub(crate) key_provider: Arc<dyn KeyProvider>,
    /// Encrypts document content in the native format. XTrace's format uses the provider's key instead.
    pub(crate) content_key: EnvelopeKey,
    /// The explicit id, if the caller gave one.
    pub(crate) context_id: Option<String>,
    /// The cached [`ExecutionContext::hash`], if it is computed from the secret key.
    pub(crate) secret_hash: OnceLock<String>,
}

impl PartialEq for ExecutionContext {
    fn eq(&self, other: &Self) -> bool {
        let Self { client, devices: _, format: _, key_provider: _, content_key: _, context_id: _, secret_hash: _ } =
            self;
        client.public_key().id() == other.public_id()
    }
}

impl Eq for ExecutionContext {}

impl Hash for ExecutionContext {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.public_id().hash(state);
    }
}

impl ExecutionContext {
    /// Returns the keys.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the public key.
    pub fn public_key(&self) -> &Arc<PublicKey> {
        self.client.public_key()
    }

    /// Returns the public context, which is all that an evaluator needs: the public key with its configuration.
    pub fn public_context(&self) -> PublicContext {
        PublicContext::new(Arc::clone(self.public_key()))
    }

    /// Returns the SHA-256 of the canonical public key and configuration. An evaluator can compute it too.
    pub fn public_id(&self) -> PublicId {
        self.public_key().id()
    }

    /// Returns the format that the context is stored in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the scheme and its sizes.
    pub fn parameters(&self) -> &Parameters {
        self.client.parameters()
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.parameters().scheme()
    }

    /// Returns the number of dimensions of a vector.
    pub fn embed_len(&self) -> usize {
        self.parameters().embedding_length()
    }

    /// Returns the length of each prime, in bits.
    pub fn key_len(&self) -> usize {
        self.parameters().key_len()
    }

    /// Returns the requested device.
    pub fn device(&self) -> &Device {
        self.devices.public.device()
    }

    /// Returns the open device, which other contexts can share ([`Loader::open_device`](crate::Loader::open_device)).
    pub fn open_device(&self) -> &OpenDevice {
        &self.devices.public
    }

    /// Returns whether all work that needs a secret runs on the CPU, whatever the device.
    pub fn secrets_on_cpu(&self) -> bool {
        self.devices.secrets_on_cpu
    }

    /// Switches to another device, with `threads` threads; `None` is one thread per core.
    ///
    /// # Errors
    /// [`Error::Device`] if the device cannot be used; the context then keeps its device.
    pub fn set_device(&mut self, device: Device, threads: Option<NonZeroUsize>) -> Result<(), Error> {
        self.use_device(OpenDevice::open(device, threads)?);
        Ok(())
    }

    /// Returns the same context on another device, with `threads` threads; `None` is one thread per core. The keys
    /// are shared, not copied, and [`ExecutionContext::secrets_on_cpu`] is kept.
    ///
    /// # Errors
    /// [`Error::Device`] if the device cannot be used.
    pub fn on_device(&self, device: Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        Ok(self.on(OpenDevice::open(device, threads)?))
    }

    /// Returns the same context on an open device, as [`ExecutionContext::on_device`] does. The threads and the GPU
    /// are shared with all other users of the open device.
    pub fn on(&self, device: OpenDevice) -> Self {
        let Self { client, devices, format, key_provider, content_key, context_id, secret_hash } = self;
        Self {
            client: Arc::clone(client),
            devices: OpenDevices::new(device, devices.secrets_on_cpu),
            format: *format,
            key_provider: Arc::clone(key_provider),
            content_key: content_key.clone(),
            context_id: context_id.clone(),
            secret_hash: secret_hash.clone(),
        }
    }

    /// Switches to an open device. Its threads and GPU are shared with all its other users.
    pub fn use_device(&mut self, device: OpenDevice) {
        self.devices = OpenDevices::new(device, self.devices.secrets_on_cpu);
    }

    /// Reports on the device that computes with the secret key.
    pub fn device_report(&self) -> DeviceReport {
        DeviceReport { asked: self.device().to_string(), ..self.devices.secret.report() }
    }

    /// Returns how the GPU spent its time; `None` on the CPU.
    pub fn gpu_times(&self) -> Option<GpuTimes> {
        self.devices.secret.gpu_times()
    }

    /// Returns the device for work that needs the secret key.
    pub(crate) fn secret_device(&self) -> &OpenDevice {
        &self.devices.secret
    }

    /// Returns the device for work that does not need the secret key.
    pub(crate) fn public_device(&self) -> &OpenDevice {
        &self.devices.public
    }

    /// Encrypts an integer below n.
    ///
    /// # Errors
    /// [`Error::Plaintext`] if the integer is not below n; [`Error::Random`].
    pub fn encrypt(&self, plaintext: &Plaintext) -> Result<Ciphertext, Error> {
        self.client.encrypt(self.secret_device(), plaintext)
    }

    /// Decrypts an integer.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`] if the ciphertext was not made with this key.
    pub fn decrypt(&self, ciphertext: &Ciphertext) -> Result<Plaintext, Error> {
        self.client.decrypt(self.secret_device(), ciphertext)
    }

    /// Decrypts vectors that [`HomomorphicClient::encrypt_vec_batch`] encrypted, on all cores. Always runs on the CPU.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`], naming the first ciphertext that does not hold a vector.
    pub fn decrypt_vec_batch(&self, ciphertexts: &Ciphertexts) -> Result<BitMatrix, Error> {
        self.client.decrypt_vectors(self.secret_device(), ciphertexts)
    }

    /// Computes `Enc(a + b mod n)` from `Enc(a)` and `Enc(b)`.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, Error> {
        evaluate::add(self.public_key(), self.public_device(), a, b)
    }

    /// Computes `Enc(a + b mod n)` from `Enc(a)` and b, without fresh noise.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
    pub fn add_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
        evaluate::add_plain(self.public_key(), self.public_device(), a, b)
    }

    /// Computes `Enc(a·b mod n)` from `Enc(a)` and b, without fresh noise.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
    pub fn mul_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
        evaluate::mul_plain(self.public_key(), self.public_device(), a, b)
    }

    /// Reads and checks ciphertexts given as little-endian integers: see [`Ciphertexts::from_integers`].
    ///
    /// # Errors
    /// [`Error::Ciphertext`], naming the first invalid ciphertext; [`Error::Format`] if the last one is incomplete.
    pub fn import(&self, integers: &[u8]) -> Result<Ciphertexts, Error> {
        Ciphertexts::from_integers(self.public_key(), self.public_device(), integers)
    }

    /// Writes ciphertexts as little-endian integers, one after the other: see [`Ciphertexts::to_integers`].
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn integers(&self, ciphertexts: &Ciphertexts) -> Result<Vec<u8>, Error> {
        ciphertexts.to_integers(self.public_key(), self.public_device())
    }
}

impl HomomorphicClient for ExecutionContext {
    fn encrypt_vec_one(&self, vector: &[u8]) -> Result<Ciphertext, Error> {
        let vectors = BitMatrix::from_rows(self.embed_len(), [vector])?;
        let encrypted = self.encrypt_vec_batch(&vectors)?;
        encrypted.get(0).ok_or(Error::Missing("no vector was given"))
    }

    fn encrypt_vec_batch(&self, vectors: &BitMatrix) -> Result<Ciphertexts, Error> {
        self.client.encrypt_vectors(self.secret_device(), vectors)
    }

    fn decode_hamming_client_one(&self, ciphertext: &Ciphertext) -> Result<u32, Error> {
        let batch = Ciphertexts::from_ciphertexts(self.public_key(), [ciphertext])?;
        let distances = self.decode_hamming_client_batch(&batch)?;
        distances.first().copied().ok_or(Error::Missing("no ciphertext was given"))
    }

    fn decode_hamming_client_batch(&self, ciphertexts: &Ciphertexts) -> Result<Vec<u32>, Error> {
        self.client.decode_hamming(self.secret_device(), ciphertexts)
    }
}
