//! Selects, changes and deletes chunks by their metadata.

use super::App;
use super::chunks::{ChangeFields, change};
use super::extract::{Body, DELETE, FILTERS, Permitted, READ, WRITE};
use super::reply::Reply;
use crate::bounded::SmallValue;
use crate::error::{ApiError, ApiResult, without_place};
use crate::filter::Filter;
use crate::store::{Order, Page, Projection, Selection, SortBy};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    kb_id: String,
    context_id: String,
    meta_filter: SmallValue,
    #[serde(default)]
    projection: Option<Vec<String>>,
    #[serde(default)]
    return_content: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectPage {
    kb_id: String,
    context_id: String,
    #[serde(default)]
    meta_filter: Option<SmallValue>,
    #[serde(default)]
    projection: Option<Vec<String>>,
    #[serde(default)]
    return_content: bool,
    #[serde(default)]
    limit: Option<u32>,
    #[serde(default)]
    offset: u32,
    #[serde(default)]
    sort_by: Option<SortBy>,
    #[serde(default)]
    sort_order: Option<Order>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    kb_id: String,
    context_id: String,
    meta_filter: SmallValue,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    kb_id: String,
    context_id: String,
    meta_filter: SmallValue,
    patch: ChangeFields,
    #[serde(default)]
    dry_run: bool,
}

/// Parses the filter of a request: an object, a list, or the JSON text of either.
pub fn parse_filter(value: &SmallValue) -> ApiResult<Filter> {
    let Value::String(text) = &value.0 else { return Filter::parse(&value.0) };
    let wrong = |error: serde_json::Error| {
        if error.is_data() {
            ApiError::invalid(format!("meta_filter is invalid: {}", without_place(error.to_string(), &error)))
        } else {
            ApiError::invalid(format!("meta_filter is a string that is not JSON: {error}"))
        }
    };
    let parsed: SmallValue = serde_json::from_str(text).map_err(wrong)?;
    if parsed.0.is_string() {
        return Err(ApiError::invalid("meta_filter must be an object like {\"tag1\": \"news\"}"));
    }
    Filter::parse(&parsed.0)
}

fn projection(names: Option<&[String]>, return_content: bool) -> ApiResult<Projection> {
    let projection = names.map_or(Ok(Projection::WITHOUT_CONTENT), Projection::from_names)?;
    Ok(if return_content { projection.with_content() } else { projection })
}

pub async fn select(
    State(app): State<App>,
    Permitted(principal): Permitted<READ>,
    Body(request): Body<Select, FILTERS>,
) -> ApiResult<Reply> {
    let filter = parse_filter(&request.meta_filter)?;
    let projection = projection(request.projection.as_deref(), request.return_content)?;
    let mut reply = app.reply();
    app.with_permit(principal.organisation, move |store| {
        let selection = Selection { base: &request.kb_id, context: &request.context_id, filter: &filter };
        reply.text("[")?;
        store.select(&principal, &selection, &Page::ALL, projection, &mut |chunk| reply.element(chunk))?;
        reply.text("]")?;
        Ok(reply)
    })
    .await
}

pub async fn page(
    State(app): State<App>,
    Permitted(principal): Permitted<READ>,
    Body(request): Body<SelectPage, FILTERS>,
) -> ApiResult<Reply> {
    let filter = request.meta_filter.as_ref().map_or(Ok(Filter::All(Vec::new())), parse_filter)?;
    let projection = projection(request.projection.as_deref(), request.return_content)?;
    let (offset, limit) = (request.offset, request.limit);
    let page = Page {
        sort_by: request.sort_by.unwrap_or(SortBy::ChunkId),
        order: request.sort_order.unwrap_or(Order::Desc),
        offset,
        limit,
    };
    let mut reply = app.reply();
    app.with_permit(principal.organisation, move |store| {
        let selection = Selection { base: &request.kb_id, context: &request.context_id, filter: &filter };
        reply.text("{\"results\":[")?;
        let (count, total) =
            store.select(&principal, &selection, &page, projection, &mut |chunk| reply.element(chunk))?;
        let has_more = u64::from(offset) + count < total;
        let limit = json!(limit);
        reply.text(&format!(r#"],"total":{total},"offset":{offset},"limit":{limit},"has_more":{has_more}}}"#))?;
        Ok(reply)
    })
    .await
}

pub async fn delete(
    State(app): State<App>,
    Permitted(principal): Permitted<DELETE>,
    Body(request): Body<Delete, FILTERS>,
) -> ApiResult<Json<Value>> {
    let filter = filter_to_change(&request.meta_filter)?;
    let is_dry_run = request.dry_run;
    let count = app
        .with_permit(principal.organisation, move |store| {
            let selection = Selection { base: &request.kb_id, context: &request.context_id, filter: &filter };
            store.delete_selected(&principal, &selection, is_dry_run)
        })
        .await?;
    Ok(Json(if is_dry_run { json!({ "would_delete_count": count }) } else { json!({ "deleted_count": count }) }))
}

pub async fn patch(
    State(app): State<App>,
    Permitted(principal): Permitted<WRITE>,
    Body(request): Body<Patch, FILTERS>,
) -> ApiResult<Json<Value>> {
    let filter = filter_to_change(&request.meta_filter)?;
    let change = change(request.patch)?;
    if change.content.is_some() || change.embedding.is_some() || change.name.is_some() {
        return Err(ApiError::invalid(
            "a patch by meta_filter can change only metadata, not chunk_content, sealed_embedding or name",
        ));
    }
    let is_dry_run = request.dry_run;
    let count = app
        .with_permit(principal.organisation, move |store| {
            let selection = Selection { base: &request.kb_id, context: &request.context_id, filter: &filter };
            store.patch_selected(&principal, &selection, &change, is_dry_run)
        })
        .await?;
    Ok(Json(if is_dry_run { json!({ "would_update_count": count }) } else { json!({ "updated_count": count }) }))
}

/// Parses the filter of a change. A filter that matches every chunk is refused, because it is probably a mistake.
fn filter_to_change(value: &SmallValue) -> ApiResult<Filter> {
    let filter = parse_filter(value)?;
    if matches_everything(&filter) {
        return Err(ApiError::invalid("meta_filter is empty and would change every chunk; add a condition"));
    }
    Ok(filter)
}

fn matches_everything(filter: &Filter) -> bool {
    match filter {
        Filter::All(list) => list.iter().all(matches_everything),
        Filter::Any(list) => list.iter().any(matches_everything),
        Filter::Tag(..) | Filter::Facets(_) => false,
    }
}
