//! What can go wrong between here and a server.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;

/// Reasons of connections that fail however often they are tried.
const NOT_TLS: &str = "cannot connect: the server does not speak TLS on this port; its address may begin with http://";
const NOT_HTTP: &str = "the answer is not HTTP; the server's address may begin with https://";

/// Why a server did not do what it was asked for. No variant holds a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something was given that cannot be sent.
    #[error("{what} cannot be used: {reason}")]
    Argument {
        /// What was given.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The server was not reached, or went away.
    #[error("{host}: {reason}")]
    Connection {
        /// The server's host, with the port unless it is the usual one.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The server refused.
    #[error("{host}: {status}{}", behind_colon(.message))]
    Status {
        /// The server's host.
        host: String,
        /// The status of its answer.
        status: reqwest::StatusCode,
        /// What it said about it, without control characters. May be empty.
        message: String,
    },
    /// The server's answer is not what it should be.
    #[error("{host}: {reason}")]
    Reply {
        /// The server's host.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rows of a search are not those of the chunks that were stored.
    #[error("{host}: {problem}")]
    Rows {
        /// The server's host.
        host: String,
        /// What is wrong with them.
        problem: RowsProblem,
    },
    /// The server has nothing of that name, or several things.
    #[error("{host}: {reason}")]
    Name {
        /// The server's host.
        host: String,
        /// What there is instead.
        reason: String,
    },
    /// Something is wrong with a chunk that was found.
    #[error("{host}: chunk {chunk} {reason}")]
    Chunk {
        /// The server's host.
        host: String,
        /// The server's number of the chunk.
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
    /// Keys and ciphertexts do not fit.
    #[error(transparent)]
    Engine(#[from] hushvec::Error),
}

/// Why the rows of a search are refused. Chunks are named by the server's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowsProblem {
    /// There are more rows than chunks that could be meant.
    TooMany {
        /// Chunks that are listed, and in the range that was asked for.
        listed: u64,
        /// Rows.
        actual: u64,
    },
    /// Chunks that are there more than once.
    Repeated {
        /// How many rows are repetitions.
        count: u64,
        /// The chunk of the first.
        first: u64,
    },
    /// Chunks that are not listed, or outside of the range that was asked for.
    Unexpected {
        /// How many.
        count: u64,
        /// The first.
        first: u64,
    },
    /// Chunks that are listed and have no row, though no filter was given.
    Missing {
        /// How many.
        count: u64,
        /// The first.
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
                write!(f, "the answer repeats chunks: {count} rows too many, the first of chunk {first}")
            }
            Self::Unexpected { count, first } => {
                write!(
                    f,
                    "the answer has {count} rows of chunks that were not asked for or never pushed from here, the \
                    first of chunk {first}"
                )
            }
            Self::Missing { count, first } => {
                write!(
                    f,
                    "the answer lacks {count} of the chunks that were pushed from here, the first is chunk {first}"
                )
            }
        }
    }
}

fn behind_colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

impl Error {
    /// The HTTP status, if the server answered with one that says why not.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(status.as_u16()),
            _ => None,
        }
    }

    /// Whether the same request could be done a little later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => status.is_server_error(),
            Self::Connection { reason, .. } => ![NOT_TLS, NOT_HTTP].contains(&reason.as_str()),
            _ => false,
        }
    }

    /// What the HTTP library says, in few words and without the URL.
    pub(crate) fn connection(host: &str, error: &reqwest::Error) -> Self {
        let mut cause: &dyn StdError = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let said = cause.to_string();
        let reason = match (error.is_connect(), error.is_timeout()) {
            // What rustls makes of an answer in plain text, and hyper of one that is encrypted.
            (true, false) if said.contains("InvalidContentType") => NOT_TLS.to_owned(),
            (false, false) if said.contains("invalid HTTP version") => NOT_HTTP.to_owned(),
            (true, true) => "cannot connect: nobody answered in time".to_owned(),
            (true, false) => format!("cannot connect: {said}"),
            (false, true) => "the server did not answer in time".to_owned(),
            (false, false) => format!("the connection was lost: {said}"),
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
