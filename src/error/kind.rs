//! Errors by what follows from them.

use super::Error;

/// What an error is about, for callers that treat errors alike by kind: exit codes, HTTP statuses, exceptions.
///
/// Match it without a wildcard: a new kind is a breaking change, so that the compiler says where it has to be thought of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A parameter that the caller chose: a size, a scheme, a number of threads.
    Parameter,
    /// Vectors, numbers or ids that the caller gave, or something that was not given.
    Input,
    /// A ciphertext that no encryption makes, or one that does not decode.
    Ciphertext,
    /// A context that contradicts itself.
    Context,
    /// A key that is known to be weak, without leave to use it.
    WeakKey,
    /// Things that do not belong together: another key's, another query's, another context's.
    Mismatch,
    /// A wrong passphrase or key, or data that was changed since it was sealed.
    Unseal,
    /// A file that is not what it should be.
    Format,
    /// The operating system refused to read or write a file, or it would be lost.
    File,
    /// A device that cannot be used, or no random numbers.
    Device,
    /// A key provider or a remote store failed.
    Service,
    /// The caller asked to stop.
    Cancelled,
}

impl Error {
    /// What the error is about. Of an error in a file, what is wrong there.
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
