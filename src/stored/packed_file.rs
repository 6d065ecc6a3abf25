//! Context files of any scheme, and those of packed search.

use super::document::LARGEST_FILE;
use super::file::ContextFile;
use crate::atomic_file;
use crate::context::format::Format;
use crate::context::key_provider::KeyProvider;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::packed_context::document::Document;
use crate::packed_context::owner::PackedContext;
use crate::packed_context::public::{PackedPublicContext, is_packed};
use crate::rlwe::packed::Parameters;
use crate::stored::derivation::Derivation;
use crate::stored::passphrase::PassphraseKeyProvider;
use std::path::{Path, PathBuf};

/// A context file of any scheme, owner's or public. The file is read once, so it may be a pipe.
#[derive(Debug)]
pub enum StoredContext {
    /// A context of a Paillier scheme.
    Paillier(ContextFile),
    /// A context of packed search.
    Packed(PackedContextFile),
}

impl StoredContext {
    /// Reads a file. Weak keys are accepted.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Context`] or [`Error::Format`] if it is not a context, naming the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = atomic_file::read_text(path, LARGEST_FILE)?;
        if is_packed(&text) {
            return Ok(Self::Packed(PackedContextFile::parse(path, &text).map_err(|error| error.in_file(path))?));
        }
        Ok(Self::Paillier(ContextFile::parse(path, &text)?))
    }

    /// Returns the path that the file was read from.
    pub fn path(&self) -> &Path {
        match self {
            Self::Paillier(file) => file.path(),
            Self::Packed(file) => file.path(),
        }
    }
}

/// A file that holds a context of packed search, owner's or public. No secret is opened yet.
#[derive(Debug)]
pub struct PackedContextFile {
    path: PathBuf,
    parameters: Parameters,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Owner(Box<Document>, Device),
    Public(PackedPublicContext),
}

impl PackedContextFile {
    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let (parameters, content) = if PackedPublicContext::is_named_in(text) {
            let public = PackedPublicContext::from_json(text)?;
            (public.parameters().clone(), Content::Public(public))
        } else {
            let document = Document::parse(text)?;
            let device = document.device()?;
            (document.parameters()?, Content::Owner(Box::new(document), device))
        };
        Ok(Self { path: path.to_owned(), parameters, content })
    }

    /// Returns the path that the file was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the metric and the number of dimensions. In an owner's context they are authenticated when it is opened.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns the public id. In an owner's context it is authenticated when it is opened.
    pub fn public_id(&self) -> String {
        match &self.content {
            Content::Owner(document, _) => document.public_id().to_owned(),
            Content::Public(public) => public.public_id().to_string(),
        }
    }

    /// Returns the explicit id of an owner's context, or else the public id.
    pub fn id(&self) -> String {
        let explicit = match &self.content {
            Content::Owner(document, _) => document.context_id().map(str::to_owned),
            Content::Public(_) => None,
        };
        explicit.unwrap_or_else(|| self.public_id())
    }

    /// Checks that this is the expected context, by its id or its public id.
    ///
    /// # Errors
    /// [`Error::WrongContext`], naming the file.
    pub fn check_id(&self, expected: &str) -> Result<(), Error> {
        if self.id() == expected || self.public_id() == expected {
            return Ok(());
        }
        let (expected, actual) = (expected.to_owned(), self.id());
        Err(Error::WrongContext { expected, actual }.in_file(&self.path))
    }

    /// Returns the public context; `None` for an owner's context, whose secret key it is computed from.
    pub fn public(&self) -> Option<&PackedPublicContext> {
        match &self.content {
            Content::Owner(..) => None,
            Content::Public(public) => Some(public),
        }
    }

    /// Returns the stored device of an owner's context; `None` for a public context.
    pub fn device(&self) -> Option<&Device> {
        match &self.content {
            Content::Owner(_, device) => Some(device),
            Content::Public(_) => None,
        }
    }

    /// Returns how the key of an owner's context is derived from the passphrase; `None` for a public context and for
    /// other key providers.
    ///
    /// # Errors
    /// [`Error::Context`] or [`Error::KeyDerivation`] if the derivation is malformed or outside the limits.
    pub fn derivation(&self) -> Result<Option<Derivation>, Error> {
        match &self.content {
            Content::Owner(document, _) if document.key_provider() == PassphraseKeyProvider::ID => {
                Derivation::read(Format::Native, &document.wrapped_key()?).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Opens an owner's context, on an open device or else on the stored one.
    ///
    /// # Errors
    /// [`Error::Missing`] for a public context, and as [`PackedContext::from_serialized`], naming the file.
    pub fn open(&self, provider: &dyn KeyProvider, device: Option<OpenDevice>) -> Result<PackedContext, Error> {
        match &self.content {
            Content::Owner(document, _) => document.open(provider, device),
            Content::Public(_) => Err(Error::Missing("a public context has no secret key to open")),
        }
        .map_err(|error| error.in_file(&self.path))
    }
}
