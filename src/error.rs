//! The library's error type.

pub mod kind;
mod problem;

use crate::id::Id;
use crate::occupant::Occupant;
pub use problem::{CiphertextProblem, ContentProblem, DecodeProblem, NumberProblem};
use std::path::{Path, PathBuf};

/// An error of any operation: what is wrong, where, and which limit applies. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A modulus whose size is not supported.
    #[error("a modulus of {bits} bits is not supported: {reason}")]
    Modulus {
        /// Its size in bits, rounded up to a multiple of 64.
        bits: usize,
        /// Why it is not supported.
        reason: &'static str,
    },
    /// A parameter outside its limits.
    #[error("{name} = {actual} is invalid: {limit}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// Its value.
        actual: usize,
        /// The values that are allowed.
        limit: String,
    },
    /// A key that is too weak to use without explicit permission.
    #[error("weak key: {weakness}")]
    WeakKey {
        /// What is weak, and what an attacker can do with it.
        weakness: String,
    },
    /// A vector of the wrong length.
    #[error("row {row} has {actual} dimensions, expected {expected}")]
    Dimension {
        /// The row, counted from 0.
        row: u64,
        /// Dimensions of the context.
        expected: usize,
        /// Dimensions of the vector.
        actual: usize,
    },
    /// A vector with a component other than 0 and 1.
    #[error("row {row}, column {column} is {value}, expected 0 or 1")]
    NotBinary {
        /// The row, counted from 0.
        row: u64,
        /// The column, counted from 0.
        column: usize,
        /// The value found there.
        value: String,
    },
    /// A floating-point vector with a NaN component.
    #[error("row {row}, column {column} is not a number (NaN)")]
    NotANumber {
        /// The row, counted from 0.
        row: u64,
        /// The column, counted from 0.
        column: usize,
    },
    /// A plaintext that is not smaller than n.
    #[error("the plaintext has {bits} bits; it must be smaller than n, which has {limit} bits")]
    Plaintext {
        /// Its size in bits.
        bits: usize,
        /// The size of n in bits.
        limit: usize,
    },
    /// A ciphertext that encryption cannot produce.
    #[error("ciphertext {record}: {problem}")]
    Ciphertext {
        /// The ciphertext's number in its batch or file, counted from 0.
        record: u64,
        /// What is wrong with it.
        problem: CiphertextProblem,
    },
    /// A ciphertext that decrypts to neither a binary vector nor a sum of two.
    #[error("ciphertext {record} cannot be decoded: {problem}")]
    Decode {
        /// The ciphertext's number in its batch or file, counted from 0.
        record: u64,
        /// What is wrong with its plaintext.
        problem: DecodeProblem,
    },
    /// A number that cannot be encrypted or decrypted.
    #[error("number {index} {problem}")]
    Number {
        /// The number's index in its array, counted from 0.
        index: u64,
        /// What is wrong with it.
        problem: NumberProblem,
    },
    /// A result that could be too large for the key.
    #[error(
        "{operation} could overflow: the result could need {bits} bits and must be smaller than n/3, which has \
         {limit} bits; use smaller numbers, fewer fraction bits or a larger key"
    )]
    Magnitude {
        /// The operation.
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
    /// An unknown scheme name.
    #[error("unknown scheme {name:?}; the schemes are paillier, paillier_lookup, paillier_subgroup and packed")]
    UnknownScheme {
        /// The name that was given.
        name: String,
    },
    /// Data that belongs to another key.
    #[error("{what} belongs to the key {}…, but the key in use is {}…", short(.actual), short(.expected))]
    WrongKey {
        /// The data of the other key.
        what: &'static str,
        /// The public id of the key in use.
        expected: String,
        /// The public id that the data names.
        actual: String,
    },
    /// A response to another query.
    #[error("a response to another query: it answers {actual}; expected {expected}")]
    WrongQuery {
        /// The query that was given.
        expected: String,
        /// The query that the response names.
        actual: String,
    },
    /// A context whose id is not the expected one.
    #[error(
        "the context has the id {actual}, expected {expected}: it is another context, or its file has changed since \
         that id was recorded"
    )]
    WrongContext {
        /// The expected id.
        expected: String,
        /// The context's id.
        actual: String,
    },
    /// The secret part could not be decrypted. Both causes give the same error on purpose.
    #[error("wrong passphrase or key, or the data was changed since it was sealed")]
    Unseal,
    /// Content that cannot be encrypted or decrypted.
    #[error("the content {problem}")]
    Content {
        /// The reason.
        problem: ContentProblem,
    },
    /// A context with an invalid field, or with fields that contradict each other.
    #[error("invalid context: {field} {reason}")]
    Context {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A key-derivation parameter outside its limits.
    #[error("key derivation refused: {parameter} = {actual}; it must be from {least} to {most}")]
    KeyDerivation {
        /// The parameter.
        parameter: &'static str,
        /// Its value.
        actual: u64,
        /// The minimum.
        least: u64,
        /// The maximum.
        most: u64,
    },
    /// A required argument is missing or empty.
    #[error("{0}")]
    Missing(&'static str),
    /// An operation that this scheme, format or combination of arguments does not support.
    #[error("{operation} is not possible: {reason}")]
    Unsupported {
        /// The operation.
        operation: &'static str,
        /// Why it is not possible.
        reason: String,
    },
    /// A device that is not available.
    #[error("device {asked}: {reason}")]
    Device {
        /// The requested device.
        asked: String,
        /// Why it is not available.
        reason: String,
    },
    /// The operating system's random number generator failed.
    #[error("the operating system's random number generator failed: {0}")]
    Random(String),
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// The operation that failed, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A file that would be overwritten.
    #[error("{} is not overwritten: it {occupant}", .path.display())]
    Occupied {
        /// Its path.
        path: PathBuf,
        /// What exists there.
        occupant: Occupant,
    },
    /// A file that was written and renamed into place, but whose folder could not be synced to disk.
    #[error(
        "{} was written and is in place, but its folder could not be synced to disk, so a power failure may undo the \
         write: {source}",
        .path.display()
    )]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A file or text with invalid content.
    #[error("{reason}")]
    Format {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// Another error, with the file it is about.
    #[error("{}: {source}", .path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// The error.
        source: Box<Error>,
    },
    /// An invalid id, or an integer id among strings or the reverse.
    #[error("invalid id at position {number}: {reason}")]
    BadId {
        /// The position of the id in the input, counted from 0.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A duplicate id: the index has it already, or the input has it twice.
    #[error("duplicate id {id:?} (row {vector}): the index has it already, or the input has it twice")]
    IdTaken {
        /// The id.
        id: Id,
        /// The row of the vector in the input, counted from 0.
        vector: u64,
    },
    /// An id that occurs in two of the indexes to merge.
    #[error("duplicate id {id:?}: it is also in {}", .other.display())]
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
        /// How many more of the given ids are unknown.
        others: usize,
    },
    /// A key provider failed.
    #[error("key provider: {0}")]
    KeyProvider(String),
    /// A remote store failed.
    #[error("remote store: {0}")]
    Remote(String),
    /// The caller cancelled the operation through its [`Progress`](crate::Progress).
    #[error("cancelled")]
    Cancelled,
}

