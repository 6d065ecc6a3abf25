//! Extractors: authentication, paths, parameters and bodies of requests.

use super::memory::Held;
use super::organisation::Organisation;
use super::{App, Limits};
use crate::bounded::with_most;
use crate::error::{ApiError, ApiResult};
use crate::store::{Permission, Principal};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use http_body::Body as _;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::timeout;

/// A request on the data plane, with a key of the organisation in its path.
pub struct Data(pub Principal);

impl FromRequestParts<App> for Data {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let principal = authenticate(parts, app, "x-api-key").await?;
        let path = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::malformed(error.body_text()))?;
        let organisation = path.iter().find(|(name, _)| *name == "organisation").map(|(_, value)| value);
        check_organisation(&principal, organisation.unwrap_or_default())?;
        Ok(Self(principal))
    }
}

/// A request on the data plane, with a key that has `PERMISSION` for at least one knowledge base. The knowledge base of
/// the request is in the body, and is checked after the body is read.
pub struct Permitted<const PERMISSION: u8>(pub Principal);

/// The permissions that requests need, as numbers.
pub const READ: u8 = Permission::Read as u8;
pub const WRITE: u8 = Permission::Write as u8;
pub const DELETE: u8 = Permission::Delete as u8;

impl<const PERMISSION: u8> FromRequestParts<App> for Permitted<PERMISSION> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let Data(principal) = Data::from_request_parts(parts, app).await?;
        let Some(needed) = Permission::from_number(PERMISSION.into()) else { return Ok(Self(principal)) };
        if principal.api_key.is_none() {
            return Ok(Self(principal));
        }
        app.with_store(move |store| {
            store.check_some_permission(&principal, needed)?;
            Ok(Self(principal))
        })
        .await
    }
}

/// A request on the admin plane, with the admin key.
pub struct Admin(pub Principal);

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let principal = authenticate(parts, app, "x-xtrace-key").await?;
        check_organisation_header(parts, &principal)?;
        if principal.api_key.is_some() {
            return Err(ApiError::forbidden("this request takes the admin key; an API key was given"));
        }
        Ok(Self(principal))
    }
}

/// A read of knowledge bases. The admin key reads all of them, an API key those that it has a permission for.
pub struct Reader(pub Principal);

impl FromRequestParts<App> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        if header(parts, "x-xtrace-key").is_some() || header(parts, "x-api-key").is_none() {
            let Admin(principal) = Admin::from_request_parts(parts, app).await?;
            return Ok(Self(principal));
        }
        let principal = authenticate(parts, app, "x-api-key").await?;
        check_organisation_header(parts, &principal)?;
        Ok(Self(principal))
    }
}

fn check_organisation_header(parts: &Parts, principal: &Principal) -> ApiResult<()> {
    let organisation = header(parts, "x-xtrace-org-id")
        .ok_or_else(|| ApiError::unauthorized("the header x-xtrace-org-id is missing; it names the organisation"))?;
    check_organisation(principal, organisation)
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

async fn authenticate(parts: &Parts, app: &App, name: &str) -> ApiResult<Principal> {
    let key = header(parts, name)
        .ok_or_else(|| ApiError::unauthorized(format!("the header {name} is missing; it takes a key")))?;
    let key = key.to_owned();
    let principal = app.with_store(move |store| store.authenticate(&key)).await?;
    let principal = principal
        .ok_or_else(|| ApiError::unauthorized(format!("the key in the header {name} is unknown or revoked")))?;
    if let Some(organisation) = parts.extensions.get::<Organisation>() {
        organisation.set(&principal.organisation_name);
    }
    app.held().set_organisation(&principal.organisation_name);
    Ok(principal)
}

/// Checks the organisation. The error is the same whether the other organisation exists or not.
fn check_organisation(principal: &Principal, name: &str) -> ApiResult<()> {
    if principal.organisation_name == name {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("this key does not belong to the organisation {name:?}")))
}

/// The parameters of a path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let path = axum::extract::Path::from_request_parts(parts, app).await;
        let axum::extract::Path(value) = path.map_err(|error| ApiError::malformed(error.body_text()))?;
        Ok(Self(value))
    }
}

