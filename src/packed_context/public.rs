//! Public contexts of packed search, which are all that an evaluator needs.

use crate::atomic_file;
use crate::destination::Content;
use crate::error::Error;
use crate::paillier::public_context::{PUBLIC_FORMAT, PUBLIC_VERSION, check_version};
use crate::paillier::public_key::PublicId;
use crate::rlwe::packed::{EvaluationKey, Metric, Parameters};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// The largest public context file that is read. Evaluation keys have up to 1.7 MB.
const LARGEST_FILE: u64 = 4 << 20;

/// The name of the scheme on the command line and in files.
pub(crate) const SCHEME: &str = "packed";

/// The parameters of a context as files hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    scheme: String,
    metric: String,
    embedding_length: usize,
    /// The length that vectors are scaled to, for inner products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<u32>,
}

impl Config {
    pub(crate) fn of(parameters: &Parameters) -> Self {
        let metric = parameters.metric();
        let length = match metric {
            Metric::Hamming => None,
            Metric::InnerProduct { length } => Some(length),
        };
        let embedding_length = parameters.dimensions();
        Self { scheme: SCHEME.to_owned(), metric: metric.name().to_owned(), embedding_length, length }
    }

    pub(crate) fn parameters(&self) -> Result<Parameters, Error> {
        if self.scheme != SCHEME {
            return Err(Error::UnknownScheme { name: self.scheme.clone() });
        }
        let metric = match (self.metric.as_str(), self.length) {
            ("hamming", None) => return Parameters::hamming(self.embedding_length),
            ("inner_product", Some(length)) => return Parameters::inner_product(self.embedding_length, length),
            ("inner_product", None) => "inner_product without a length".to_owned(),
            (metric, _) => format!("{metric:?}"),
        };
        let reason =
            format!("has the metric {metric}; this build knows \"hamming\", and \"inner_product\" with a length");
        Err(Error::Context { field: "config", reason })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    config: Config,
    evaluation_key: String,
    public_id: String,
}

/// The public part of a context of packed search: the parameters and the evaluation key. Clones are cheap.
#[derive(Debug, Clone)]
pub struct PackedPublicContext {
    key: Arc<EvaluationKey>,
    id: PublicId,
}

/// Returns the public id of a key: the SHA-256 of its parameters and its evaluation key.
pub(crate) fn public_id(parameters: &Parameters, evaluation_key: &[u8]) -> PublicId {
    let mut hash = Sha256::new();
    hash.update(b"hushvec packed context 1\0");
    for number in parameters.numbers() {
        hash.update(number.to_le_bytes());
    }
    hash.update(evaluation_key);
    PublicId(hash.finalize().into())
}

impl PackedPublicContext {
    /// Wraps an evaluation key.
    pub fn new(key: EvaluationKey) -> Self {
        let id = public_id(key.parameters(), key.to_bytes());
        Self { key: Arc::new(key), id }
    }

    /// Returns the evaluation key.
    pub fn evaluation_key(&self) -> &EvaluationKey {
        &self.key
    }

    /// Returns the parameters.
    pub fn parameters(&self) -> &Parameters {
        self.key.parameters()
    }

    /// Returns the public id, a SHA-256 that indexes, queries and responses contain.
    pub fn public_id(&self) -> PublicId {
        self.id
    }

    /// Checks that this is the expected context, by its public id.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if it has another public id.
    pub fn check_id(&self, expected: &str) -> Result<(), Error> {
        check_id(self.id, expected)
    }

    /// Returns the public context as JSON text.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<String, Error> {
        let document = Document {
            format: PUBLIC_FORMAT.to_owned(),
            version: PUBLIC_VERSION,
            config: Config::of(self.parameters()),
            evaluation_key: STANDARD.encode(self.key.to_bytes()),
            public_id: self.id.to_string(),
        };
        let mut text = serde_json::to_string_pretty(&document).map_err(|error| Error::format(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads the text that [`PackedPublicContext::to_json`] returned.
    ///
    /// # Errors
    /// [`Error::Context`] if fields are wrong or contradict each other; [`Error::Format`] if the evaluation key is
    /// damaged; [`Error::Parameter`].
    pub fn from_json(text: &str) -> Result<Self, Error> {
        check_version(&mut serde_json::Deserializer::from_str(text), PUBLIC_FORMAT, PUBLIC_VERSION)?;
        let document: Document = serde_json::from_str(text).map_err(|error| Error::Context {
            field: "the public context",
            reason: format!("is malformed: {error}"),
        })?;
        let parameters = document.config.parameters()?;
        let bytes = STANDARD.decode(&document.evaluation_key);
        let bytes =
            bytes.map_err(|_| Error::Context { field: "evaluation_key", reason: "is not base64".to_owned() })?;
        let context = Self::new(EvaluationKey::from_bytes(&parameters, bytes)?);
        if context.id.to_string() != document.public_id {
            let reason = "is not the SHA-256 of the rest: the file was changed".to_owned();
            return Err(Error::Context { field: "public_id", reason });
        }
        Ok(context)
    }

    /// Returns whether a text, damaged or not, is meant to be a public context.
    #[cfg(feature = "owner")]
    pub(crate) fn is_named_in(text: &str) -> bool {
        text.get(..128).unwrap_or(text).contains(PUBLIC_FORMAT)
    }

    /// Writes the public context to a file, atomically.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Occupied`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        atomic_file::write(path, Content::PublicContext, self.to_json()?.as_bytes())
    }

    /// Reads a public context from a file.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`PackedPublicContext::from_json`], naming the file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        Self::from_json(&text).map_err(|error| error.in_file(path))
    }
}

/// Returns whether a text is a context of packed search, by the configuration at its beginning.
#[cfg(feature = "owner")]
pub(crate) fn is_packed(text: &str) -> bool {
    let start: Vec<u8> = text.bytes().take(512).filter(|byte| !byte.is_ascii_whitespace()).collect();
    let scheme = format!("\"scheme\":\"{SCHEME}\"");
    start.windows(scheme.len()).any(|window| window == scheme.as_bytes())
}

/// Checks a public id.
pub(super) fn check_id(actual: PublicId, expected: &str) -> Result<(), Error> {
    let actual = actual.to_string();
    if actual == expected {
        return Ok(());
    }
    Err(Error::WrongContext { expected: expected.to_owned(), actual })
}
