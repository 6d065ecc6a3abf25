//! Chunks: a ciphertext with its sealed content, and metadata in plain text.

mod select;
mod selected;
mod upsert;
mod write;

use super::segment::Place;
use crate::error::{ApiError, ApiResult};
use crate::metadata::{Metadata, Patch, ShownMetadata, TAGS};
use rusqlite::Row;
use serde::Serialize;

pub use select::{Order, Page, Selection, SortBy};
pub use upsert::{OnConflict, Stored};

/// A chunk to store.
pub struct NewChunk {
    pub content: String,
    /// The sealed embedding that the owner ranks by.
    pub embedding: Option<String>,
    pub name: Option<String>,
    pub metadata: Option<Metadata>,
}

impl NewChunk {
    /// Returns the approximate size of its text, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        let metadata = self.metadata.iter();
        let tags = metadata.clone().flat_map(|metadata| metadata.tags.iter().flatten()).map(String::len).sum::<usize>();
        let facets = metadata.flat_map(|metadata| &metadata.facets).map(|facet| facet.len() + 3).sum::<usize>();
        let others = [&self.name, &self.embedding].into_iter().flatten().map(String::len).sum::<usize>();
        self.content.len() + others + tags + facets
    }
}

/// Changes to a chunk. Fields that are `None` stay as they are.
#[derive(Default)]
pub struct Change {
    pub content: Option<String>,
    /// `Some(None)` removes the embedding.
    pub embedding: Option<Option<String>>,
    pub name: Option<String>,
    pub metadata: Option<MetadataChange>,
}

/// Changes to a chunk's metadata.
pub enum MetadataChange {
    /// Replaces all of it.
    Replace(Metadata),
    /// Changes some fields.
    Patch(Patch),
}

/// The fields of chunks in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projection {
    id: bool,
    content: bool,
    embedding: bool,
    name: bool,
    /// The ciphertext.
    pub index: bool,
    /// Bits of the tags, and one for the facets.
    metadata: u8,
    times: bool,
}

impl Projection {
    /// All fields except the ciphertext, the embedding and the times.
    pub const ALL: Self =
        Self { id: true, content: true, embedding: false, name: true, index: false, metadata: u8::MAX, times: false };

    /// All fields of [`Projection::ALL`] except the content.
    pub const WITHOUT_CONTENT: Self = Self { content: false, ..Self::ALL };

    const NONE: Self = Self { id: false, name: false, metadata: 0, ..Self::WITHOUT_CONTENT };

    /// Parses field names.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> ApiResult<Self> {
        let mut projection = Self::NONE;
        for name in names {
            match name.as_ref() {
                "chunk_id" => projection.id = true,
                "chunk_content" => projection.content = true,
                "sealed_embedding" => projection.embedding = true,
                "name" => projection.name = true,
                "index" => projection.index = true,
                "meta_data" => projection.metadata = u8::MAX,
                "facets" => projection.metadata |= 1 << TAGS,
                "created_at" | "updated_at" => projection.times = true,
                other => match crate::metadata::tag_number(other) {
                    Some(number) => projection.metadata |= 1 << number,
                    None => {
                        let message = format!(
                            "projection has the unknown field {other:?}; use chunk_id, chunk_content, \
                             sealed_embedding, name, index, meta_data, tag1 to tag5, facets, created_at or updated_at"
                        );
                        return Err(ApiError::invalid(message));
                    }
                },
            }
        }
        Ok(projection)
    }

    /// Adds the content.
    #[must_use]
    pub fn with_content(self) -> Self {
        Self { content: true, ..self }
    }

    fn shows(self, field: &str) -> bool {
        let bit = if field == "facets" { Some(TAGS) } else { crate::metadata::tag_number(field) };
        bit.is_some_and(|bit| self.metadata >> bit & 1 == 1)
    }
}

/// The columns that [`stored`] reads.
const COLUMNS: &str =
    "c.id, c.name, c.tag1, c.tag2, c.tag3, c.tag4, c.tag5, c.facets, c.segment, c.row, c.binding, c.key,
                       c.created_at, c.updated_at";

/// A stored chunk without its content.
struct StoredChunk {
    id: u64,
    name: Option<String>,
    metadata: Metadata,
    place: Place,
    binding: i64,
    key: i64,
    created_at: String,
    updated_at: String,
}

fn stored(row: &Row<'_>) -> ApiResult<StoredChunk> {
    let facets: Option<String> = row.get(7)?;
    Ok(StoredChunk {
        id: row.get(0)?,
        name: row.get(1)?,
        metadata: Metadata {
            tags: [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?],
            facets: Metadata::facets_from_stored(facets.as_deref())?,
        },
        place: Place { segment: row.get(8)?, row: row.get(9)? },
        binding: row.get(10)?,
        key: row.get(11)?,
        created_at: row.get(12)?,
        updated_at: row.get(13)?,
    })
}

/// The sealed texts of a chunk, as far as they were requested.
#[derive(Default)]
struct Texts {
    content: Option<String>,
    embedding: Option<String>,
}

/// A chunk in a reply.
#[derive(Serialize)]
pub struct ShownChunk<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_content: Option<String>,
    /// Null if it was requested and does not exist. The same goes for the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_embedding: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta_data: Option<ShownMetadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<&'a str>,
}

/// Receives chunks one by one, so that they are not all in memory.
pub type Visit<'a> = dyn FnMut(&ShownChunk<'_>) -> ApiResult<()> + 'a;

impl StoredChunk {
    /// Returns the fields in a projection.
    fn shown(&self, projection: Projection, texts: Texts, index: Option<String>) -> ShownChunk<'_> {
        ShownChunk {
            chunk_id: projection.id.then_some(self.id),
            chunk_content: texts.content.filter(|_| projection.content),
            sealed_embedding: projection.embedding.then_some(texts.embedding),
            name: projection.name.then_some(self.name.as_deref()),
            meta_data: (projection.metadata != 0).then(|| self.metadata.shown(|field| projection.shows(field))),
            index: index.map(|index| [index]),
            created_at: projection.times.then_some(self.created_at.as_str()),
            updated_at: projection.times.then_some(self.updated_at.as_str()),
        }
    }
}
