//! What a chunk says about itself in plain text: five tags and a list of facets.

use crate::error::{ApiError, ApiResult};
use serde_json::{Map, Value};

/// How many tags there are: `tag1` and on.
pub const TAGS: usize = 5;
/// The longest tag or facet, in bytes.
pub const MOST_BYTES: usize = 1024;
/// The most facets of a chunk.
pub const MOST_FACETS: usize = 256;

/// The number of a tag by its name, from 0.
pub fn tag_number(name: &str) -> Option<usize> {
    (0..TAGS).find(|number| tag_name(*number) == name)
}

/// The name of a tag.
pub fn tag_name(number: usize) -> &'static str {
    ["tag1", "tag2", "tag3", "tag4", "tag5"].get(number).copied().unwrap_or_default()
}

/// Text that can be stored and compared.
pub fn check_text(what: &str, text: &str) -> ApiResult<()> {
    if text.len() > MOST_BYTES {
        return Err(ApiError::invalid(format!("{what} has {} bytes, at most {MOST_BYTES} are taken", text.len())));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(format!("{what} has a zero character in it")));
    }
    Ok(())
}

/// The metadata of a chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `tag1` to `tag5`.
    pub tags: [Option<String>; TAGS],
    /// The facets, as they were given.
    pub facets: Vec<String>,
}

impl Metadata {
    /// Reads an object of `tag1` to `tag5` and `facets`.
    pub fn from_json(fields: &Map<String, Value>) -> ApiResult<Self> {
        let mut metadata = Self::default();
        Patch::from_json(fields)?.apply(&mut metadata);
        Ok(metadata)
    }

    /// The fields that `wanted` wants, those that there are.
    pub fn to_json(&self, wanted: impl Fn(&str) -> bool) -> Value {
        let mut fields = Map::new();
        for (number, tag) in self.tags.iter().enumerate() {
            if let Some(tag) = tag
                && wanted(tag_name(number))
            {
                fields.insert(tag_name(number).to_owned(), tag.clone().into());
            }
        }
        if !self.facets.is_empty() && wanted("facets") {
            fields.insert("facets".to_owned(), self.facets.clone().into());
        }
        Value::Object(fields)
    }

    /// The facets as they are stored: a JSON list, or nothing.
    pub fn stored_facets(&self) -> Option<String> {
        (!self.facets.is_empty()).then(|| Value::from(self.facets.clone()).to_string())
    }

    /// Facets that [`Metadata::stored_facets`] wrote.
    pub fn facets_from_stored(stored: Option<&str>) -> ApiResult<Vec<String>> {
        stored.map_or(Ok(Vec::new()), |text| serde_json::from_str(text).map_err(|error| ApiError::internal(&error)))
    }
}

/// Changes to metadata: what is named is set, null takes it away, the rest stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    tags: [Option<Option<String>>; TAGS],
    facets: Option<Vec<String>>,
}

impl Patch {
    /// Reads an object of `tag1` to `tag5` and `facets`.
    pub fn from_json(fields: &Map<String, Value>) -> ApiResult<Self> {
        let mut patch = Self::default();
        for (name, value) in fields {
            if name == "facets" {
                patch.facets = Some(facets(value)?);
                continue;
            }
            let Some(tag) = tag_number(name).and_then(|number| patch.tags.get_mut(number)) else {
                let message = format!("metadata has tag1 to tag{TAGS} and facets, and no {name:?}");
                return Err(ApiError::invalid(message));
            };
            *tag = match value {
                Value::Null => Some(None),
                Value::String(text) => {
                    check_text(name, text)?;
                    Some(Some(text.clone()))
                }
                _ => return Err(ApiError::invalid(format!("{name} must be a string"))),
            };
        }
        Ok(patch)
    }

    /// Does them.
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn facets(value: &Value) -> ApiResult<Vec<String>> {
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) => list,
        _ => return Err(ApiError::invalid("facets must be a list of strings")),
    };
    if list.len() > MOST_FACETS {
        return Err(ApiError::invalid(format!("{} facets, at most {MOST_FACETS} are taken", list.len())));
    }
    list.iter()
        .map(|facet| {
            let facet = facet.as_str().ok_or_else(|| ApiError::invalid("facets must be a list of strings"))?;
            check_text("a facet", facet)?;
            Ok(facet.to_owned())
        })
        .collect()
}