/// The maximum body sizes, in KiB: of requests with names only, with a filter, with a context, and with chunks. Chunks
/// are limited by the server's option only.
pub const NAMES: usize = 64;
pub const FILTERS: usize = 4 << 10;
pub const CONTEXTS: usize = 1 << 10;
pub const CHUNKS: usize = usize::MAX >> 10;

/// A JSON body of at most `KIB` KiB, and never more than the server's limit. It is read after the extractors before it
/// have accepted the request, and parsed on a thread that may block.
pub struct Body<T, const KIB: usize = NAMES>(pub T);

impl<T: DeserializeOwned + Send + 'static, const KIB: usize> FromRequest<App> for Body<T, KIB> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        check_media_type(request.headers())?;
        let Limits { body, body_time, wait, chunks, .. } = *app.limits();
        let most = body.min(KIB << 10);
        let held = app.held();
        let bytes = timeout(body_time, read(request.into_body(), most, &held, wait / 4)).await;
        let bytes = bytes.map_err(|_| {
            ApiError::timeout(format!("the request body did not arrive within {} s", body_time.as_secs()))
        })??;
        let parsed = tokio::task::spawn_blocking(move || {
            let _held = held;
            let mut text = serde_json::Deserializer::from_slice(&bytes);
            let value = with_most(chunks, || serde_path_to_error::deserialize(&mut text))?;
            text.end().map_err(|error| ApiError::malformed(format!("the request is not valid JSON: {error}")))?;
            Ok(Self(value))
        });
        parsed.await.map_err(|error| ApiError::internal(&error))?
    }
}

/// Reads a body. Takes memory as it arrives: twice its length, for the bytes and for the values parsed from them.
async fn read(body: axum::body::Body, most: usize, held: &Held, wait: Duration) -> ApiResult<Vec<u8>> {
    let too_large = || {
        let most = most >> 10;
        ApiError::too_large(format!("the request is larger than the limit of {most} KiB; send less at once"))
    };
    let mut body = std::pin::pin!(body);
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|_| ApiError::malformed("the request ended before it was complete"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(too_large());
        }
        held.take(2 * data.len(), wait).await?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn check_media_type(headers: &HeaderMap) -> ApiResult<()> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    if is_json { Ok(()) } else { Err(ApiError::media_type()) }
}

/// The query parameters of a URL, which may repeat.
pub struct Parameters(Vec<(String, String)>);

impl FromRequestParts<App> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let query = axum::extract::Query::from_request_parts(parts, app).await;
        let axum::extract::Query(pairs) = query.map_err(|error| ApiError::malformed(error.body_text()))?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// Returns the parameter `name`, which must be given exactly once.
    pub fn one<'a>(&'a self, name: &'a str) -> ApiResult<&'a str> {
        let mut found = self.all(name);
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(ApiError::invalid(format!("the parameter {name} is missing"))),
            _ => Err(ApiError::invalid(format!("the parameter {name} is given more than once"))),
        }
    }

    /// Returns all values of the parameter `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns the numbers in the parameter `name`: at least one and at most `most`, without duplicates.
    pub fn distinct_numbers(&self, name: &str, most: usize) -> ApiResult<Vec<u64>> {
        let number = |text: &str| {
            text.parse().map_err(|_| ApiError::invalid(format!("{name} must be numbers; {text:?} is not one")))
        };
        let numbers = self.all(name).map(number).collect::<ApiResult<Vec<u64>>>()?;
        if numbers.is_empty() {
            return Err(ApiError::invalid(format!("the parameter {name} is missing")));
        }
        check_count(numbers.len(), most)?;
        check_distinct(name, &numbers)?;
        Ok(numbers)
    }
}

/// Checks the number of chunks in a request.
///
/// # Errors
/// If it is above `most`.
pub fn check_count(count: usize, most: usize) -> ApiResult<()> {
    if count > most {
        return Err(ApiError::too_large(format!(
            "the request has {count} chunks; the maximum is {most} chunks (--max-chunks)"
        )));
    }
    Ok(())
}

/// Checks that numbers are distinct.
///
/// # Errors
/// If there is a duplicate.
pub fn check_distinct(name: &str, numbers: &[u64]) -> ApiResult<()> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let duplicate = sorted.iter().zip(sorted.iter().skip(1)).find(|(one, other)| one == other);
    match duplicate {
        Some((id, _)) => Err(ApiError::invalid(format!("{name} has the duplicate id {id}; name each chunk once"))),
        None => Ok(()),
    }
}
