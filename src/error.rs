//! Everything that can go wrong, as one type.

use crate::occupant::Occupant;
use crate::search::id::Id;
use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong, where, and which limit was met. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A modulus that there is no arithmetic for.
    #[error("a modulus of {bits} bits cannot be used: {reason}")]
    Modulus {
        /// Its size in bits, rounded up to 64.
        bits: usize,
        /// Why.
        reason: &'static str,
    },
    /// A parameter outside its limits.
    #[error("{name} = {actual} cannot be used: {limit}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// Its value.
        actual: usize,
        /// What it must be.
        limit: String,
    },
    /// A key too weak to be used without saying so.
    #[error("weak key: {weakness}")]
    WeakKey {
        /// What is weak and what an attacker can do about it.
        weakness: String,
    },
    /// A vector of the wrong length.
    #[error("row {row} has {actual} dimensions, expected {expected}")]
    Dimension {
        /// The row, counted from 0.
        row: u64,
        /// Dimensions that the context was made for.
        expected: usize,
        /// Dimensions that were given.
        actual: usize,
    },
    /// A vector that is not made of zeros and ones.
    #[error("row {row}, column {column} is {value}, expected 0 or 1")]
    NotBinary {
        /// The row, counted from 0.
        row: u64,
        /// The column, counted from 0.
        column: usize,
        /// What is there.
        value: String,
    },
    /// A floating-point vector with a component that is not a number.
    #[error("row {row}, column {column} is not a number (NaN)")]
    NotANumber {
        /// The row, counted from 0.
        row: u64,
        /// The column, counted from 0.
        column: usize,
    },
    /// A plaintext that the key has no room for.
    #[error("the plaintext has {bits} bits, which is not below n ({limit} bits)")]
    Plaintext {
        /// Its size in bits.
        bits: usize,
        /// The size of n in bits.
        limit: usize,
    },
    /// A ciphertext that no encryption makes.
    #[error("ciphertext {record}: {problem}")]
    Ciphertext {
        /// The ciphertext's number in its batch or file, counted from 0.
        record: u64,
        /// What is wrong with it.
        problem: CiphertextProblem,
    },
    /// A ciphertext that does not decrypt to what it should hold: a binary vector, or a sum of two.
    #[error("ciphertext {record} cannot be decoded: {problem}")]
    Decode {
        /// The ciphertext's number in its batch or file, counted from 0.
        record: u64,
        /// What is wrong with its plaintext.
        problem: DecodeProblem,
    },
    /// A number that cannot be encrypted, or not be read.
    #[error("number {index} {problem}")]
    Number {
        /// The number's place in its array, counted from 0.
        index: u64,
        /// What is wrong with it.
        problem: NumberProblem,
    },
    /// A result that could be too large for the key.
    #[error(
        "{operation} is refused: the result could need {bits} bits and reach n/3, which has {limit}; use smaller numbers, \
         fewer bits after the point, or a larger key"
    )]
    Magnitude {
        /// What was asked for.
        operation: &'static str,
        /// The length of the largest possible result, in bits.
        bits: u64,
        /// The length of n/3, in bits.
        limit: u64,
    },
    /// Operands of different lengths.
    #[error("{what} has {actual} numbers, expected {expected}")]
    Length {
        /// The operand.
        what: &'static str,
        /// How many numbers it should have.
        expected: usize,
        /// How many it has.
        actual: usize,
    },
    /// A scheme that there is not.
    #[error("{name:?} is not a scheme; there are paillier, paillier_lookup and paillier_subgroup")]
    UnknownScheme {
        /// What was asked for.
        name: String,
    },
    /// Data of another key.
    #[error("{what} belongs to the key {}…, not to {}…", short(.actual), short(.expected))]
    WrongKey {
        /// What does not fit.
        what: &'static str,
        /// The public id that was needed.
        expected: String,
        /// The public id that was found.
        actual: String,
    },
    /// A response to another query.
    #[error("a response to another query: it answers {actual}; expected {expected}")]
    WrongQuery {
        /// The query that was given.
        expected: String,
        /// The query that the response says it answers.
        actual: String,
    },
    /// A context that is not the one whose id was expected.
    #[error(
        "the context has the id {actual}, not {expected} as expected: it is another context, or its file was changed since \
         that id was noted"
    )]
    WrongContext {
        /// The id that was expected.
        expected: String,
        /// The id that it has.
        actual: String,
    },
    /// The secret part could not be opened. Deliberately one error for both causes.
    #[error("wrong passphrase or key, or the data was changed since it was sealed")]
    Unseal,
    /// Content that is not sealed, or not opened.
    #[error("the content {problem}")]
    Content {
        /// Why not.
        problem: ContentProblem,
    },
    /// A context whose fields contradict each other or make no sense.
    #[error("not a usable context: {field} {reason}")]
    Context {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A key derivation that asks for too much or too little.
    #[error("key derivation refused: {parameter} = {actual}, must be from {least} to {most}")]
    KeyDerivation {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        actual: u64,
        /// The least accepted.
        least: u64,
        /// The most accepted.
        most: u64,
    },
    /// Something needed to build a context was not given.
    #[error("{0}")]
    Missing(&'static str),
    /// The operation does not exist for this scheme or format.
    #[error("{operation} is not possible: {reason}")]
    Unsupported {
        /// What was asked for.
        operation: &'static str,
        /// Why it cannot be done.
        reason: String,
    },
    /// A device that cannot be used.
    #[error("device {asked}: {reason}")]
    Device {
        /// What was asked for.
        asked: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The operating system gave no random numbers.
    #[error("the system's random source failed: {0}")]
    Random(String),
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file that is not written over.
    #[error("{} is not replaced: it {occupant}", .path.display())]
    Occupied {
        /// Its path.
        path: PathBuf,
        /// What it is.
        occupant: Occupant,
    },
    /// A file that was written and has its name, but whose name may not be on disk yet.
    #[error(
        "{} was written and is in place, but its folder could not be put on disk, so a power failure may bring back what was \
         there before: {source}",
        .path.display()
    )]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{reason}")]
    Format {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// Any of the others, in a file.
    #[error("{}: {source}", .path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Box<Error>,
    },
    /// What cannot be an id, or not here.
    #[error("id {number} cannot be used: {reason}")]
    BadId {
        /// The number of the id among those given, counted from 0.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// An id that a vector has already.
    #[error("the id {id:?} (vector {vector}) is taken")]
    IdTaken {
        /// The id.
        id: Id,
        /// The number of the vector among those given, counted from 0.
        vector: u64,
    },
    /// An id that vectors of two indexes have.
    #[error("the id {id:?} is also in {}", .other.display())]
    DuplicateId {
        /// The id.
        id: Id,
        /// The other index.
        other: PathBuf,
    },
    /// An id that no vector has.
    #[error("no vector has the id {id:?}{}", and_others(*.others))]
    UnknownId {
        /// The id.
        id: Id,
        /// How many others of those given no vector has.
        others: usize,
    },
    /// A key provider has no key to give.
    #[error("key provider: {0}")]
    KeyProvider(String),
    /// A remote store failed.
    #[error("remote store: {0}")]
    Remote(String),
    /// The caller's handle asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Why a number cannot be a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CiphertextProblem {
    /// It is 0.
    Zero,
    /// It is not below n².
    TooLarge,
    /// It shares a factor with n.
    NotCoprime,
    /// It is longer than any ciphertext of this key.
    TooLong {
        /// Its length in bytes.
        actual: usize,
        /// The longest length in bytes.
        limit: usize,
    },
    /// A vector must be one ciphertext.
    Count {
        /// How many there are.
        actual: usize,
    },
}

impl fmt::Display for CiphertextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero => f.write_str("it is 0"),
            Self::TooLarge => f.write_str("it is not below n²"),
            Self::NotCoprime => f.write_str("it shares a factor with n"),
            Self::TooLong { actual, limit } => {
                write!(f, "it has {actual} bytes, at most {limit} are possible")
            }
            Self::Count { actual } => {
                write!(f, "a vector is one ciphertext here, this one has {actual}")
            }
        }
    }
}

