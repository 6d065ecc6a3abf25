//! Public contexts, the files that an evaluator needs: a public key and its configuration.

use super::parameters::{Parameters, Scheme};
use super::public_key::{Elements, PublicId, PublicKey};
use crate::atomic_file;
use crate::destination::Content;
use crate::error::Error;
use num_bigint::BigUint;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::Path;
use std::sync::Arc;

/// The largest public context file that is read: a key_len of 4096 needs 13 KiB.
const LARGEST_FILE: u64 = 1 << 20;

/// A public key with its configuration, for an evaluator.
#[derive(Debug, Clone)]
pub struct PublicContext {
    key: Arc<PublicKey>,
}

/// The scheme and its sizes as files hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) scheme: String,
    pub(crate) embedding_length: usize,
    pub(crate) key_len: usize,
    pub(crate) alpha_len: Option<usize>,
}

/// The numbers of a public key as files hold them: lower-case hexadecimal without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbers {
    pub(crate) n: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) g: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) g_n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) h_n: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    config: Config,
    public_key: Numbers,
    public_id: String,
}

/// The field `format` of a public context of any scheme.
pub(crate) const PUBLIC_FORMAT: &str = "hushvec-public-context";
pub(crate) const PUBLIC_VERSION: u32 = 1;

impl Config {
    pub(crate) fn of(parameters: &Parameters) -> Self {
        Self {
            scheme: parameters.scheme().name().to_owned(),
            embedding_length: parameters.embedding_length(),
            key_len: parameters.key_len(),
            alpha_len: parameters.alpha_len(),
        }
    }

    pub(crate) fn parameters(&self) -> Result<Parameters, Error> {
        let scheme: Scheme = self.scheme.parse()?;
        Parameters::new(scheme, self.embedding_length, self.key_len, self.alpha_len)
    }
}

impl Numbers {
    pub(crate) fn of(key: &PublicKey) -> Self {
        let hex = |x: &BigUint| format!("{x:x}");
        let (mut g, mut g_n, mut h_n) = (None, None, None);
        match key.elements() {
            Elements::Paillier => {}
            Elements::Lookup { g: generator, g_n: noise } => (g, g_n) = (Some(hex(generator)), Some(hex(noise))),
            Elements::Subgroup { h_n: noise } => h_n = Some(hex(noise)),
        }
        Self { n: hex(key.n()), g, g_n, h_n }
    }

    pub(crate) fn public_key(&self, parameters: Parameters) -> Result<Arc<PublicKey>, Error> {
        let number = |field: &'static str, text: &str| {
            let canonical = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) && !text.starts_with('0');
            let number = if canonical && text.len() <= parameters.key_len() { parse_hex(text) } else { None };
            number.ok_or_else(|| Error::Context {
                field,
                reason: "is not a lower-case hexadecimal number of the right length".to_owned(),
            })
        };
        let elements = match (parameters.scheme(), &self.g, &self.g_n, &self.h_n) {
            (Scheme::Paillier, None, None, None) => Elements::Paillier,
            (Scheme::PaillierLookup, Some(g), Some(g_n), None) => {
                Elements::Lookup { g: number("g", g)?, g_n: number("g_n", g_n)? }
            }
            (Scheme::PaillierSubgroup, None, None, Some(h_n)) => Elements::Subgroup { h_n: number("h_n", h_n)? },
            _ => {
                let reason = "does not have the numbers of its scheme".to_owned();
                return Err(Error::Context { field: "public_key", reason });
            }
        };
        PublicKey::new(parameters, number("n", &self.n)?, elements)
    }
}

fn parse_hex(text: &str) -> Option<BigUint> {
    BigUint::parse_bytes(text.as_bytes(), 16)
}

/// The field `format` of an owner's context in the native format.
pub(crate) const CONTEXT_FORMAT: &str = "hushvec-context";
pub(crate) const CONTEXT_VERSION: u32 = 1;

