//! Contexts and bindings.

use super::App;
use super::extract::{Body, CONTEXTS, Data, Path, Permitted, WRITE};
use super::reply::Reply;
use crate::bounded::SmallValue;
use crate::error::{ApiError, ApiResult};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    data: SmallValue,
    context_id: String,
}

pub async fn store(
    State(app): State<App>,
    Permitted(principal): Permitted<WRITE>,
    Body(request): Body<Store, CONTEXTS>,
) -> ApiResult<Json<Value>> {
    let Store { data: SmallValue(data), context_id } = request;
    if !data.is_object() {
        return Err(ApiError::invalid("data must be a context: a JSON object"));
    }
    app.with_permit(principal.organisation, move |store| {
        store.store_context(&principal, &context_id, &data)?;
        Ok(Json(json!({ "context_id": context_id })))
    })
    .await
}

pub async fn list(State(app): State<App>, Data(principal): Data) -> ApiResult<Json<Value>> {
    let contexts = app.with_store(move |store| store.contexts(&principal)).await?;
    Ok(Json(json!({ "contexts": contexts })))
}

pub async fn get(
    State(app): State<App>,
    Data(principal): Data,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Reply> {
    let mut reply = app.reply();
    app.with_store(move |store| {
        reply.text(&store.context(&principal, &id)?)?;
        Ok(reply)
    })
    .await
}

pub async fn delete(
    State(app): State<App>,
    Data(principal): Data,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    app.with_permit(principal.organisation, move |store| {
        store.delete_context(&principal, &id)?;
        Ok(Json(json!({ "context_id": id, "deleted": true })))
    })
    .await
}

pub async fn contexts_of(
    State(app): State<App>,
    Data(principal): Data,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    let contexts = app.with_store(move |store| store.contexts_of(&principal, &id)).await?;
    Ok(Json(json!({ "context_ids": contexts })))
}

pub async fn knowledge_bases_of(
    State(app): State<App>,
    Data(principal): Data,
    Path((_, id)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    let bases = app.with_store(move |store| store.knowledge_bases_of(&principal, &id)).await?;
    Ok(Json(json!({ "kb_ids": bases })))
}

pub async fn bind(
    State(app): State<App>,
    Data(principal): Data,
    Path((_, base, context)): Path<(String, String, String)>,
) -> ApiResult<Json<Value>> {
    app.with_permit(principal.organisation, move |store| {
        store.bind(&principal, &base, &context)?;
        Ok(Json(json!({ "kb_id": base, "context_id": context })))
    })
    .await
}
