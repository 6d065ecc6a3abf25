//! Kinds of errors.

use super::Error;

/// The kind of an error, for callers that map errors to exit codes, HTTP statuses or exceptions.
///
/// Match it without a wildcard: a new kind is a breaking change, and the compiler then points to every match to extend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A parameter that the caller chose: a size, a scheme, a number of threads.
    Parameter,
    /// An invalid or missing vector, number, id or other input.
    Input,
    /// A ciphertext that encryption cannot produce, or that does not decode.
    Ciphertext,
    /// An invalid context.
    Context,
    /// A weak key, without permission to use it.
    WeakKey,
    /// Data of another key, another query or another context.
    Mismatch,
    /// A wrong passphrase or key, or data that was changed since it was sealed.
    Unseal,
    /// A file with invalid content.
    Format,
    /// A file could not be read or written, or would be overwritten.
    File,
    /// A device is not available, or the random number generator failed.
    Device,
    /// A key provider or a remote store failed.
    Service,
    /// The caller cancelled the operation.
    Cancelled,
}

impl Error {
    /// Returns the kind of the error; for [`Error::InFile`], that of the error inside.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parameter { .. } | Self::UnknownScheme { .. } => ErrorKind::Parameter,
            Self::Modulus { .. }
            | Self::Dimension { .. }
            | Self::NotBinary { .. }
            | Self::NotANumber { .. }
            | Self::Plaintext { .. }
            | Self::Number { .. }
            | Self::Magnitude { .. }
            | Self::Length { .. }
            | Self::Missing(_)
            | Self::Unsupported { .. }
            | Self::BadId { .. }
            | Self::IdTaken { .. }
            | Self::DuplicateId { .. }
            | Self::UnknownId { .. } => ErrorKind::Input,
            Self::Ciphertext { .. } | Self::Decode { .. } => ErrorKind::Ciphertext,
            Self::Context { .. } | Self::KeyDerivation { .. } => ErrorKind::Context,
            Self::WeakKey { .. } => ErrorKind::WeakKey,
            Self::WrongKey { .. } | Self::WrongQuery { .. } | Self::WrongContext { .. } => ErrorKind::Mismatch,
            Self::Unseal | Self::Content { .. } => ErrorKind::Unseal,
            Self::Format { .. } => ErrorKind::Format,
            Self::Io { .. } | Self::Occupied { .. } | Self::NotDurable { .. } => ErrorKind::File,
            Self::Device { .. } | Self::Random(_) => ErrorKind::Device,
            Self::KeyProvider(_) | Self::Remote(_) => ErrorKind::Service,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::InFile { source, .. } => source.kind(),
        }
    }
}
