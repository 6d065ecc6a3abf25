//! Errors of the client.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

/// Reasons for which a retry is pointless.
const NOT_TLS: &str = "cannot connect: the server does not use TLS on this port; try an address with http://";
const NOT_HTTP: &str = "the answer is not HTTP; try an address with https://";

/// Why a request failed. No variant contains a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument is invalid.
    #[error("{what} cannot be used: {reason}")]
    Argument {
        /// The argument.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The server could not be reached, or the connection was lost.
    #[error("{host}: {reason}")]
    Connection {
        /// The server's host, with the port unless it is the default port.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The server answered with an error status.
    #[error("{host}: {status}{}", after_colon(.message))]
    Status {
        /// The server's host.
        host: String,
        /// The HTTP status.
        status: reqwest::StatusCode,
        /// The server's message, without control characters. May be empty.
        message: String,
    },
    /// The server's answer is invalid.
    #[error("{host}: {reason}")]
    Reply {
        /// The server's host.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rows of a search do not match the chunks that were stored.
    #[error("{host}: {problem}")]
    Rows {
        /// The server's host.
        host: String,
        /// What is wrong with them.
        problem: RowsProblem,
    },
    /// A name on the server does not exist, or is ambiguous.
    #[error("{host}: {reason}")]
    Name {
        /// The server's host.
        host: String,
        /// What was found instead.
        reason: String,
    },
    /// A chunk that was found is unusable.
    #[error("{host}: chunk {chunk} {reason}")]
    Chunk {
        /// The server's host.
        host: String,
        /// The chunk's id on the server.
        chunk: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A list of pushed chunks cannot be used.
    #[error("{}: {reason}", .path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An error of the library, for example a ciphertext that does not match the key.
    #[error(transparent)]
    Engine(#[from] hushvec::Error),
}

/// Why the rows of a search are refused. Chunks are identified by their ids on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowsProblem {
    /// The answer has more rows than expected chunks.
    TooMany {
        /// The number of listed chunks in the requested range.
        listed: u64,
        /// The number of rows.
        actual: u64,
    },
    /// The answer has duplicate chunks.
    Repeated {
        /// The number of duplicate rows.
        count: u64,
        /// The first duplicate chunk.
        first: u64,
    },
    /// The answer has chunks that are not listed or are outside the requested range.
    Unexpected {
        /// The number of rows.
        count: u64,
        /// The first of these chunks.
        first: u64,
    },
    /// Listed chunks have no row, although no filter was given.
    Missing {
        /// The number of chunks.
        count: u64,
        /// The first of these chunks.
        first: u64,
    },
}

impl fmt::Display for RowsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany { listed, actual } => {
                write!(f, "the answer has {actual} rows, but only {listed} chunks were pushed from here")
            }
            Self::Repeated { count, first } => {
                write!(f, "the answer has {count} duplicate rows, the first for chunk {first}")
            }
            Self::Unexpected { count, first } => {
                write!(
                    f,
                    "the answer has {count} rows of chunks that were not requested or never pushed from here, the \
                    first for chunk {first}"
                )
            }
            Self::Missing { count, first } => {
                write!(
                    f,
                    "the answer lacks {count} of the chunks that were pushed from here; the first is chunk {first}"
                )
            }
        }
    }
}

fn after_colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Error {
    /// Returns the HTTP status, if the server answered with an error status.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// Returns whether a retry may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => status.is_server_error(),
            Self::Connection { reason, .. } => ![NOT_TLS, NOT_HTTP].contains(&reason.as_str()),
            _ => false,
        }
    }

    /// Converts an error of the HTTP library to a short reason without the URL.
    pub(crate) fn connection(host: &str, error: &reqwest::Error) -> Self {
        let mut cause: &dyn StdError = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let cause_text = cause.to_string();
        let reason = match (error.is_connect(), error.is_timeout()) {
            // The errors of rustls for a plain-text answer, and of hyper for an encrypted one.
            (true, false) if cause_text.contains("InvalidContentType") => NOT_TLS.to_owned(),
            (false, false) if cause_text.contains("invalid HTTP version") => NOT_HTTP.to_owned(),
            (true, true) => "cannot connect: connection timed out".to_owned(),
            (true, false) => format!("cannot connect: {cause_text}"),
            (false, true) => "timeout: the server sent no answer".to_owned(),
            (false, false) => format!("the connection was lost: {cause_text}"),
        };
        Self::Connection { host: host.to_owned(), reason }
    }

    pub(crate) fn reply(host: &str, reason: impl Into<String>) -> Self {
        Self::Reply { host: host.to_owned(), reason: reason.into() }
    }
}

impl From<Error> for hushvec::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine(error) => error,
            other => Self::Remote(other.to_string()),
        }
    }
}
