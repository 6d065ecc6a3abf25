//! Contexts as files have them, before anything secret is opened.

use hushvec::{ContextInfo, Error, PublicContext};
use std::path::Path;

/// A context of whichever kind, without its passphrase.
pub enum AnyContext {
    /// An owner's.
    Owner(Box<ContextInfo>),
    /// What an evaluator has.
    Public(PublicContext),
}

impl AnyContext {
    /// Reads a file, weak or not.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match ContextInfo::read(path) {
            Ok(info) => Ok(Self::Owner(Box::new(info))),
            Err(error) => PublicContext::load(path, true).map(Self::Public).map_err(|_| error),
        }
    }

    /// The public part.
    pub fn public(&self) -> &PublicContext {
        match self {
            Self::Owner(info) => &info.public,
            Self::Public(public) => public,
        }
    }

    /// The owner's part, if there is one.
    pub fn owner(&self) -> Option<&ContextInfo> {
        match self {
            Self::Owner(info) => Some(info),
            Self::Public(_) => None,
        }
    }

    /// The name of the format.
    pub fn format(&self) -> &'static str {
        self.owner().map_or("public", |info| info.format.name())
    }
}
