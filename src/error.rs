//! Everything that can go wrong, as one type.

pub mod kind;
mod problem;

use crate::id::Id;
use crate::occupant::Occupant;
pub use problem::{CiphertextProblem, ContentProblem, DecodeProblem, NumberProblem};
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

    /// The same error about a part of a larger input, whose first row, record or id has the number `first` in the whole.
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
