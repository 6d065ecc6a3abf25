//! What a request can fail with: a status, a code for programs and a message for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::io::ErrorKind;

/// Why a request was not done.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u32>,
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// The request cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    /// The request can be read, and asks for what cannot be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    /// Nobody knows who asks.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// Who asks may not have it.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// The body is not JSON.
    pub fn media_type() -> Self {
        let message = "send JSON, as Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message)
    }

    /// What is asked for is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The path is there, and not for this method.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
    }

    /// It contradicts what is stored.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// Too much is going on.
    pub fn busy(message: impl Into<String>) -> Self {
        Self { retry_after: Some(5), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message) }
    }

    /// The client was too slow to send its request.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    }

    /// More than fits a request.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// A query that was ended. It is no error of the server's: the same request would take as long again.
    pub fn too_slow() -> Self {
        let message = "finding the chunks took too long and was stopped; nothing was changed. Use a simpler meta_filter, \
                       one on tags, or a smaller limit";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too_slow", message)
    }

    /// The organisation has as much as it may.
    pub fn quota(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "quota", message)
    }

    /// The disk is full.
    fn full() -> Self {
        let message = "the server's disk is full; nothing was stored, and what was stored before can be read";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", message)
    }

    /// The server's own fault. What happened goes to the log and not to the client.
    pub fn internal(what: &dyn std::fmt::Display) -> Self {
        tracing::error!("a request failed: {what}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the server failed; its log says why")
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "code": self.code, "message": self.message }));
        let mut response = (self.status, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<hushvec::Error> for ApiError {
    /// What the engine says of keys and ciphertexts is about the request; the rest is about this machine.
    fn from(error: hushvec::Error) -> Self {
        use hushvec::{Error, ErrorKind};
        match error.kind() {
            ErrorKind::Parameter
            | ErrorKind::Input
            | ErrorKind::Ciphertext
            | ErrorKind::Context
            | ErrorKind::WeakKey
            | ErrorKind::Mismatch => Self::invalid(error.to_string()),
            ErrorKind::File => match error.root() {
                Error::Io { source, .. } if is_full(source.kind()) => Self::full(),
                _ => Self::internal(&error),
            },
            ErrorKind::Unseal | ErrorKind::Format | ErrorKind::Device | ErrorKind::Service | ErrorKind::Cancelled => {
                Self::internal(&error)
            }
        }
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        if is_full(error.kind()) { Self::full() } else { Self::internal(&error) }
    }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        let code = error.sqlite_error().map(|error| (error.code, error.extended_code));
        match code {
            Some((rusqlite::ErrorCode::OperationInterrupted, _)) => Self::too_slow(),
            Some((rusqlite::ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE)) => Self::full(),
            _ => Self::internal(&error),
        }
    }
}

impl From<serde_path_to_error::Error<serde_json::Error>> for ApiError {
    /// Which field of the body is wrong, and how.
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        if error.inner().is_data() {
            Self::invalid(format!("the request cannot be used: {}", without_place(error.to_string(), error.inner())))
        } else {
            Self::malformed(format!("the request is not valid JSON: {error}"))
        }
    }
}

/// What is said of JSON without the line and the column: a body is one long line, and where a value ends is not what is wrong
/// with it.
pub fn without_place(said: String, error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    said.strip_suffix(&place).map(str::to_owned).unwrap_or(said)
}