/// The fields that documents of all versions have.
#[derive(Deserialize)]
struct Stamp {
    format: String,
    version: serde_json::Number,
}

/// Checks the format and version before the rest of a document is parsed, since another version may have other
/// fields. A document without them passes: parsing it reports what is missing.
///
/// # Errors
/// [`Error::Context`] if the document has another format or version.
pub(crate) fn check_version<'de, D: Deserializer<'de>>(document: D, format: &str, version: u32) -> Result<(), Error> {
    match Stamp::deserialize(document) {
        Ok(found) if found.format != format || found.version.as_u64() != Some(u64::from(version)) => {
            let reason = format!(
                "is {:?} version {}; this build reads {format} version {version}. If the version is higher, read it with a newer \
                 hushvec",
                found.format, found.version
            );
            Err(Error::context("format", reason))
        }
        _ => Ok(()),
    }
}

impl PublicContext {
    pub(crate) fn new(key: Arc<PublicKey>) -> Self {
        Self { key }
    }

    /// Returns the key.
    pub fn key(&self) -> &Arc<PublicKey> {
        &self.key
    }

    /// Returns the scheme and its sizes.
    pub fn parameters(&self) -> &Parameters {
        self.key.parameters()
    }

    /// Returns the public id, a SHA-256 that indexes, queries and responses contain.
    pub fn public_id(&self) -> PublicId {
        self.key.id()
    }

    /// Checks that this is the expected context, by its public id. The id covers all numbers of the key and the sizes.
    ///
    /// # Errors
    /// [`Error::WrongContext`] if it has another public id.
    pub fn check_id(&self, expected: &str) -> Result<(), Error> {
        let actual = self.public_id().to_string();
        if actual == expected {
            return Ok(());
        }
        Err(Error::WrongContext { expected: expected.to_owned(), actual })
    }

    /// Writes the public context as JSON text.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<String, Error> {
        let document = Document {
            format: PUBLIC_FORMAT.to_owned(),
            version: PUBLIC_VERSION,
            config: Config::of(self.parameters()),
            public_key: Numbers::of(&self.key),
            public_id: self.public_id().to_string(),
        };
        let mut text = serde_json::to_string_pretty(&document).map_err(|error| Error::format(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads the text that [`PublicContext::to_json`] wrote. Weak keys are refused unless `allow_weak`.
    ///
    /// # Errors
    /// [`Error::Context`] if fields are wrong or contradict each other; [`Error::WeakKey`].
    pub fn from_json(text: &str, allow_weak: bool) -> Result<Self, Error> {
        check_version(&mut serde_json::Deserializer::from_str(text), PUBLIC_FORMAT, PUBLIC_VERSION)?;
        let document: Document = serde_json::from_str(text).map_err(|error| Error::Context {
            field: "the public context",
            reason: format!("is malformed: {error}"),
        })?;
        let parameters = document.config.parameters()?;
        parameters.check_strength(allow_weak)?;
        let key = document.public_key.public_key(parameters)?;
        if key.id().to_string() != document.public_id {
            let reason = "is not the SHA-256 of the rest: the file was changed".to_owned();
            return Err(Error::Context { field: "public_id", reason });
        }
        Ok(Self { key })
    }

    /// Returns whether a text, damaged or not, is meant to be a public context.
    #[cfg(feature = "owner")]
    pub(crate) fn is_named_in(text: &str) -> bool {
        text.len() as u64 <= LARGEST_FILE && text.contains(PUBLIC_FORMAT)
    }

    /// Writes the public context to a file, atomically.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        atomic_file::write(path, Content::PublicContext, self.to_json()?.as_bytes())
    }

    /// Reads a public context from a file. Weak keys are refused unless `allow_weak`.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`PublicContext::from_json`], naming the file.
    pub fn load(path: &Path, allow_weak: bool) -> Result<Self, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        Self::from_json(&text, allow_weak).map_err(|error| error.in_file(path))
    }
}
