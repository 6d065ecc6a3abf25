//! Search: aggregates a query with stored vectors.

use super::App;
use super::body::{Encoding, Holds, Rows};
use super::by_metadata::parse_filter;
use super::extract::{Body, FILTERS, Permitted, READ};
use crate::bounded::{First, SmallValue};
use crate::error::{ApiError, ApiResult};
use crate::filter::Filter;
use crate::store::{SearchRequest, Selection};
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::time::timeout;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputeHamming {
    kb_id: String,
    context_id: String,
    query: First<String>,
    #[serde(default)]
    meta_filter: Option<SmallValue>,
    #[serde(default)]
    range: Option<(u64, u64)>,
}

pub async fn compute_hamming(
    State(app): State<App>,
    Permitted(principal): Permitted<READ>,
    headers: HeaderMap,
    Body(request): Body<ComputeHamming, FILTERS>,
) -> ApiResult<Response> {
    let encoding = Encoding::accepted(headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()));
    let filter = request.meta_filter.as_ref().map_or(Ok(Filter::All(Vec::new())), parse_filter)?;
    if request.query.only().is_none() {
        let message = format!("query has {} ciphertexts; it must have exactly one", request.query.count());
        return Err(ApiError::invalid(message));
    }
    if request.range.is_some_and(|(first, last)| first > last) {
        return Err(ApiError::invalid(
            "range must be [first, last]: the first and the last chunk_id to search, inclusive",
        ));
    }
    let organisation = principal.organisation;
    let permit = timeout(app.limits().wait, app.inner.searches.acquire(organisation)).await;
    let permit = permit.map_err(|_| ApiError::busy("too many concurrent searches; try again later"))??;
    let (len, answers) = app
        .with_permit(organisation, move |store| {
            let selection = Selection { base: &request.kb_id, context: &request.context_id, filter: &filter };
            let everything = filter == Filter::All(Vec::new());
            let query = request.query.only().map(String::as_str).unwrap_or_default();
            store.search(&principal, &SearchRequest { selection, everything, range: request.range, query })
        })
        .await?;
    let held = app.held();
    held.take(answers.as_ref().map_or(0, |answers| answers.most_bytes(len)), app.limits().wait).await?;
    app.metrics().count_search(len);
    let holds = Holds { permit, held, writers: app.inner.writers.clone() };
    let body = HttpBody::new(Rows::new(encoding, len, answers, holds));
    Ok(([(header::CONTENT_TYPE, encoding.content_type())], body).into_response())
}
