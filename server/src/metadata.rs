//! The plain-text metadata of a chunk: five tags and a list of facets.

use crate::error::{ApiError, ApiResult};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// The number of tags, `tag1` to `tag5`.
pub const TAGS: usize = 5;
/// The maximum length of a tag or facet, in bytes.
pub const MOST_BYTES: usize = 1024;
/// The maximum number of facets of a chunk.
pub const MOST_FACETS: usize = 256;

/// Returns the number of a tag by its name, starting at 0.
pub fn tag_number(name: &str) -> Option<usize> {
    (0..TAGS).find(|number| tag_name(*number) == name)
}

/// Returns the name of a tag by its number.
pub fn tag_name(number: usize) -> &'static str {
    ["tag1", "tag2", "tag3", "tag4", "tag5"].get(number).copied().unwrap_or_default()
}

/// Checks that text can be stored and compared. `what` names it in the error.
pub fn check_text(what: &str, text: &str) -> ApiResult<()> {
    if text.len() > MOST_BYTES {
        return Err(ApiError::invalid(format!("{what} has {} bytes; the maximum is {MOST_BYTES} bytes", text.len())));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(format!("{what} contains a zero character")));
    }
    Ok(())
}

/// The metadata of a chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `tag1` to `tag5`.
    pub tags: [Option<String>; TAGS],
    /// The facets, in the order given.
    pub facets: Vec<String>,
}

impl Metadata {
    /// Returns the fields that exist and that `wanted` accepts, for JSON.
    pub fn shown(&self, wanted: impl Fn(&str) -> bool) -> ShownMetadata<'_> {
        let tag = |number: usize| {
            let tag = self.tags.get(number).and_then(Option::as_deref);
            tag.filter(|_| wanted(tag_name(number)))
        };
        ShownMetadata {
            tag1: tag(0),
            tag2: tag(1),
            tag3: tag(2),
            tag4: tag(3),
            tag5: tag(4),
            facets: if wanted("facets") { &self.facets } else { &[] },
        }
    }

    /// Returns the facets as they are stored: a JSON list, or `None` if there are none.
    pub fn stored_facets(&self) -> Option<String> {
        (!self.facets.is_empty()).then(|| Value::from(self.facets.clone()).to_string())
    }

    /// Parses facets written by [`Metadata::stored_facets`].
    pub fn facets_from_stored(stored: Option<&str>) -> ApiResult<Vec<String>> {
        stored.map_or(Ok(Vec::new()), |text| serde_json::from_str(text).map_err(|error| ApiError::internal(&error)))
    }
}

/// Metadata in a reply. Missing and unwanted fields are left out.
#[derive(Debug, Serialize)]
pub struct ShownMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tag1: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag2: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag3: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag4: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag5: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    facets: &'a [String],
}

/// Changes to metadata. A named field is set, or removed by null. Other fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    tags: [Option<Option<String>>; TAGS],
    facets: Option<Vec<String>>,
}

impl Patch {
    /// Reads one field of an object. Null removes the tag or the facets. Returns `false` if it is no metadata field.
    ///
    /// # Errors
    /// If the value has the wrong type or is too large.
    pub fn read_field<'de, A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<bool, A::Error> {
        if name == "facets" {
            self.facets = Some(fields.next_value::<Facets>()?.0);
        } else if let Some(tag) = tag_number(name).and_then(|number| self.tags.get_mut(number)) {
            let text: Option<String> = fields.next_value()?;
            if let Some(text) = &text {
                check_text(name, text).map_err(A::Error::custom)?;
            }
            *tag = Some(text);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Applies the changes to empty metadata.
    pub fn into_metadata(self) -> Metadata {
        Metadata { tags: self.tags.map(Option::unwrap_or_default), facets: self.facets.unwrap_or_default() }
    }

    /// Adds the changes in `other`, which override those in `self`.
    pub fn extend(&mut self, other: Self) {
        for (tag, change) in self.tags.iter_mut().zip(other.tags) {
            if change.is_some() {
                *tag = change;
            }
        }
        if other.facets.is_some() {
            self.facets = other.facets;
        }
    }

    /// Applies the changes.
    pub fn apply(&self, metadata: &mut Metadata) {
        for (tag, change) in metadata.tags.iter_mut().zip(&self.tags) {
            if let Some(change) = change {
                tag.clone_from(change);
            }
        }
        if let Some(facets) = &self.facets {
            metadata.facets.clone_from(facets);
        }
    }

    /// Returns whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Patch;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with metadata")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Patch, A::Error> {
                let mut patch = Patch::default();
                while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
                    if !patch.read_field(&name, &mut fields)? {
                        let message = format_args!("unknown field {name:?}; metadata has tag1 to tag{TAGS} and facets");
                        return Err(A::Error::custom(message));
                    }
                }
                Ok(patch)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Facets as requests send them: a list of strings, or null.
struct Facets(Vec<String>);

impl<'de> Deserialize<'de> for Facets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Facets;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("facets as a list of strings")
            }

            fn visit_unit<E>(self) -> Result<Facets, E> {
                Ok(Facets(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Facets, A::Error> {
                let mut facets = Vec::new();
                while let Some(facet) = list.next_element::<String>()? {
                    if facets.len() == MOST_FACETS {
                        return Err(A::Error::custom(format_args!("too many facets; the maximum is {MOST_FACETS}")));
                    }
                    check_text(&format!("facets[{}]", facets.len()), &facet).map_err(A::Error::custom)?;
                    facets.push(facet);
                }
                Ok(Facets(facets))
            }
        }

        deserializer.deserialize_any(List)
    }
}
