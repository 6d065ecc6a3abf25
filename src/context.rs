//! The execution context: an owner's keys, protected by a key provider, under one id.

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

/// The root secret of an encrypted collection: a homomorphic client whose secret key decrypts distances, and a key for
/// document content, both under a key provider.
///
/// Contexts are equal, and hash equal, if their public ids are: the device, the format, the passphrase and a context
/// id given by hand do not count.
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
    /// For document content in the native format. XTrace's has none beside the provider's.
    pub(crate) content_key: EnvelopeKey,
    /// An id given by hand.
    pub(crate) context_id: Option<String>,
    /// [`ExecutionContext::hash`], once it was computed from the secret key.
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
    /// The keys.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The public key.
    pub fn public_key(&self) -> &Arc<PublicKey> {
        self.client.public_key()
    }

    /// What an evaluator needs: the public key with its configuration.
    pub fn public_context(&self) -> PublicContext {
        PublicContext::new(Arc::clone(self.public_key()))
    }

    /// The SHA-256 of the canonical public key and configuration, which an evaluator can compute too.
    pub fn public_id(&self) -> PublicId {
        self.public_key().id()
    }

    /// The format that it is stored in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Scheme and sizes.
    pub fn parameters(&self) -> &Parameters {
        self.client.parameters()
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.parameters().scheme()
    }

    /// Dimensions of a vector.
    pub fn embed_len(&self) -> usize {
        self.parameters().embedding_length()
    }

    /// Length of each prime, in bits.
    pub fn key_len(&self) -> usize {
        self.parameters().key_len()
    }

    /// The device asked for.
    pub fn device(&self) -> &Device {
        self.devices.public.device()
    }

    /// Whether everything that needs a secret is computed on the processor, whatever the device.
    pub fn secrets_on_cpu(&self) -> bool {
        self.devices.secrets_on_cpu
    }

    /// Computes on another device, with `threads` threads or one a core, from now on.
    ///
    /// # Errors
    /// [`Error::Device`] if it cannot be used; then nothing changes.
    pub fn set_device(&mut self, device: Device, threads: Option<NonZeroUsize>) -> Result<(), Error> {
        self.use_device(OpenDevice::open(device, threads)?);
        Ok(())
    }

    /// The same context on another device, with `threads` threads or one a core. The keys are shared, not copied, and
    /// [`ExecutionContext::secrets_on_cpu`] stays as it is.
    ///
    /// # Errors
    /// [`Error::Device`] if the device cannot be used.
    pub fn on_device(&self, device: Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        Ok(self.on(OpenDevice::open(device, threads)?))
    }

    /// The same context on an open device, whose threads and GPU it shares with whoever else computes on it; see
    /// [`ExecutionContext::on_device`].
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

    /// Computes on an open device from now on, whose threads and GPU it shares with whoever else computes on it.
    pub fn use_device(&mut self, device: OpenDevice) {
        self.devices = OpenDevices::new(device, self.devices.secrets_on_cpu);
    }

    /// What the device turned out to be, for what needs the secret key.
    pub fn device_report(&self) -> DeviceReport {
        DeviceReport { asked: self.device().to_string(), ..self.devices.secret.report() }
    }

    /// Where the GPU's time went; `None` on the processor.
    pub fn gpu_times(&self) -> Option<GpuTimes> {
        self.devices.secret.gpu_times()
    }

    /// For what needs the secret key.
    pub(crate) fn secret_device(&self) -> &OpenDevice {
        &self.devices.secret
    }

    /// For what does not.
    pub(crate) fn public_device(&self) -> &OpenDevice {
        &self.devices.public
    }

    /// Encrypts an integer below n.
    ///
    /// # Errors
    /// [`Error::Plaintext`] if it is not below n; [`Error::Random`].
    pub fn encrypt(&self, plaintext: &Plaintext) -> Result<Ciphertext, Error> {
        self.client.encrypt(self.secret_device(), plaintext)
    }

    /// The integer in a ciphertext.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`] if it was not made with this key.
    pub fn decrypt(&self, ciphertext: &Ciphertext) -> Result<Plaintext, Error> {
        self.client.decrypt(self.secret_device(), ciphertext)
    }

    /// The vectors in ciphertexts, as [`HomomorphicClient::encrypt_vec_batch`] encrypted them, on all cores. Always on the
    /// processor.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Decode`], naming the first that holds no vector.
    pub fn decrypt_vec_batch(&self, ciphertexts: &Ciphertexts) -> Result<BitMatrix, Error> {
        self.client.decrypt_vectors(self.secret_device(), ciphertexts)
    }

    /// `Enc(a + b mod n)` from `Enc(a)` and `Enc(b)`.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, Error> {
        evaluate::add(self.public_key(), self.public_device(), a, b)
    }

    /// `Enc(a + b mod n)` from `Enc(a)` and b, without fresh noise.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
    pub fn add_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
        evaluate::add_plain(self.public_key(), self.public_device(), a, b)
    }

    /// `Enc(a·b mod n)` from `Enc(a)` and b, without fresh noise.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Plaintext`] if b is not below n.
    pub fn mul_plain(&self, a: &Ciphertext, b: &Plaintext) -> Result<Ciphertext, Error> {
        evaluate::mul_plain(self.public_key(), self.public_device(), a, b)
    }

    /// Ciphertexts from little-endian integers, checked: see [`Ciphertexts::from_integers`].
    ///
    /// # Errors
    /// [`Error::Ciphertext`], naming the first that cannot be one; [`Error::Format`] if the last is not whole.
    pub fn import(&self, integers: &[u8]) -> Result<Ciphertexts, Error> {
        Ciphertexts::from_integers(self.public_key(), self.public_device(), integers)
    }

    /// The little-endian integers of ciphertexts, one after the other: see [`Ciphertexts::to_integers`].
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
