//! Parsed contexts of all formats, before any secret is opened. This module detects the format.

use crate::compat::xtrace;
use crate::context::format::Format;
use crate::context::native;
use crate::device::Device;
use crate::error::Error;
use crate::paillier::parameters::Parameters;
use crate::paillier::public_key::PublicKey;
use serde_json::Value;
use std::sync::Arc;

/// The largest context file that is read. Files with the SDK's tables can have over a hundred megabytes.
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
        // Every context, even a damaged one, has one of these fields.
        if !["\"format\"", "\"sk\"", "\"pk\""].into_iter().any(|field| text.contains(field)) {
            return Err(Error::format(
                "not a hushvec context: it has neither the fields of the native format nor those of XTrace's",
            ));
        }
        // Only the native format has the field `format`, and it comes first.
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

    /// Returns the fields as a JSON value, without the SDK's tables.
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

    /// Returns the stored device. XTrace's format stores none: it is `auto`.
    pub(super) fn device(&self) -> Result<Device, Error> {
        match self {
            Self::Native(document) => document.device(),
            Self::XTrace(_) => Ok(Device::Auto),
        }
    }

    /// Returns the kind of key provider, and the data that it stored.
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
