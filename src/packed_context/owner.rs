//! The owner's context of packed search.

use super::public::{PackedPublicContext, check_id, public_id};
use crate::context::key_provider::KeyProvider;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::paillier::public_key::PublicId;
use crate::rlwe::packed::{EvaluationKey, Parameters, SecretKey};
use std::sync::Arc;

/// The owner's context of packed search: a secret key that encrypts vectors and decodes scores, and a key provider that
/// protects it.
///
/// Contexts are equal if their public ids are equal; the device, the key provider and an explicit id are ignored.
///
/// ```no_run
/// use hushvec::packed::{Parameters, Vectors};
/// use hushvec::{BitMatrix, Device, OpenDevice, PackedContext, PackedEvaluator, PackedIndex, PackedIndexWriter};
/// use hushvec::{PassphraseKeyProvider, Progress};
/// use std::path::Path;
/// use std::sync::Arc;
///
/// let provider = Arc::new(PassphraseKeyProvider::new("correct horse")?);
/// let device = OpenDevice::open(Device::Auto, None)?;
/// let context = PackedContext::generate(Parameters::hamming(64)?, device, provider)?;
/// let vectors = BitMatrix::from_rows(64, [[0; 64], [1; 64]])?;
/// let (index, response) = (Path::new("index.hvx"), Path::new("response.hvr"));
/// let mut writer = PackedIndexWriter::create(index, &context)?;
/// writer.append(&Vectors::Bits(&vectors), None)?;
/// writer.sync()?;
/// let query = context.encrypt_queries(&Vectors::Bits(&vectors))?;
///
/// let evaluator = PackedEvaluator::open(&context.public_context()?, Device::Auto)?; // needs no secret
/// evaluator.aggregate(&query, &PackedIndex::open(index)?, response, &Progress::new())?;
/// # Ok::<(), hushvec::Error>(())
/// ```
#[derive(Debug)]
pub struct PackedContext {
    pub(crate) key: Arc<SecretKey>,
    /// Computes what needs no secret. All work with secrets runs on its CPU.
    pub(super) device: OpenDevice,
    pub(super) key_provider: Arc<dyn KeyProvider>,
    /// Encrypts document content.
    pub(super) content_key: EnvelopeKey,
    pub(super) context_id: Option<String>,
    pub(super) public_id: PublicId,
}

impl PartialEq for PackedContext {
    fn eq(&self, other: &Self) -> bool {
        let Self { key: _, device: _, key_provider: _, content_key: _, context_id: _, public_id } = self;
        *public_id == other.public_id
    }
}

impl Eq for PackedContext {}

impl PackedContext {
    /// Generates a new key.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate(
        parameters: Parameters,
        device: OpenDevice,
        key_provider: Arc<dyn KeyProvider>,
    ) -> Result<Self, Error> {
        let key = SecretKey::generate(parameters)?;
        let public_id = public_id(key.parameters(), &key.evaluation_key_bytes(&device)?);
        Ok(Self {
            key: Arc::new(key),
            device,
            key_provider,
            content_key: EnvelopeKey::random()?,
            context_id: None,
            public_id,
        })
    }

    /// Returns the same context with an explicit id.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { context_id: Some(id.into()), ..self }
    }

    /// Returns the same context with another key provider. Use it to change a passphrase.
    #[must_use]
    pub fn with_key_provider(self, key_provider: Arc<dyn KeyProvider>) -> Self {
        Self { key_provider, ..self }
    }

    /// Returns the same context on another device.
    #[must_use]
    pub fn on(self, device: OpenDevice) -> Self {
        Self { device, ..self }
    }

    /// Returns the secret key.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Returns the metric and the number of dimensions.
    pub fn parameters(&self) -> &Parameters {
        self.key.parameters()
    }

    /// Returns the SHA-256 of the parameters and the evaluation key. An evaluator can compute it too.
    pub fn public_id(&self) -> PublicId {
        self.public_id
    }

    /// Returns the explicit id, or else the public id.
    pub fn id(&self) -> String {
        self.context_id.clone().unwrap_or_else(|| self.public_id.to_string())
    }

    /// Returns the requested device.
    pub fn device(&self) -> &Device {
        self.device.device()
    }

    /// Returns the open device, which other contexts can share.
    pub fn open_device(&self) -> &OpenDevice {
        &self.device
    }

    /// Returns the public context, which is all that an evaluator needs.
    ///
    /// # Errors
    /// None in practice.
    pub fn public_context(&self) -> Result<PackedPublicContext, Error> {
        let bytes = self.key.evaluation_key_bytes(&self.device)?;
        Ok(PackedPublicContext::new(EvaluationKey::from_bytes(self.parameters(), bytes)?))
    }

    /// Checks that this is the expected context, by its id or its public id.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if it is another context.
    pub fn check_id(&self, expected: &str) -> Result<(), Error> {
        if self.context_id.as_deref() == Some(expected) {
            return Ok(());
        }
        check_id(self.public_id, expected)
    }
}
