//! Who asks, and for what.

use super::App;
use super::observe::Organisation;
use crate::error::{ApiError, ApiResult};
use crate::store::Principal;
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// A request on the data plane, by a key of the organisation in its path.
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

/// A request on the admin plane.
pub struct Admin(pub Principal);

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let principal = authenticate(parts, app, "x-xtrace-key").await?;
        let organisation = header(parts, "x-xtrace-org-id")
            .ok_or_else(|| ApiError::unauthorized("name the organisation in the header x-xtrace-org-id"))?;
        check_organisation(&principal, organisation)?;
        if principal.api_key.is_some() {
            return Err(ApiError::forbidden("this takes the admin key; an API key was given"));
        }
        Ok(Self(principal))
    }
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

async fn authenticate(parts: &Parts, app: &App, name: &str) -> ApiResult<Principal> {
    let key = header(parts, name).ok_or_else(|| ApiError::unauthorized(format!("send a key in the header {name}")))?;
    let key = key.to_owned();
    let principal = app.with_store(move |store| store.authenticate(&key)).await?;
    let principal = principal
        .ok_or_else(|| ApiError::unauthorized(format!("the key in the header {name} is unknown or revoked")))?;
    if let Some(organisation) = parts.extensions.get::<Organisation>() {
        organisation.set(&principal.organisation_name);
    }
    Ok(principal)
}

/// Other organisations look the same whether they exist or not.
fn check_organisation(principal: &Principal, name: &str) -> ApiResult<()> {
    if principal.organisation_name == name {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("this key is not of the organisation {name:?}")))
}

/// The parts of a path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let path = axum::extract::Path::from_request_parts(parts, app).await;
        let axum::extract::Path(value) = path.map_err(|error| ApiError::malformed(error.body_text()))?;
        Ok(Self(value))
    }
}

/// A body of JSON.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let within = app.limits().body_time;
        let Json(value) = timeout(within, Json::from_request(request, app))
            .await
            .map_err(|_| ApiError::timeout(format!("the request did not arrive within {} s", within.as_secs())))??;
        Ok(Self(value))
    }
}

/// The parameters behind the question mark, which may repeat.
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
    /// The one parameter of that name.
    pub fn one<'a>(&'a self, name: &'a str) -> ApiResult<&'a str> {
        let mut found = self.all(name);
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(ApiError::invalid(format!("the parameter {name} is missing"))),
            _ => Err(ApiError::invalid(format!("the parameter {name} is there twice"))),
        }
    }

    /// All parameters of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The numbers of that name, of which there has to be one.
    pub fn numbers(&self, name: &str) -> ApiResult<Vec<u64>> {
        let number = |text: &str| {
            text.parse().map_err(|_| ApiError::invalid(format!("{name} must be numbers, and one is {text:?}")))
        };
        let numbers = self.all(name).map(number).collect::<ApiResult<Vec<u64>>>()?;
        if numbers.is_empty() {
            return Err(ApiError::invalid(format!("the parameter {name} is missing")));
        }
        Ok(numbers)
    }
}
