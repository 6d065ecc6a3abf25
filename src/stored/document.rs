//! A stored context as it is parsed, before anything secret is opened. Tells the formats apart.

use crate::compat::xtrace;
use crate::context::format::Format;
use crate::context::native;
use crate::device::Device;
use crate::error::Error;
use crate::paillier::parameters::Parameters;
use crate::paillier::public_key::PublicKey;
use serde_json::Value;
use std::sync::Arc;

/// The largest context file that is read. Those with the SDK's tables in them can have over a hundred megabytes.
pub(super) const LARGEST_FILE: u64 = 256 << 20;

/// A stored context of either format.
#[derive(Debug)]
pub(super) enum Document {
    Native(Box<native::Document>),
    XTrace(Box<xtrace::document::Document>),
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Err(Error::format("is empty"));
        }
        // Whatever else may be wrong with a context, it has one of these.
        if !["\"format\"", "\"sk\"", "\"pk\""].into_iter().any(|field| text.contains(field)) {
            return Err(Error::format(
                "is no context: it has neither the fields of hushvec's format nor those of XTrace's",
            ));
        }
        // Only the native format has a field of that name, near its beginning.
        let native = text.get(..64).unwrap_or(text).contains("\"format\"");
        if native {
            Ok(Self::Native(Box::new(native::Document::parse(text)?)))
        } else {
            Ok(Self::XTrace(Box::new(xtrace::document::Document::parse(text)?)))
        }
    }

    pub(super) fn from_value(value: Value) -> Result<Self, Error> {
        if value.get("format").is_some() {
            Ok(Self::Native(Box::new(native::Document::from_value(value)?)))
        } else {
            Self::parse(&value.to_string())
        }
    }

    /// The fields as a JSON value, without tables of the SDK's.
    pub(super) fn to_value(&self) -> Result<Value, Error> {
        match self {
            Self::Native(document) => document.to_value(),
            Self::XTrace(document) => Ok(document.to_value()),
        }
    }

    pub(super) fn format(&self) -> Format {
        match self {
            Self::Native(_) => Format::Native,
            Self::XTrace(_) => Format::XTrace,
        }
    }

    pub(super) fn parameters(&self) -> Result<Parameters, Error> {
        match self {
            Self::Native(document) => document.parameters(),
            Self::XTrace(document) => document.parameters(),
        }
    }

    pub(super) fn public_key(&self) -> Result<Arc<PublicKey>, Error> {
        match self {
            Self::Native(document) => document.public_key(),
            Self::XTrace(document) => document.public_key(),
        }
    }

    /// The device stored with it; XTrace's format has none.
    pub(super) fn device(&self) -> Result<Device, Error> {
        match self {
            Self::Native(document) => document.device(),
            Self::XTrace(_) => Ok(Device::Auto),
        }
    }

    /// The kind of key provider, and what it stored.
    pub(super) fn wrapped_key(&self) -> Result<(String, Vec<u8>), Error> {
        match self {
            Self::Native(document) => document.wrapped_key(),
            Self::XTrace(document) => document.wrapped_key(),
        }
    }

    pub(super) fn secrets_on_cpu(&self) -> bool {
        match self {
            Self::Native(document) => document.secrets_on_cpu(),
            Self::XTrace(_) => false,
        }
    }
}
