//! One vector of a file, and its position there.

use super::reader::wrong;
use crate::failure::Failure;
use hushvec::{BitMatrix, Error, Id};
use std::path::Path;

/// The components of one vector.
pub enum Components {
    /// Zeros and ones, or ones and minus ones; other numbers are refused.
    Integers(Vec<i128>),
    /// Zeros and ones; other bytes are refused.
    Bytes(Vec<u8>),
    /// Real numbers; a bit is 1 if its number is above zero.
    Numbers(Vec<f64>),
    /// Bits packed into bytes, as by `numpy.packbits`.
    Packed(Vec<u8>),
}

/// A vector and its id, if the file has one.
pub struct Row {
    pub components: Components,
    pub id: Option<Id>,
}

/// The position of a vector in its file.
#[derive(Clone, Copy)]
pub enum Place {
    /// A row of an array or table, counted from 0.
    Row(u64),
    /// A line of text, counted from 1.
    Line(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Row(row) => write!(f, "row {row}"),
            Self::Line(line) => write!(f, "line {line}"),
        }
    }
}

impl Components {
    /// Returns the real vector; `None` if the file has bits.
    #[allow(clippy::cast_possible_truncation, reason = "embeddings have single precision")]
    pub fn to_reals(&self) -> Option<Vec<f32>> {
        match self {
            Self::Numbers(numbers) => Some(numbers.iter().map(|number| *number as f32).collect()),
            Self::Integers(_) | Self::Bytes(_) | Self::Packed(_) => None,
        }
    }

    /// Appends the bits of the vector to a matrix.
    pub fn push_to(&self, matrix: &mut BitMatrix) -> Result<(), Error> {
        match self {
            Self::Integers(integers) => {
                if let Some((column, value)) = integers.iter().enumerate().find(|(_, x)| !(-1..=1).contains(*x)) {
                    return Err(Error::NotBinary { row: 0, column, value: value.to_string() });
                }
                let bits: Vec<u8> = integers.iter().map(|x| u8::from(*x == 1)).collect();
                matrix.push_bits(&bits)
            }
            Self::Bytes(bytes) => matrix.push_bits(bytes),
            Self::Numbers(numbers) => matrix.push_floats(numbers),
            Self::Packed(bytes) => matrix.push_packed(bytes),
        }
    }
}

/// Returns the error of a bad vector, with file and position.
pub fn refused(name: &Path, place: Place, error: Error) -> Failure {
    match place {
        // The error counts rows from the start of the matrix, the message from the start of the file.
        Place::Row(row) => Failure::Engine(at_row(error, row).in_file(name)),
        Place::Line(_) => wrong(name, format!("{place}: {}", without_row(&error))),
    }
}

fn at_row(error: Error, row: u64) -> Error {
    match error {
        Error::NotBinary { column, value, .. } => Error::NotBinary { row, column, value },
        Error::NotANumber { column, .. } => Error::NotANumber { row, column },
        Error::Dimension { expected, actual, .. } => Error::Dimension { row, expected, actual },
        other => other,
    }
}

fn without_row(error: &Error) -> String {
    match error {
        Error::NotBinary { column, value, .. } => {
            format!("component {column} is {value}, expected 0 or 1, or 1 and -1")
        }
        Error::NotANumber { column, .. } => format!("component {column} is not a number"),
        Error::Dimension { expected, actual, .. } => format!("{actual} dimensions, the context needs {expected}"),
        other => other.to_string(),
    }
}
