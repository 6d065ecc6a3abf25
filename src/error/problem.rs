//! What exactly is wrong with ciphertexts, plaintexts, content and numbers.

use std::fmt;

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
