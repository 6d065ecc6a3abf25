//! The problems that ciphertexts, plaintexts, content and numbers can have.

use std::fmt;

/// Why a number is not a valid ciphertext.
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
    /// A vector has several ciphertexts, where it must have one.
    Count {
        /// The number of ciphertexts.
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
                write!(f, "it has {actual} bytes; the maximum is {limit} bytes")
            }
            Self::Count { actual } => {
                write!(f, "the vector has {actual} ciphertexts, expected 1")
            }
        }
    }
}

/// Why a plaintext is not a binary vector or a sum of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// A base-4 digit is 3, but the sum of two vectors has at most 1 + 1 = 2.
    Digit3,
    /// A base-4 digit is 2 or 3, but the digits of a vector are 0 and 1.
    NotBinary,
    /// There are bits above the last dimension.
    UpperBits,
    /// It was not encrypted with this key.
    Foreign,
}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digit3 => "a base-4 digit is 3, so it is not the sum of two vectors of this key",
            Self::NotBinary => "a base-4 digit is above 1, so it is not a binary vector, but perhaps the sum of two",
            Self::UpperBits => "there are bits above the last of the embedding_length dimensions",
            Self::Foreign => "it was not encrypted with this key",
        })
    }
}

/// Why content cannot be encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentProblem {
    /// It is a secret key in XTrace's format, or could be mistaken for one.
    SecretKey,
    /// It was sealed for another chunk or by another context, or was changed.
    NotOfChunk,
    /// It was sealed for a chunk, and no chunk name was given.
    NeedsName,
}

impl fmt::Display for ContentProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretKey => {
                "is refused: it looks like a secret key in XTrace's format, which encrypts keys and content with the \
                 same key, so one could be swapped for the other; use the native format, which separates them"
            }
            Self::NotOfChunk => "was not sealed for this chunk by this context, or was changed since",
            Self::NeedsName => {
                "was sealed for a chunk (give the chunk's name to `decrypt_content_for`), belongs to another context, \
                 or was changed since it was sealed"
            }
        })
    }
}

/// Why a number cannot be encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NumberProblem {
    /// It is infinite or NaN.
    NotFinite,
    /// It is beyond the bound of its format.
    OutOfRange,
    /// Its ciphertext was not encrypted with this key.
    Foreign,
    /// The decrypted number is beyond the bound of its array.
    BeyondBound,
    /// It has a fraction, but an integer was requested.
    NotAnInteger,
    /// It is too large for the requested type.
    TooLargeForType,
}

impl fmt::Display for NumberProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "is infinite or not a number (NaN)",
            Self::OutOfRange => "is beyond the bound of its format; use a format with a larger bound",
            Self::Foreign => "was not encrypted with this key",
            Self::BeyondBound => "is beyond its bound: its ciphertext or the stated bound was changed",
            Self::NotAnInteger => "has a fraction; decrypt it as a floating-point number",
            Self::TooLargeForType => "is too large for the requested type; use `decrypt_exactly_vartime`",
        })
    }
}
