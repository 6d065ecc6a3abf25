//! Sends requests and reads answers, with keys, size limits and retries.

use crate::error::Error;
use crate::http_store::HttpStore;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Delays before retries, the same as in XTrace's SDK.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(3)];
/// The maximum size of an error answer, in bytes.
const MOST_REFUSAL: usize = 64 << 10;
/// The maximum number of its characters in an error message.
const MOST_SHOWN: usize = 500;

/// Whether to retry a request if the server fails or the connection is lost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Do not retry.
    Never,
    /// Retry up to two times.
    Twice,
}

/// The body of an error answer, from hushvec's or XTrace's server.
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default, alias = "detail", alias = "error")]
    message: serde_json::Value,
}

impl HttpStore {
    /// Creates a request on the data plane, for `/v1/{what}/{organisation}` followed by the segments in `behind`.
    pub(crate) fn request(&self, method: Method, what: &str, behind: &[&str]) -> Result<RequestBuilder, Error> {
        let path: Vec<&str> =
            what.split('/').chain([self.organisation.as_str()]).chain(behind.iter().copied()).collect();
        self.request_at(method, self.address(&path)?)
    }

    pub(crate) fn request_at(&self, method: Method, url: Url) -> Result<RequestBuilder, Error> {
        Ok(self.http.request(method, url).header("x-api-key", self.api_key.header()?))
    }

    /// Creates a request on the admin plane.
    pub(crate) fn admin_request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Error> {
        let Some(key) = &self.admin_key else {
            return Err(Error::Argument { what: "the admin key", reason: "it is missing".to_owned() });
        };
        let request = self.http.request(method, self.address(path)?).header("x-xtrace-key", key.header()?);
        Ok(request.header("x-xtrace-org-id", &self.organisation))
    }

    /// Creates a read request with the admin key if there is one, else with the API key.
    pub(crate) fn reader_request(&self, path: &[&str]) -> Result<RequestBuilder, Error> {
        if self.admin_key.is_some() {
            return self.admin_request(Method::GET, path);
        }
        let request = self.request_at(Method::GET, self.address(path)?)?;
        Ok(request.header("x-xtrace-org-id", &self.organisation))
    }

    /// Sends a request. Returns the answer if its status is a success.
    pub(crate) async fn send(&self, request: RequestBuilder, retry: Retry) -> Result<Response, Error> {
        for pause in PAUSES.into_iter().filter(|_| retry == Retry::Twice) {
            // Fails only for streaming bodies, which this client does not use.
            let Some(again) = request.try_clone() else { break };
            match self.try_once(again).await {
                Err(error) if error.is_transient() => {
                    tracing::warn!("{error}; retrying in {} s", pause.as_secs());
                    tokio::time::sleep(pause).await;
                }
                result => return result,
            }
        }
        self.try_once(request).await
    }

    async fn try_once(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| Error::connection(&self.host, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        // The message is optional: the status alone decides.
        let body = self.body(response, MOST_REFUSAL).await.unwrap_or_default();
        Err(Error::Status { host: self.host.clone(), status, message: self.shown(&body) })
    }

    /// Returns the message of an error answer, safe to print.
    fn shown(&self, body: &[u8]) -> String {
        let said = serde_json::from_slice::<Refusal>(body).unwrap_or_default().message;
        let text = match &said {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        self.redact(&text).chars().filter(|c| !c.is_control()).take(MOST_SHOWN).collect()
    }

    /// Sends a request and reads its answer, of at most `most` bytes, as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        retry: Retry,
        most: usize,
    ) -> Result<T, Error> {
        let response = self.send(request.header(ACCEPT, "application/json"), retry).await?;
        let body = self.body(response, most).await?;
        serde_json::from_slice(&body)
            .map_err(|error| Error::reply(&self.host, format!("the answer is invalid: {error}")))
    }

    async fn body(&self, mut response: Response, most: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| Error::connection(&self.host, &error))? {
            if body.len() + piece.len() > most {
                return Err(Error::reply(&self.host, format!("the answer is longer than {most} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}

/// Adds a JSON body to a request.
pub fn with_json(request: RequestBuilder, body: &impl Serialize) -> Result<RequestBuilder, Error> {
    let body =
        serde_json::to_vec(body).map_err(|error| Error::Argument { what: "the request", reason: error.to_string() })?;
    Ok(request.header(CONTENT_TYPE, "application/json").body(body))
}
