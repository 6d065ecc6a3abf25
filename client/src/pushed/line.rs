//! The lines of a list of pushed chunks.

use hushvec::{Id, IdRef};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;

/// What a line records about its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The chunks were stored.
    Stored,
    /// The chunks were deleted.
    Deleted,
    /// A new list begins. It takes effect at [`Step::End`].
    Begin,
    /// The chunks are part of the new list.
    Part,
    /// The new list is complete and replaces the old one.
    End,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line<'a> {
    pub kb: Cow<'a, str>,
    pub context: Cow<'a, str>,
    pub step: Step,
    pub chunks: Vec<Entry>,
}

/// A chunk: the server's id and the client's own id.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry(pub u64, #[serde(deserialize_with = "id")] pub Option<Id>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "an id must be an integer >= 0, a string or null")]
enum AnyId {
    Number(u64),
    Text(String),
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Id>, D::Error> {
    Ok(Option::<AnyId>::deserialize(deserializer)?.map(|id| match id {
        AnyId::Number(number) => Id::Number(number),
        AnyId::Text(text) => Id::Text(text),
    }))
}

impl Entry {
    pub fn new(chunk: u64, id: Option<IdRef<'_>>) -> Self {
        Self(chunk, id.map(IdRef::to_owned))
    }
}