/// Returns the first 16 digits of an id, enough to tell ids apart.
fn short(id: &str) -> &str {
    id.get(..16).unwrap_or(id)
}

fn and_others(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => " (1 other given id is unknown too)".to_owned(),
        _ => format!(" ({others} other given ids are unknown too)"),
    }
}

impl Error {
    /// Adds the file that the error is about. Errors that already name a file stay as they are.
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

    /// Returns the error without [`Error::InFile`] around it.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::InFile { source, .. } => source.root(),
            other => other,
        }
    }

    /// Turns an error about a part of an input into one about the whole: adds `first`, the number of the part's first
    /// row, record or id, to the number in the error.
    #[must_use]
    pub fn counted_from(self, first: u64) -> Self {
        match self {
            Self::Dimension { row, expected, actual } => Self::Dimension { row: first + row, expected, actual },
            Self::NotBinary { row, column, value } => Self::NotBinary { row: first + row, column, value },
            Self::NotANumber { row, column } => Self::NotANumber { row: first + row, column },
            Self::Ciphertext { record, problem } => Self::Ciphertext { record: first + record, problem },
            Self::Decode { record, problem } => Self::Decode { record: first + record, problem },
            Self::Number { index, problem } => Self::Number { index: first + index, problem },
            Self::IdTaken { id, vector } => Self::IdTaken { id, vector: first + vector },
            Self::BadId { number, reason } => Self::BadId { number: first + number, reason },
            Self::InFile { path, source } => Self::InFile { path, source: Box::new(source.counted_from(first)) },
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
