//! Context keys from AWS KMS. KMS creates and wraps a key, and unwraps it for callers with permission.

use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use hushvec::{Error, Format, Key, KeyProvider};
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use zeroize::Zeroizing;

/// A connection to AWS KMS, with credentials.
pub type KmsClient = aws_sdk_kms::Client;

/// The time limit of a call to KMS, including retries.
const TIME: Duration = Duration::from_secs(60);

/// A key provider whose random key is wrapped and unwrapped by AWS KMS. Contexts are interchangeable with those of
/// `AWSKMSKeyProvider` in hushvec's Python package and in XTrace's SDK.
///
/// KMS is called once, when the key is first needed. The key is then kept in memory until the provider is dropped, and
/// wiped. The provider may be used from asynchronous code, but blocks during the call.
///
/// ```no_run
/// use hushvec::ExecutionContext;
/// use hushvec_client::AwsKmsKeyProvider;
///
/// let client = AwsKmsKeyProvider::client_from_environment()?;
/// let provider = AwsKmsKeyProvider::create(client.clone(), "alias/search")?;
/// ExecutionContext::builder().path("ctx.json").create(provider)?;
///
/// let provider = AwsKmsKeyProvider::new(client, "alias/search");
/// let context = ExecutionContext::load_from_disk("ctx.json".as_ref(), &provider)?;
/// # Ok::<(), hushvec::Error>(())
/// ```
pub struct AwsKmsKeyProvider {
    client: KmsClient,
    key_id: String,
    wrapped: Option<Vec<u8>>,
    key: OnceLock<Key>,
}

impl fmt::Debug for AwsKmsKeyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKmsKeyProvider").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl AwsKmsKeyProvider {
    /// Creates a provider that opens existing contexts, whose keys were wrapped by the KMS key `key_id` (an id, ARN or
    /// alias). It has no key of its own.
    #[must_use]
    pub fn new(client: KmsClient, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into(), wrapped: None, key: OnceLock::new() }
    }

    /// Asks KMS to create a key for a new context.
    ///
    /// # Errors
    /// [`Error::KeyProvider`] if KMS fails or cannot be reached.
    pub fn create(client: KmsClient, key_id: impl Into<String>) -> Result<Self, Error> {
        let provider = Self::new(client, key_id);
        let request = provider.client.generate_data_key().key_id(&provider.key_id).key_spec(DataKeySpec::Aes256);
        let made = blocking(request.send())?.map_err(|error| refused("create a key", &error))?;
        let key = key_of(made.plaintext)?;
        let wrapped = made.ciphertext_blob.ok_or_else(|| unusable("the reply lacks its wrapped form"))?.into_inner();
        Ok(Self { wrapped: Some(wrapped), key: OnceLock::from(key), ..provider })
    }

    /// Creates a connection with the settings of the AWS CLI: credentials, region and endpoint from the environment,
    /// `~/.aws` or the machine.
    ///
    /// # Errors
    /// [`Error::KeyProvider`] if no thread can be started.
    pub fn client_from_environment() -> Result<KmsClient, Error> {
        let tls = Provider::Rustls(CryptoMode::Ring);
        let http = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
        let timeouts = TimeoutConfig::builder().operation_timeout(TIME).build();
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http).timeout_config(timeouts);
        Ok(KmsClient::new(&blocking(loader.load())?))
    }
}

impl KeyProvider for AwsKmsKeyProvider {
    fn provider_id(&self) -> &'static str {
        "aws_kms"
    }

    fn get_key(&self) -> Result<Key, Error> {
        if let Some(key) = self.key.get() {
            return Ok(key.clone());
        }
        let Some(wrapped) = &self.wrapped else {
            let reason = "the AWS KMS provider has no key; create a new context with AwsKmsKeyProvider::create";
            return Err(Error::KeyProvider(reason.to_owned()));
        };
        let request = self.client.decrypt().ciphertext_blob(Blob::new(wrapped.clone())).key_id(&self.key_id);
        let opened = blocking(request.send())?.map_err(|error| refused("unwrap the key", &error))?;
        let key = key_of(opened.plaintext)?;
        Ok(self.key.get_or_init(|| key).clone())
    }

    fn wrap_key(&self) -> Vec<u8> {
        self.wrapped.clone().unwrap_or_default()
    }

    fn from_wrapped(&self, _: Format, wrapped: &[u8]) -> Result<Arc<dyn KeyProvider>, Error> {
        let key = match &self.wrapped {
            // The same key: KMS need not be called again.
            Some(own) if own == wrapped => self.key.clone(),
            _ => OnceLock::new(),
        };
        let (client, key_id) = (self.client.clone(), self.key_id.clone());
        Ok(Arc::new(Self { client, key_id, wrapped: Some(wrapped.to_vec()), key }))
    }
}

/// Waits on a new thread, because the caller may run inside an async runtime, where blocking on a future panics.
fn blocking<T: Send>(work: impl Future<Output = T> + Send) -> Result<T, Error> {
    let failed = || Error::KeyProvider("cannot call AWS KMS: no thread could be started".to_owned());
    std::thread::scope(|scope| {
        let asked = std::thread::Builder::new().name("aws-kms".to_owned()).spawn_scoped(scope, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(work)).map_err(|_| failed())
        });
        asked.map_err(|_| failed())?.join().map_err(|_| failed())?
    })
}

fn key_of(plaintext: Option<Blob>) -> Result<Key, Error> {
    let bytes = Zeroizing::new(plaintext.map(Blob::into_inner).unwrap_or_default());
    let mut key = Key::default();
    if bytes.len() != key.len() {
        return Err(unusable(&format!("it has {} bits, expected 256", 8 * bytes.len())));
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

fn unusable(reason: &str) -> Error {
    Error::KeyProvider(format!("invalid key from AWS KMS: {reason}"))
}

/// Converts an error from KMS, or from the connection. Leaves out the request.
fn refused<E: ProvideErrorMetadata + StdError + 'static, R: fmt::Debug + 'static>(
    what: &str,
    error: &SdkError<E, R>,
) -> Error {
    let reason = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => {
            let mut cause: &dyn StdError = error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            cause.to_string()
        }
    };
    Error::KeyProvider(format!("AWS KMS failed to {what}: {reason}"))
}
