//! The formats of stored contexts.

use std::fmt;

/// How a context is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Format {
    /// This crate's own format: authenticated as a whole, with argon2id for passphrases.
    #[default]
    Native,
    /// The format of XTrace's SDK, for the schemes that the SDK supports.
    XTrace,
}

impl Format {
    /// Returns the name used on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::XTrace => "xtrace",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
