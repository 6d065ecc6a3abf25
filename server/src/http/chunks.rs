//! Chunks by their ids.

use super::App;
use super::extract::{Body, Data, Parameters};
use crate::error::{ApiError, ApiResult};
use crate::metadata::{Metadata, Patch};
use crate::store::{Change, MetadataChange, NewChunk, Permission, Projection};
use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hushvec::{Ciphertexts, Evaluator};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt::Display;

/// The longest sealed content and name of a chunk, in bytes.
const MOST_CONTENT: usize = 8 << 20;
const MOST_NAME: usize = 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insert {
    kb_id: String,
    context_id: String,
    chunks: Vec<Chunk>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    chunk_content: String,
    index: Vec<String>,
    #[serde(default)]
    meta_data: Option<Map<String, Value>>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    kb_id: String,
    context_id: String,
    chunk_updates: Vec<ChunkUpdate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkUpdate {
    chunk_id: u64,
    chunk_content: String,
    index: Vec<String>,
    #[serde(default)]
    meta_data: Option<Map<String, Value>>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchChunks {
    kb_id: String,
    context_id: String,
    chunk_patches: Vec<ChunkPatch>,
}

#[derive(Deserialize)]
pub struct ChunkPatch {
    chunk_id: u64,
    #[serde(default)]
    index: Option<Vec<String>>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

pub async fn insert(
    State(app): State<App>,
    Data(principal): Data,
    Body(request): Body<Insert>,
) -> ApiResult<Json<Value>> {
    app.check_chunks(request.chunks.len())?;
    let turn = app.turn().await?;
    let reply = app
        .with_store(move |store| {
            let Insert { kb_id, context_id, chunks } = request;
            let evaluator = store.evaluator_for(&principal, &kb_id, &context_id, Permission::Write)?;
            let vectors = ciphertexts(&evaluator, chunks.iter().map(|chunk| chunk.index.as_slice()).enumerate())?;
            let chunks = chunks.into_iter().map(new_chunk).collect::<ApiResult<Vec<_>>>()?;
            let ids = store.insert(&principal, &kb_id, &context_id, &chunks, &vectors)?;
            Ok(json!({ "kb_id": kb_id, "context_id": context_id, "inserted_count": ids.len(), "chunk_ids": ids }))
        })
        .await;
    drop(turn);
    reply.map(Json)
}

pub async fn get(State(app): State<App>, Data(principal): Data, parameters: Parameters) -> ApiResult<Json<Vec<Value>>> {
    let ids = parameters.numbers("chunk_ids")?;
    app.check_chunks(ids.len())?;
    let names: Vec<&str> = parameters.all("projection").collect();
    let projection = if names.is_empty() { Projection::ALL } else { Projection::from_names(&names)? };
    let base = parameters.one("kb_id")?.to_owned();
    app.with_store(move |store| store.chunks(&principal, &base, &ids, projection)).await.map(Json)
}

pub async fn update(
    State(app): State<App>,
    Data(principal): Data,
    Body(request): Body<Update>,
) -> ApiResult<Json<Value>> {
    app.check_chunks(request.chunk_updates.len())?;
    let turn = app.turn().await?;
    let reply = app
        .with_store(move |store| {
            let Update { kb_id, context_id, chunk_updates } = request;
            let evaluator = store.evaluator_for(&principal, &kb_id, &context_id, Permission::Write)?;
            let vectors =
                ciphertexts(&evaluator, chunk_updates.iter().map(|chunk| chunk.index.as_slice()).enumerate())?;
            let ids: Vec<u64> = chunk_updates.iter().map(|chunk| chunk.chunk_id).collect();
            check_distinct(&ids)?;
            let changes =
                chunk_updates.into_iter().map(|ChunkUpdate { chunk_id, chunk_content, index, meta_data, name }| {
                    let chunk = new_chunk(Chunk { chunk_content, index, meta_data, name })?;
                    let metadata = Some(MetadataChange::Replace(chunk.metadata));
                    Ok((chunk_id, Change { content: Some(chunk.content), name: chunk.name, metadata }))
                });
            let changes = changes.collect::<ApiResult<Vec<_>>>()?;
            store.update(&principal, &kb_id, &context_id, &changes, &vectors)?;
            Ok(json!({ "kb_id": kb_id, "updated_count": ids.len(), "chunk_ids": ids }))
        })
        .await;
    drop(turn);
    reply.map(Json)
}

pub async fn patch(
    State(app): State<App>,
    Data(principal): Data,
    Body(request): Body<PatchChunks>,
) -> ApiResult<Json<Value>> {
    app.check_chunks(request.chunk_patches.len())?;
    let turn = app.turn().await?;
    let reply = app
        .with_store(move |store| {
            let PatchChunks { kb_id, context_id, chunk_patches } = request;
            let ids: Vec<u64> = chunk_patches.iter().map(|patch| patch.chunk_id).collect();
            check_distinct(&ids)?;
            // Those with a ciphertext first, each with its number in the request.
            let mut chunk_patches: Vec<_> = chunk_patches.into_iter().enumerate().collect();
            chunk_patches.sort_by_key(|(_, patch)| patch.index.is_none());
            let evaluator = store.evaluator_for(&principal, &kb_id, &context_id, Permission::Write)?;
            let vectors = ciphertexts(
                &evaluator,
                chunk_patches.iter().filter_map(|(number, patch)| Some((*number, patch.index.as_deref()?))),
            )?;
            let changes = chunk_patches.into_iter().map(|(_, patch)| Ok((patch.chunk_id, change(patch.fields)?)));
            let changes = changes.collect::<ApiResult<Vec<_>>>()?;
            store.update(&principal, &kb_id, &context_id, &changes, &vectors)?;
            Ok(json!({ "kb_id": kb_id, "updated_count": ids.len(), "chunk_ids": ids }))
        })
        .await;
    drop(turn);
    reply.map(Json)
}

pub async fn delete(State(app): State<App>, Data(principal): Data, parameters: Parameters) -> ApiResult<Json<Value>> {
    let ids = parameters.numbers("chunk_ids")?;
    app.check_chunks(ids.len())?;
    let base = parameters.one("kb_id")?.to_owned();
    let (deleted, missing) = app.with_store(move |store| store.delete(&principal, &base, &ids)).await?;
    Ok(Json(json!({ "deleted_count": deleted, "not_found": missing })))
}

/// Ciphertexts in the SDK's encoding, checked. Each comes with the number in the request of the chunk that it is of.
fn ciphertexts<'a>(
    evaluator: &Evaluator,
    vectors: impl Iterator<Item = (usize, &'a [String])>,
) -> ApiResult<Ciphertexts> {
    let size = evaluator.public_context().parameters().ciphertext_bytes();
    let wrong = |number: usize, what: &dyn Display| {
        ApiError::invalid(format!("the ciphertext of chunk {number} of the request cannot be used: {what}"))
    };
    let (mut bytes, mut numbers) = (Vec::new(), Vec::new());
    for (number, index) in vectors {
        let [text] = index else {
            let count = index.len();
            let what = format!("there are {count}, but a vector is one, of fewer dimensions than key_len");
            return Err(wrong(number, &what));
        };
        let ciphertext = STANDARD.decode(text).map_err(|error| wrong(number, &format!("it is not base64: {error}")))?;
        if ciphertext.len() > size {
            return Err(wrong(number, &format!("it has {} bytes, more than {size}", ciphertext.len())));
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
    if let Some(name) = &chunk.name {
        check_length("name", name, MOST_NAME)?;
    }
    let metadata = chunk.meta_data.as_ref().map_or_else(|| Ok(Metadata::default()), Metadata::from_json)?;
    Ok(NewChunk { content: chunk.chunk_content, name: chunk.name, metadata })
}

/// What a patch says: content, name, and metadata in an object of its own or beside them.
pub fn change(mut fields: Map<String, Value>) -> ApiResult<Change> {
    let mut text = |name: &str, most| match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => check_length(name, &text, most).map(|()| Some(text)),
        Some(_) => Err(ApiError::invalid(format!("{name} must be a string"))),
    };
    let (content, name) = (text("chunk_content", MOST_CONTENT)?, text("name", MOST_NAME)?);
    match fields.remove("meta_data") {
        None => {}
        Some(Value::Object(metadata)) => fields.extend(metadata),
        Some(_) => return Err(ApiError::invalid("meta_data must be an object")),
    }
    let patch = Patch::from_json(&fields)?;
    let metadata = (!patch.is_empty()).then_some(MetadataChange::Patch(patch));
    Ok(Change { content, name, metadata })
}

fn check_length(what: &str, text: &str, most: usize) -> ApiResult<()> {
    if text.len() > most {
        return Err(ApiError::invalid(format!("{what} has {} bytes, at most {most} are taken", text.len())));
    }
    if text.contains('\0') {
        return Err(ApiError::invalid(format!("{what} has a zero character in it")));
    }
    Ok(())
}

fn check_distinct(ids: &[u64]) -> ApiResult<()> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ApiError::invalid(format!("chunk {} is there twice", pair[0]))),
        None => Ok(()),
    }
}
