//! Stores chunks, and reads, changes and deletes them by id.

use super::App;
use super::extract::{Body, CHUNKS, DELETE, Parameters, Permitted, READ, WRITE, check_distinct};
use super::reply::Reply;
use crate::bounded::{First, Many};
use crate::error::{ApiError, ApiResult};
use crate::metadata::Patch;
use crate::store::{Change, MetadataChange, NewChunk, OnConflict, Permission, Projection, Stored};
use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hushvec::{Ciphertexts, Evaluator};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Value, json};
use std::fmt::{self, Display};

/// The maximum sizes of a chunk's sealed content, sealed embedding and name, in bytes.
const MOST_CONTENT: usize = 8 << 20;
const MOST_EMBEDDING: usize = 64 << 10;
const MOST_NAME: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insert {
    kb_id: String,
    context_id: String,
    chunks: Many<Chunk>,
    #[serde(default)]
    on_conflict: Option<OnConflict>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    chunk_content: String,
    index: First<String>,
    #[serde(default)]
    meta_data: Option<Patch>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    sealed_embedding: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    kb_id: String,
    context_id: String,
    chunk_updates: Many<ChunkUpdate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkUpdate {
    chunk_id: u64,
    chunk_content: String,
    index: First<String>,
    #[serde(default)]
    meta_data: Option<Patch>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    sealed_embedding: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchChunks {
    kb_id: String,
    context_id: String,
    chunk_patches: Many<ChunkPatch>,
}

/// A patch of one chunk. Metadata fields stand beside the other fields, or in `meta_data`.
pub struct ChunkPatch {
    chunk_id: u64,
    index: Option<First<String>>,
    change: ChangeFields,
}

/// The changed fields of a patch.
#[derive(Default)]
pub struct ChangeFields {
    chunk_content: Option<String>,
    sealed_embedding: Option<String>,
    name: Option<String>,
    metadata: Patch,
}

impl ChangeFields {
    /// Reads a field. Returns `false` if a patch has no such field.
    fn read_field<'de, A: MapAccess<'de>>(&mut self, name: &str, fields: &mut A) -> Result<bool, A::Error> {
        match name {
            "chunk_content" => self.chunk_content = Some(fields.next_value()?),
            "sealed_embedding" => self.sealed_embedding = Some(fields.next_value()?),
            "name" => self.name = Some(fields.next_value()?),
            // Fields in `meta_data` override those beside it.
            "meta_data" => {
                let inner = fields.next_value()?;
                self.metadata.extend(inner);
            }
            _ => return self.metadata.read_field(name, fields),
        }
        Ok(true)
    }
}

const CHANGE_FIELDS: &str = "chunk_content, sealed_embedding, name, meta_data, tag1 to tag5 and facets";

impl<'de> Deserialize<'de> for ChunkPatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = ChunkPatch;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a patch of a chunk")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ChunkPatch, A::Error> {
                let (mut chunk_id, mut index, mut change) = (None, None, ChangeFields::default());
                while let Some(name) = fields.next_key::<String>()? {
                    match name.as_str() {
                        "chunk_id" => chunk_id = Some(fields.next_value()?),
                        "index" => index = fields.next_value()?,
                        _ if change.read_field(&name, &mut fields)? => {}
                        _ => {
                            return Err(A::Error::custom(format_args!(
                                "unknown field {name:?}; a patch has chunk_id, index, {CHANGE_FIELDS}"
                            )));
                        }
                    }
                }
                let chunk_id = chunk_id.ok_or_else(|| A::Error::missing_field("chunk_id"))?;
                Ok(ChunkPatch { chunk_id, index, change })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for ChangeFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = ChangeFields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with the changed fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ChangeFields, A::Error> {
                let mut change = ChangeFields::default();
                while let Some(name) = fields.next_key::<String>()? {
                    if !change.read_field(&name, &mut fields)? {
                        let message = format_args!("unknown field {name:?}; a patch has {CHANGE_FIELDS}");
                        return Err(A::Error::custom(message));
                    }
                }
                Ok(change)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

pub async fn insert(
    State(app): State<App>,
    Permitted(principal): Permitted<WRITE>,
    Body(request): Body<Insert, CHUNKS>,
) -> ApiResult<Json<Value>> {
    app.check_chunks(request.chunks.count())?;
    let reply = app
        .with_permit(principal.organisation, move |store| {
            let Insert { kb_id, context_id, chunks, on_conflict } = request;
            let chunks = chunks.into_vec();
            let evaluator = store.evaluator_for(&principal, &kb_id, &context_id, Permission::Write)?;
            let vectors = ciphertexts(&evaluator, chunks.iter().map(|chunk| &chunk.index).enumerate())?;
            let chunks = chunks.into_iter().map(new_chunk).collect::<ApiResult<Vec<_>>>()?;
            let stored = store.insert(&principal, (&kb_id, &context_id), chunks, &vectors, on_conflict)?;
            let Stored { ids, inserted, replaced, skipped } = stored;
            let mut reply = json!({
                "kb_id": kb_id, "context_id": context_id, "inserted_count": inserted, "chunk_ids": ids,
            });
            if on_conflict.is_some() {
                reply["replaced_count"] = replaced.into();
                reply["skipped_count"] = skipped.into();
            }
            Ok(reply)
        })
        .await;
    reply.map(Json)
}

pub async fn get(
    State(app): State<App>,
    Permitted(principal): Permitted<READ>,
    parameters: Parameters,
) -> ApiResult<Reply> {
    let ids = parameters.distinct_numbers("chunk_ids", app.limits().chunks)?;
    let names: Vec<&str> = parameters.all("projection").collect();
    let projection = if names.is_empty() { Projection::ALL } else { Projection::from_names(&names)? };
    let base = parameters.one("kb_id")?.to_owned();
    let mut reply = app.reply();
    app.with_permit(principal.organisation, move |store| {
        reply.text("[")?;
        store.chunks(&principal, &base, &ids, projection, &mut |chunk| reply.element(chunk))?;
        reply.text("]")?;
        Ok(reply)
    })
    .await
}

pub async fn update(
    State(app): State<App>,
    Permitted(principal): Permitted<WRITE>,
    Body(request): Body<Update, CHUNKS>,
) -> ApiResult<Json<Value>> {
    app.check_chunks(request.chunk_updates.count())?;
    let reply = app
        .with_permit(principal.organisation, move |store| {
            let Update { kb_id, context_id, chunk_updates } = request;
            let chunk_updates = chunk_updates.into_vec();
            let evaluator = store.evaluator_for(&principal, &kb_id, &context_id, Permission::Write)?;
            let vectors = ciphertexts(&evaluator, chunk_updates.iter().map(|chunk| &chunk.index).enumerate())?;
            let ids: Vec<u64> = chunk_updates.iter().map(|chunk| chunk.chunk_id).collect();
            check_distinct("the request", &ids)?;
            let changes = chunk_updates.into_iter().map(|update| {
                let ChunkUpdate { chunk_id, chunk_content, index, meta_data, name, sealed_embedding } = update;
                let NewChunk { content, embedding, name, metadata } =
                    new_chunk(Chunk { chunk_content, index, meta_data, name, sealed_embedding })?;
                let metadata = Some(MetadataChange::Replace(metadata.unwrap_or_default()));
                let change = Change { content: Some(content), embedding: Some(embedding), name, metadata };
                Ok((chunk_id, change))
            });
            let changes = changes.collect::<ApiResult<Vec<_>>>()?;
            store.update(&principal, &kb_id, &context_id, &changes, &vectors)?;
            Ok(json!({ "kb_id": kb_id, "updated_count": ids.len(), "chunk_ids": ids }))
        })
        .await;
    reply.map(Json)
}

pub async fn patch(
    State(app): State<App>,
    Permitted(principal): Permitted<WRITE>,
    Body(request): Body<PatchChunks, CHUNKS>,
) -> ApiResult<Json<Value>> {
    app.check_chunks(request.chunk_patches.count())?;
    let reply = app
        .with_permit(principal.organisation, move |store| {
            let PatchChunks { kb_id, context_id, chunk_patches } = request;
            let chunk_patches = chunk_patches.into_vec();
            let ids: Vec<u64> = chunk_patches.iter().map(|patch| patch.chunk_id).collect();
            check_distinct("the request", &ids)?;
            // Patches with a ciphertext come first. Each keeps its position in the request.
            let mut chunk_patches: Vec<_> = chunk_patches.into_iter().enumerate().collect();
            chunk_patches.sort_by_key(|(_, patch)| patch.index.is_none());
            let evaluator = store.evaluator_for(&principal, &kb_id, &context_id, Permission::Write)?;
            let vectors = ciphertexts(
                &evaluator,
                chunk_patches.iter().filter_map(|(number, patch)| Some((*number, patch.index.as_ref()?))),
            )?;
            let changes = chunk_patches.into_iter().map(|(_, patch)| {
                let mut change = change(patch.change)?;
                if patch.index.is_some() {
                    // The embedding of the old vector would be wrong.
                    change.embedding.get_or_insert(None);
                }
                Ok((patch.chunk_id, change))
            });
            let changes = changes.collect::<ApiResult<Vec<_>>>()?;
            store.update(&principal, &kb_id, &context_id, &changes, &vectors)?;
            Ok(json!({ "kb_id": kb_id, "updated_count": ids.len(), "chunk_ids": ids }))
        })
        .await;
    reply.map(Json)
}

pub async fn delete(
    State(app): State<App>,
    Permitted(principal): Permitted<DELETE>,
    parameters: Parameters,
) -> ApiResult<Json<Value>> {
    let ids = parameters.distinct_numbers("chunk_ids", app.limits().chunks)?;
    let base = parameters.one("kb_id")?.to_owned();
    let (deleted, missing) =
        app.with_permit(principal.organisation, move |store| store.delete(&principal, &base, &ids)).await?;
    Ok(Json(json!({ "deleted_count": deleted, "not_found": missing })))
}

/// Decodes and checks ciphertexts in the SDK's encoding. Each comes with the position of its chunk in the request.
fn ciphertexts<'a>(
    evaluator: &Evaluator,
    vectors: impl Iterator<Item = (usize, &'a First<String>)>,
) -> ApiResult<Ciphertexts> {
    let size = evaluator.public_context().parameters().ciphertext_bytes();
    let wrong = |number: usize, what: &dyn Display| {
        ApiError::invalid(format!("the ciphertext of chunk {number} of the request is invalid: {what}"))
    };
    let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
    for (number, index) in vectors {
        let Some(text) = index.only() else {
            let count = index.count();
            let what = format!("there must be one, not {count} (embedding_length must be smaller than key_len)");
            return Err(wrong(number, &what));
        };
        let ciphertext = STANDARD.decode(text).map_err(|error| wrong(number, &format!("it is not base64: {error}")))?;
        if ciphertext.len() > size {
            return Err(wrong(number, &format!("it has {} bytes; the maximum is {size} bytes", ciphertext.len())));
        }
        let end = bytes.len() + size;
        bytes.extend_from_slice(&ciphertext);
        bytes.resize(end, 0);
        numbers.push(number);
    }
    evaluator.import(&bytes).map_err(|error| match error.root() {
        hushvec::Error::Ciphertext { record, problem } => {
            let number = usize::try_from(*record).ok().and_then(|record| numbers.get(record));
            number.map_or_else(|| ApiError::invalid(error.to_string()), |number| wrong(*number, problem))
        }
        _ => error.into(),
    })
}

fn new_chunk(chunk: Chunk) -> ApiResult<NewChunk> {
    check_length("chunk_content", &chunk.chunk_content, MOST_CONTENT)?;
    check_optional("name", chunk.name.as_deref(), MOST_NAME)?;
    check_optional("sealed_embedding", chunk.sealed_embedding.as_deref(), MOST_EMBEDDING)?;
    let metadata = chunk.meta_data.map(Patch::into_metadata);
    Ok(NewChunk { content: chunk.chunk_content, embedding: chunk.sealed_embedding, name: chunk.name, metadata })
}

/// Checks the fields of a patch.
pub fn change(fields: ChangeFields) -> ApiResult<Change> {
    let ChangeFields { chunk_content: content, sealed_embedding, name, metadata } = fields;
    check_optional("chunk_content", content.as_deref(), MOST_CONTENT)?;
    check_optional("sealed_embedding", sealed_embedding.as_deref(), MOST_EMBEDDING)?;
    check_optional("name", name.as_deref(), MOST_NAME)?;
    let metadata = (!metadata.is_empty()).then_some(MetadataChange::Patch(metadata));
    Ok(Change { content, embedding: sealed_embedding.map(Some), name, metadata })
}

fn check_optional(what: &str, text: Option<&str>, most: usize) -> ApiResult<()> {
    text.map_or(Ok(()), |text| check_length(what, text, most))
}

fn check_length(what: &str, text: &str, most: usize) -> ApiResult<()> {
    if text.len() > most {
        return Err(ApiError::invalid(format!("{what} has {} bytes; the maximum is {most} bytes", text.len())));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(format!("{what} contains a zero character")));
    }
    Ok(())
}
