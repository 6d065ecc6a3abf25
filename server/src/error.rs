//! Errors of requests: a status, a code for programs and a message for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::io::ErrorKind;

/// Why a request failed.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<u32>,
}

/// The result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// The request cannot be parsed.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    /// The request was parsed, but a value in it is invalid.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    /// The client is not authenticated.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// The client lacks permission.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// The body is not declared as JSON.
    pub fn media_type() -> Self {
        let message = "the body must be JSON, sent with Content-Type: application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message)
    }

    /// The requested thing does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The path exists, but does not support this method.
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not support this method")
    }

    /// The request conflicts with stored data.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// The server is overloaded or stopping.
    pub fn busy(message: impl Into<String>) -> Self {
        Self { retry_after: Some(5), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message) }
    }

    /// The client was too slow to send its request.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    }

    /// The request or its reply is too large.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// A database query hit the time limit. This is not a server error: the same request would take as long again.
    pub fn too_slow() -> Self {
        let message = "finding the chunks took too long and was stopped; nothing was changed. Use a simpler \
                       meta_filter, a filter on tags, or a smaller limit";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "too_slow", message)
    }

    /// The organisation has reached its quota.
    pub fn quota(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "quota", message)
    }

    /// The disk is full.
    fn full() -> Self {
        let message = "the server's disk is full; nothing was stored, and stored data can still be read";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", message)
    }

    /// The server failed. The cause goes to the log and not to the client.
    pub fn internal(what: &dyn std::fmt::Display) -> Self {
        tracing::error!("request failed: {what}");
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
    /// Errors about keys and ciphertexts are the client's; all others are the server's.
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
    /// Names the field of the body that is wrong, and the reason.
    fn from(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        if error.inner().is_data() {
            Self::invalid(format!("the request is invalid: {}", without_place(error.to_string(), error.inner())))
        } else {
            Self::malformed(format!("the request is not valid JSON: {error}"))
        }
    }
}

/// Strips the line and column from a JSON error message. They do not help: a body is one long line, and the position is
/// the end of the value.
pub fn without_place(message: String, error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).map(str::to_owned).unwrap_or(message)
}
