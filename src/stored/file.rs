//! Context files, which are read once, inspected and then opened.

use super::document::{Document, LARGEST_FILE};
use super::info::ContextInfo;
use crate::atomic_file;
use crate::error::Error;
use crate::packed_context::public::is_packed;
use crate::paillier::public_context::PublicContext;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file that holds a context of either format, or a public context. No secret is opened yet, and only the
/// consistency of the public parts is verified.
///
/// The file is read once. So it may be a pipe, and it cannot change between inspecting it and [`Loader::open_file`].
///
/// [`Loader::open_file`]: super::loader::Loader::open_file
#[derive(Debug)]
pub struct ContextFile {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Owner(Document, Box<ContextInfo>),
    Public(PublicContext),
}

impl Content {
    fn parse(text: &str) -> Result<Self, Error> {
        if is_packed(text) {
            return Err(Error::context("config", "has the scheme packed; this needs a context of a Paillier scheme"));
        }
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(_) if PublicContext::is_named_in(text) => {
                return PublicContext::from_json(text, true).map(Self::Public);
            }
            Err(error) => return Err(error),
        };
        let info = Box::new(ContextInfo::of(&document)?);
        Ok(Self::Owner(document, info))
    }
}

impl ContextFile {
    /// Reads a file. Weak keys are accepted.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Context`] or [`Error::Format`] if it is not a context, naming the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(path, &atomic_file::read_text(path, LARGEST_FILE)?)
    }

    /// Parses the text of a file.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let content = Content::parse(text).map_err(|error| error.in_file(path))?;
        Ok(Self { path: path.to_owned(), content })
    }

    /// Returns the path that the file was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the public part.
    pub fn public(&self) -> &PublicContext {
        match &self.content {
            Content::Owner(_, info) => &info.public,
            Content::Public(public) => public,
        }
    }

    /// Returns the description of an owner's context; `None` for a public context.
    pub fn owner(&self) -> Option<&ContextInfo> {
        match &self.content {
            Content::Owner(_, info) => Some(info),
            Content::Public(_) => None,
        }
    }

    /// Returns the name of the format: `native`, `xtrace` or `public`.
    pub fn format_name(&self) -> &'static str {
        self.owner().map_or("public", |info| info.format.name())
    }

    /// Returns an owner's context as [`ExecutionContext::to_dict_enc`] does, for remote stores; `None` for a public
    /// context.
    ///
    /// Tables of XTrace's SDK are left out: they follow from the keys, and the SDK does not send them either.
    ///
    /// # Errors
    /// None in practice.
    ///
    /// [`ExecutionContext::to_dict_enc`]: crate::ExecutionContext::to_dict_enc
    pub fn to_dict_enc(&self) -> Result<Option<Value>, Error> {
        self.document().map(Document::to_value).transpose()
    }

    /// Returns the document of an owner's context.
    pub(super) fn document(&self) -> Option<&Document> {
        match &self.content {
            Content::Owner(document, _) => Some(document),
            Content::Public(_) => None,
        }
    }
}
