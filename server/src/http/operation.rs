//! Endpoints for operators: health, readiness, metrics and the OpenAPI description.

use super::App;
use super::extract::{Admin, Path};
use crate::error::{ApiError, ApiResult};
use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The OpenAPI description.
const DESCRIPTION: &str = include_str!("../../openapi.json");

pub async fn root() -> Json<serde_json::Value> {
    Json(json!({ "name": "hushvec-server", "version": env!("CARGO_PKG_VERSION"), "description": "/openapi.json" }))
}

pub async fn file(State(app): State<App>, Path(file): Path<String>, request: Request) -> ApiResult<Response> {
    match file.as_str() {
        "health" => Ok(Json(json!({ "status": "ok" })).into_response()),
        "ready" => ready(&app).await,
        "openapi.json" => Ok(([(header::CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()),
        "metrics" => {
            let (mut parts, _) = request.into_parts();
            Admin::from_request_parts(&mut parts, &app).await?;
            metrics(&app).await
        }
        _ => Err(ApiError::not_found(format!("unknown path /{file}; see /openapi.json"))),
    }
}

async fn ready(app: &App) -> ApiResult<Response> {
    if app.is_stopping() {
        return Err(ApiError::busy("the server is stopping"));
    }
    let device = app.with_store(|store| store.check().map(|()| store.device_report())).await?;
    Ok(Json(json!({ "status": "ready", "device": device })).into_response())
}

async fn metrics(app: &App) -> ApiResult<Response> {
    let counts = app.with_store(|store| Ok(store.counts())).await?;
    let text = app.metrics().text(&counts).map_err(|error| ApiError::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