/// Why a plaintext is not a binary vector, or not a sum of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// A base-4 digit is 3, but 1 + 1 = 2.
    Digit3,
    /// A base-4 digit is 2 or 3 where a vector was expected, whose digits are 0 and 1.
    NotBinary,
    /// There are bits above the last dimension.
    UpperBits,
    /// It was not made with this key.
    Foreign,
}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digit3 => "a digit is 3, so it is no sum of two vectors of this key",
            Self::NotBinary => "a digit is above 1, so it is no vector of zeros and ones, but perhaps a sum of such",
            Self::UpperBits => "there are bits above the embedding's length",
            Self::Foreign => "it was not made with this key",
        })
    }
}

/// Why content is not sealed, or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentProblem {
    /// It is a secret key in XTrace's format, or would be taken for one.
    SecretKey,
    /// It was sealed for another chunk or by another context, or was changed.
    NotOfChunk,
    /// It was sealed for a chunk, and no name was given.
    NeedsName,
}

impl fmt::Display for ContentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretKey => {
                "is refused: it reads as a secret key of XTrace's format, which seals keys and content with one key, so \
                 that each can be passed for the other; the native format does not have this problem"
            }
            Self::NotOfChunk => "was not sealed for this chunk by this context, or was changed since",
            Self::NeedsName => {
                "was sealed for a chunk, whose name `decrypt_content_for` takes; or it is not of this context, or was \
                 changed since"
            }
        })
    }
}

/// Why a number cannot be encrypted, or not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberProblem {
    /// It is infinite or not a number.
    NotFinite,
    /// It is beyond the bound of its format.
    OutOfRange,
    /// Its ciphertext was not made with this key.
    Foreign,
    /// What was decrypted is beyond the bound that its computation gives it.
    BeyondBound,
    /// It has a fraction, but an integer was asked for.
    NotAnInteger,
    /// It is too large for the type that was asked for.
    TooLargeForType,
}

impl fmt::Display for NumberProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "is infinite or not a number (NaN)",
            Self::OutOfRange => "is beyond the bound of its format",
            Self::Foreign => "is in a ciphertext that was not made with this key",
            Self::BeyondBound => "is beyond its bound: it was not computed as it says",
            Self::NotAnInteger => "has a fraction, but an integer was asked for",
            Self::TooLargeForType => "is too large for the type that was asked for",
        })
    }
}

/// Enough of an id to tell it from others.
fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}

fn and_others(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", nor another one of those given".to_owned(),
        _ => format!(", nor {others} others of those given"),
    }
}

impl Error {
    /// The same error, saying which file it is about. Errors that name a file already stay as they are.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Io { .. }
            | Self::Occupied { .. }
            | Self::NotDurable { .. }
            | Self::InFile { .. }
            | Self::Cancelled => self,
            other => Self::InFile { path: path.to_owned(), source: Box::new(other) },
        }
    }

    /// The error without the file's name around it.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::InFile { source, .. } => source.root(),
            other => other,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn format(reason: impl Into<String>) -> Self {
        Self::Format { reason: reason.into() }
    }

    pub(crate) fn context(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Context { field, reason: reason.into() }
    }
}
